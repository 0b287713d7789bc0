//! The text of an item: what people read in it.
//!
//! Source of the shapes: the types of the public ChatKit server SDK (`ThreadItem`).

use serde_json::Value;
use store_core::chatkit::ItemType;

/// The deepest nesting of widgets that is looked into; JSON is not nested deeper.
const MAX_DEPTH: usize = 100;

/// The fields of a widget's components that hold text people read.
const WIDGET_TEXTS: [&str; 4] = ["value", "label", "text", "title"];

/// Returns the texts of an item in the order in which they are read. Keys, ids and hidden contexts
/// are none.
pub(super) fn texts<'a>(item_type: &ItemType, content: &'a Value) -> Vec<&'a str> {
    let mut texts = Vec::new();
    match item_type {
        ItemType::UserMessage => {
            push(&mut texts, content, &["quoted_text"]);
            each(content, "content", |part| push(&mut texts, part, &["text"]));
        }
        ItemType::AssistantMessage => {
            each(content, "content", |part| push(&mut texts, part, &["text"]));
        }
        ItemType::Widget => match content.get("copy_text") {
            Some(Value::String(text)) => texts.push(text),
            _ => widget(&mut texts, content.get("widget"), 0),
        },
        ItemType::StructuredInput => {
            each(content, "inputs", |input| structured_input(&mut texts, input));
        }
        ItemType::Workflow => {
            let workflow = content.get("workflow").unwrap_or(&Value::Null);
            push(&mut texts, workflow.get("summary").unwrap_or(&Value::Null), &["title"]);
            each(workflow, "tasks", |one| task(&mut texts, one));
        }
        ItemType::Task => task(&mut texts, content.get("task").unwrap_or(&Value::Null)),
        ItemType::ClientToolCall
        | ItemType::GeneratedImage
        | ItemType::HiddenContextItem
        | ItemType::SdkHiddenContext
        | ItemType::EndOfTurn
        | ItemType::Other(_) => {}
    }
    texts
}

fn structured_input<'a>(texts: &mut Vec<&'a str>, input: &'a Value) {
    push(texts, input, &["question", "description"]);
    each(input, "options", |option| push(texts, option, &["value"]));
    let answer = input.get("answer").unwrap_or(&Value::Null);
    each(answer, "values", |value| texts.extend(value.as_str()));
}

fn task<'a>(texts: &mut Vec<&'a str>, task: &'a Value) {
    push(texts, task, &["title", "title_query", "content"]);
    each(task, "queries", |query| texts.extend(query.as_str()));
    each(task, "sources", |source| push(texts, source, &["title", "description"]));
}

/// Collects the texts of a widget's components, wherever they are in it.
fn widget<'a>(texts: &mut Vec<&'a str>, component: Option<&'a Value>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match component {
        Some(Value::Array(all)) => all.iter().for_each(|one| widget(texts, Some(one), depth + 1)),
        Some(Value::Object(fields)) => {
            push(texts, component.unwrap_or(&Value::Null), &WIDGET_TEXTS);
            let nested = fields.values().filter(|value| value.is_object() || value.is_array());
            nested.for_each(|value| widget(texts, Some(value), depth + 1));
        }
        _ => {}
    }
}

fn push<'a>(texts: &mut Vec<&'a str>, object: &'a Value, fields: &[&str]) {
    texts.extend(fields.iter().filter_map(|field| object.get(field)?.as_str()));
}

fn each<'a>(object: &'a Value, field: &str, visit: impl FnMut(&'a Value)) {
    object.get(field).and_then(Value::as_array).into_iter().flatten().for_each(visit);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_have_the_text_that_people_read() {
        let cases: [(&str, Value, &[&str]); 12] = [
            (
                "user_message",
                json!({"content": [{"type": "input_text", "text": "a"},
                    {"type": "input_tag", "id": "x", "text": "b", "data": {"text": "no"}}],
                    "quoted_text": "q", "attachments": [{"name": "no"}]}),
                &["q", "a", "b"],
            ),
            (
                "assistant_message",
                json!({"content": [{"text": "a", "annotations": [{"source": {"title": "no"}}]},
                    {"text": "b"}, {"text": 1}, 2]}),
                &["a", "b"],
            ),
            ("widget", json!({"copy_text": "c", "widget": {"value": "no"}}), &["c"]),
            (
                "widget",
                json!({"copy_text": null, "widget": {"type": "Card", "id": "no", "children": [
                    {"type": "Text", "value": "a"}, {"type": "Button", "label": "b"}]}}),
                &["a", "b"],
            ),
            (
                "structured_input",
                json!({"inputs": [{"id": "no", "question": "a", "options": [{"value": "b"}],
                    "answer": {"values": ["c"], "skipped": false}}]}),
                &["a", "b", "c"],
            ),
            (
                "workflow",
                json!({"workflow": {"type": "custom", "summary": {"title": "s"}, "tasks": [
                    {"type": "thought", "title": "t", "content": "c"}]}}),
                &["s", "t", "c"],
            ),
            (
                "task",
                json!({"task": {"type": "web_search", "title": "t", "queries": ["q"],
                    "sources": [{"type": "url", "title": "u", "url": "no"}]}}),
                &["t", "q", "u"],
            ),
            ("client_tool_call", json!({"name": "no", "arguments": {"text": "no"}}), &[]),
            ("hidden_context_item", json!({"content": "no"}), &[]),
            ("sdk_hidden_context", json!({"content": "no"}), &[]),
            ("end_of_turn", json!({"text": "no"}), &[]),
            ("hologram", json!({"text": "no", "content": [{"text": "no"}]}), &[]),
        ];
        for (item_type, content, expected) in cases {
            assert_eq!(texts(&item_type.parse().unwrap(), &content), expected, "{item_type}");
        }
    }
}
