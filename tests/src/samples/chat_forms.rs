//! The JSON forms of conversations, as servers of the public ChatKit SDK write them.
//!
//! Source of the shapes: `chatkit/types.py` and `chatkit/widgets.py` of that SDK. The values are
//! our own. Fields that may be absent are there, `null`, and absent in turn.

use serde_json::{Value, json};

/// Items of every known type, and of one that is not known, in a thread. No two share an id.
pub fn item_forms(thread_id: &str) -> Vec<Value> {
    let groups = [
        user_messages(),
        assistant_messages(),
        client_tool_calls(),
        widgets(),
        generated_images(),
        structured_inputs(),
        workflows(),
        tasks(),
        other_tasks(),
        markers(),
    ];
    let mut forms = groups.into_iter().flatten().collect::<Vec<_>>();
    forms.iter_mut().for_each(|form| form["thread_id"] = json!(thread_id));
    forms
}

fn user_messages() -> Vec<Value> {
    vec![
        json!({"type": "user_message", "id": "msg_user_full",
            "created_at": "2026-03-02T12:00:00.123456Z",
            "content": [
                {"type": "input_text", "text": "Wo liegt die größte Brücke? 🌉\nUnd wie lang?"},
                {"type": "input_tag", "id": "tag_1", "text": "@Brücken", "data": {"kind": "topic",
                    "weights": [1, 2.5, null]}, "group": "Topics", "interactive": true},
                {"type": "input_tag", "id": "tag_2", "text": "@plain", "data": {}, "group": null,
                    "interactive": false}],
            "attachments": [
                {"type": "file", "id": "atc_quoted", "name": "brücke.pdf", "mime_type":
                    "application/pdf", "upload_descriptor": null, "thread_id": null,
                    "metadata": null},
                {"type": "image", "id": "atc_image", "name": "b.png", "mime_type": "image/png",
                    "preview_url": "https://files.example/b.png?size=1&x=2"}],
            "quoted_text": "He said \"it's long\"",
            "inference_options": {"tool_choice": {"id": "atlas"}, "model": "large"}}),
        json!({"type": "user_message", "id": "msg_user_bare", "created_at": "2026-03-02T12:00:01",
            "content": [], "attachments": [], "quoted_text": null,
            "inference_options": {"tool_choice": null, "model": null}}),
        json!({"type": "user_message", "id": "msg_user_least",
            "created_at": "2026-03-02T14:00:02+02:00",
            "content": [{"type": "input_text", "text": ""}], "inference_options": {}}),
    ]
}

fn assistant_messages() -> Vec<Value> {
    vec![
        json!({"type": "assistant_message", "id": "msg_assistant_full",
            "created_at": "2026-03-02T12:00:03.5",
            "content": [
                {"type": "output_text", "text": "日本語の答え: 明石海峡大橋 — 3.911 m", "annotations": [
                    {"type": "annotation", "index": 4, "source": {"type": "url", "title": "Bridges",
                        "url": "https://bridges.example/?q=a%20b#c", "description": "A list",
                        "timestamp": "2026-03-01", "group": "Web", "attribution": "Example"}},
                    {"type": "annotation", "index": null, "source": {"type": "file",
                        "title": "Report", "filename": "späße.pdf", "description": null,
                        "timestamp": null, "group": null}},
                    {"type": "annotation", "source": {"type": "entity", "id": "ent_1",
                        "title": "Akashi", "icon": "map-pin", "label": "A", "inline_label": null,
                        "interactive": true, "data": {"lat": 34.617, "lon": 135.022},
                        "preview": "lazy"}}]},
                {"type": "output_text", "text": "", "annotations": []}]}),
        json!({"type": "assistant_message", "id": "msg_assistant_bare",
            "created_at": "2026-03-02T12:00:04Z", "content": []}),
    ]
}

fn client_tool_calls() -> Vec<Value> {
    vec![
        json!({"type": "client_tool_call", "id": "tc_completed",
            "created_at": "2026-03-02T12:00:05.000001+00:00", "status": "completed",
            "call_id": "call_1", "name": "open_map", "arguments": {"at": [34.617, 135.022],
            "zoom": 7, "layers": {"roads": true, "names": null}},
            "output": {"ok": true, "tiles": [[1, 2], []]}}),
        json!({"type": "client_tool_call", "id": "tc_pending", "created_at": "2026-03-02T12:00:06",
            "status": "pending", "call_id": "call_2", "name": "ask", "arguments": {},
            "output": null}),
        json!({"type": "client_tool_call", "id": "tc_text", "created_at": "2026-03-02T12:00:07Z",
            "call_id": "call_3", "name": "say", "arguments": {"it's": "\"so\""},
            "output": "done"}),
    ]
}

