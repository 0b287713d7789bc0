//! Searching: which fields of which items hold text.

use serde_json::json;

use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{add, form_of_item, found, item_forms, message, saved};

behaviours! {
    emits chatkit_search_forms_tests from chatkit::search_forms;

    /// Items of every type are found by the text that people read in them.
    async fn items_are_found_by_what_people_read(t: &Chats) {
        saved(t, "thr_1").await;
        for form in item_forms("thr_1") {
            add(t, "thr_1", form_of_item(form)).await;
        }
        let cases: [(&str, &[&str]); 26] = [
            ("größte brücke", &["msg_user_full"]),
            ("\"@plain\"", &["msg_user_full"]),
            ("\"it's long\"", &["msg_user_full"]),
            ("明石海峡大橋", &["msg_assistant_full"]),
            ("fähre nach", &["msg_widget_card"]),
            ("\"deep inside\"", &["msg_widget_card"]),
            ("bring coat", &["msg_widget_card"]),
            ("marstal", &["msg_widget_card"]),
            ("send", &["msg_widget_card"]),
            ("live", &["msg_widget_card"]),
            ("\"blue line\"", &["msg_widget_list"]),
            ("\"what is copied\"", &["msg_widget_copied"]),
            ("colour", &["msg_input_answered"]),
            ("rot", &["msg_input_answered"]),
            ("türkis", &["msg_input_answered"]),
            ("\"one sentence\"", &["msg_input_answered"]),
            ("name", &["msg_input_pending"]),
            ("crossing", &["wf_custom"]),
            ("ferries \"two a day\"", &["wf_custom"]),
            ("weather rain", &["wf_reasoning"]),
            ("socks", &["tsk_custom"]),
            ("\"ferry times\"", &["tsk_search"]),
            ("\"ferry æro\" timetable", &["tsk_search"]),
            ("train", &["tsk_thought"]),
            ("guide", &["tsk_file"]),
            ("sketch", &["tsk_image"]),
        ];
        for (query, expected) in cases {
            assert_eq!(found(t, query).await, expected, "{query}");
        }
    }

    /// Keys, ids, calls of tools, hidden contexts and unknown types are never found.
    async fn keys_ids_tools_and_hidden_contexts_are_never_found(t: &Chats) {
        saved(t, "thr_1").await;
        for form in item_forms("thr_1") {
            add(t, "thr_1", form_of_item(form)).await;
        }
        let never = [
            "content", "type", "input_text", "output_text", "annotations", "msg_user_full",
            "thr_1", "tag_1", "topic", "topics", "open_map", "zoom", "call_1", "done", "secret",
            "anything", "clicked", "kit", "future", "hologram", "large", "atlas", "pdf", "png",
            "https", "iVBORw0KGgo", "line.select", "bolt", "lg", "\"not copied\"", "guide.pdf",
            "multiple_choice", "answered", "user_message", "2026", "suitcase", "complete",
        ];
        for query in never {
            assert!(found(t, query).await.is_empty(), "{query}");
        }
    }

    /// A phrase does not reach from one text of an item into the next.
    async fn a_phrase_does_not_reach_into_the_next_text(t: &Chats) {
        saved(t, "thr_1").await;
        let parts = ["one two", "three", "four five"].map(|text| json!({ "text": text }));
        let form = json!({"id": "a", "type": "user_message", "content": parts});
        add(t, "thr_1", form_of_item(form)).await;
        assert_eq!(found(t, "two three four").await, ["a"]);
        assert_eq!(found(t, "\"four five\" \"one two\"").await, ["a"]);
        for query in ["\"two three\"", "\"three four\"", "\"one three\"", "\"two four\""] {
            assert!(found(t, query).await.is_empty(), "{query}");
        }
        assert_eq!(found(t, "one -\"two three\"").await, ["a"]);
    }

    /// Items without text are kept, and found by nothing.
    async fn items_without_text_are_found_by_nothing(t: &Chats) {
        saved(t, "thr_1").await;
        add(t, "thr_1", message("a", "")).await;
        add(t, "thr_1", message("b", " … !? \u{1} — ")).await;
        add(t, "thr_1", form_of_item(json!({"id": "c", "type": "user_message"}))).await;
        let odd = json!({"id": "d", "type": "user_message", "content": "words", "quoted_text": 5});
        add(t, "thr_1", form_of_item(odd)).await;
        for query in ["words", "5", "content", "0g"] {
            assert!(found(t, query).await.is_empty(), "{query}");
        }
        assert_eq!(crate::samples::items_of(t, "thr_1").await.len(), 4);
    }
}