fn widgets() -> Vec<Value> {
    let card = json!({"type": "Card", "key": "card", "id": null, "size": "md", "padding": 4,
        "background": {"dark": "#000", "light": "#fff"}, "status": {"text": "Live", "icon": "bolt"},
        "confirm": {"label": "Book", "action": {"type": "book", "payload": {"seats": 2}}},
        "children": [
            {"type": "Title", "value": "Fähre nach Ærø", "size": "lg"},
            {"type": "Row", "gap": 2, "children": [
                {"type": "Badge", "label": "New", "color": "success"},
                {"type": "Col", "children": [
                    {"type": "Text", "value": "Departs at ten", "truncate": null},
                    {"type": "Markdown", "value": "**Bring** a coat", "streaming": false},
                    {"type": "Box", "children": [{"type": "Caption", "value": "deep inside"}]}]}]},
            {"type": "Form", "onSubmitAction": {"type": "go", "payload": null}, "children": [
                {"type": "Select", "name": "port", "placeholder": "Port", "options": [
                    {"value": "mar", "label": "Marstal"},
                    {"value": "søb", "label": "Søby", "disabled": true}]},
                {"type": "Button", "label": "Send", "submit": true}]},
            {"type": "Chart", "data": [{"day": "Mon", "visits": 3}, {"day": "Tue", "visits": 4.5}],
                "series": [{"type": "bar", "dataKey": "visits", "label": "Visits"}]}]});
    let list = json!({"type": "ListView", "limit": "auto", "children": [
        {"type": "ListViewItem", "key": "blue", "onClickAction": {"type": "line.select",
            "payload": {"id": "blue"}}, "children": [{"type": "Text", "value": "Blue line"}]},
        {"type": "ListViewItem", "children": []}]});
    vec![
        json!({"type": "widget", "id": "msg_widget_card", "created_at": "2026-03-02T12:00:08Z",
            "widget": card, "copy_text": null}),
        json!({"type": "widget", "id": "msg_widget_list", "created_at": "2026-03-02T12:00:09.25",
            "widget": list}),
        json!({"type": "widget", "id": "msg_widget_copied", "created_at": "2026-03-02T12:00:10Z",
            "widget": {"type": "Basic", "children": {"type": "Text", "value": "not copied"}},
            "copy_text": "What is copied"}),
    ]
}

fn generated_images() -> Vec<Value> {
    vec![
        json!({"type": "generated_image", "id": "msg_image", "created_at": "2026-03-02T12:00:11Z",
            "image": {"id": "img_1", "url": "data:image/png;base64,iVBORw0KGgo="}}),
        json!({"type": "generated_image", "id": "msg_image_none",
            "created_at": "2026-03-02T12:00:12", "image": null}),
    ]
}

fn structured_inputs() -> Vec<Value> {
    vec![
        json!({"type": "structured_input", "id": "msg_input_answered",
            "created_at": "2026-03-02T12:00:13-05:00", "status": "answered", "inputs": [
                {"type": "multiple_choice", "id": "q1", "question": "Which colour?",
                    "options": [{"value": "rot"}, {"value": "grün"}], "multiple": true,
                    "answer": {"values": ["grün", "türkis"], "skipped": false}},
                {"type": "freeform", "id": "q2", "question": "Why?",
                    "description": "In one sentence", "answer": {"values": [], "skipped": true}}]}),
        json!({"type": "structured_input", "id": "msg_input_pending",
            "created_at": "2026-03-02T12:00:14", "status": "pending", "inputs": [
                {"type": "freeform", "id": "q1", "question": "Name?", "description": null,
                    "answer": null},
                {"type": "multiple_choice", "id": "q2", "question": "Size?", "options": []}]}),
    ]
}

fn workflows() -> Vec<Value> {
    vec![
        json!({"type": "workflow", "id": "wf_custom", "created_at": "2026-03-02T12:00:15Z",
            "workflow": {"type": "custom", "expanded": true,
                "summary": {"title": "Planned the crossing", "icon": "compass"}, "tasks": [
                    {"type": "custom", "status_indicator": "complete", "title": "Look up ferries",
                        "icon": null, "content": "Two a day"},
                    {"type": "image", "status_indicator": "loading", "title": null},
                    {"type": "image"}]}}),
        json!({"type": "workflow", "id": "wf_reasoning", "created_at": "2026-03-02T12:00:16",
            "workflow": {"type": "reasoning", "summary": {"duration": 12}, "expanded": false,
                "tasks": [{"type": "thought", "title": "Weather", "content": "It may rain"}]}}),
        json!({"type": "workflow", "id": "wf_bare", "created_at": "2026-03-02T12:00:17Z",
            "workflow": {"type": "custom", "summary": null, "tasks": []}}),
    ]
}

fn tasks() -> Vec<Value> {
    vec![
        json!({"type": "task", "id": "tsk_custom", "created_at": "2026-03-02T12:00:18Z",
            "task": {"type": "custom", "status_indicator": "none", "title": "Pack", "icon":
                "suitcase", "content": "Socks, \"two\" pairs"}}),
        json!({"type": "task", "id": "tsk_search", "created_at": "2026-03-02T12:00:19.75",
            "task": {"type": "web_search", "status_indicator": "loading", "title": null,
                "title_query": "ferry times", "queries": ["Fähre Ærø", "ferry æro"], "sources": [
                    {"type": "url", "title": "Timetable", "url": "https://ferry.example",
                        "description": "Summer", "attribution": null}]}}),
        json!({"type": "task", "id": "tsk_thought", "created_at": "2026-03-02T12:00:20Z",
            "task": {"type": "thought", "title": null, "content": "Perhaps by train"}}),
    ]
}

fn other_tasks() -> Vec<Value> {
    vec![
        json!({"type": "task", "id": "tsk_file", "created_at": "2026-03-02T12:00:21+05:30",
            "task": {"type": "file", "title": "Read", "sources": [
                {"type": "file", "title": "Guide", "filename": "guide.pdf", "group": "Books"}]}}),
        json!({"type": "task", "id": "tsk_image", "created_at": "2026-03-02T12:00:22",
            "task": {"type": "image", "status_indicator": "complete", "title": "A sketch"}}),
    ]
}

fn markers() -> Vec<Value> {
    vec![
        json!({"type": "hidden_context_item", "id": "msg_hidden",
            "created_at": "2026-03-02T12:00:23Z", "content": {"secret": ["anything", 1, null]}}),
        json!({"type": "hidden_context_item", "id": "msg_hidden_text",
            "created_at": "2026-03-02T12:00:24", "content": "The user clicked <b>book</b>"}),
        json!({"type": "hidden_context_item", "id": "msg_hidden_null",
            "created_at": "2026-03-02T12:00:25", "content": null}),
        json!({"type": "sdk_hidden_context", "id": "shcx_1", "created_at": "2026-03-02T12:00:26Z",
            "content": "Only for the kit"}),
        json!({"type": "end_of_turn", "id": "msg_end", "created_at": "2026-03-02T12:00:27"}),
        // A type that a later version of the SDK may bring.
        json!({"type": "hologram", "id": "msg_other", "created_at": "2026-03-02T12:00:28Z",
            "content": [{"type": "output_text", "text": "from the future"}], "depth": 1.5,
            "rest": {"": [[], {}, "späße 🎉"]}}),
    ]
}

/// Threads (`ThreadMetadata`). No two share an id.
pub fn thread_forms() -> Vec<Value> {
    vec![
        json!({"id": "thr_full", "title": "Späße über Brücken 🌉",
            "created_at": "2026-03-02T13:00:00.123456+01:00",
            "status": {"type": "locked", "reason": "Too \"many\" messages"},
            "allowed_image_domains": ["img.example", "bücher.example"],
            "metadata": {"user": {"name": "Zoë", "tags": [1, 1.0, null]}, "plan": null}}),
        json!({"id": "thr_nulls", "title": null, "created_at": "2026-03-02T12:00:00",
            "status": {"type": "active"}, "allowed_image_domains": null, "metadata": {}}),
        json!({"id": "thr_least", "created_at": "2026-03-02T12:00:00.5Z"}),
        json!({"id": "thr_closed", "title": "", "created_at": "2026-03-02T12:00:00.000001",
            "status": {"type": "closed", "reason": null}, "allowed_image_domains": [],
            "metadata": {"": {"nested": [{}, []]}}}),
        json!({"id": "thr_more", "title": "a\nb\tc", "created_at": "2026-03-02T12:00:01Z",
            "status": {"type": "closed"}, "metadata": {"n": 9_007_199_254_740_993_i64},
            "pinned": true, "labels": ["x"], "workflow_id": {"not": "ours"}}),
    ]
}

/// Attachments of both kinds, some of which belong to a thread. No two share an id.
pub fn attachment_forms(thread_id: &str) -> Vec<Value> {
    vec![
        json!({"type": "file", "id": "atc_file", "name": "brücke 🌉.pdf",
            "mime_type": "application/pdf", "thread_id": thread_id, "size": 4096,
            "upload_descriptor": {"url": "https://files.example/up?id=1", "method": "PUT",
                "headers": {"X-Token": "a\"b"}}, "metadata": {"pages": 3, "tags": ["a", null]}}),
        json!({"type": "file", "id": "atc_least", "name": "a", "mime_type": "text/plain"}),
        json!({"type": "image", "id": "atc_picture", "name": "b.png", "mime_type": "image/png",
            "preview_url": "https://files.example/b.png", "upload_descriptor": null,
            "thread_id": null, "metadata": null, "size": null}),
        json!({"type": "image", "id": "atc_more", "name": "c.webp",
            "mime_type": "image/webp; q=0.5", "preview_url": "data:image/webp;base64,AA==",
            "thread_id": thread_id, "size": 0, "width": 640, "blur": {"hash": "L6Pj0^"}}),
    ]
}
