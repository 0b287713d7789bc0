//! Bad input: the same verdict and the same error on every backend, and nothing changed.

use serde_json::{Value, json};
use store_core::chatkit::{NewAttachment, NewThread, NewThreadItem, ThreadStatus};
use store_core::{Error, ThreadId};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    add, alice, fields, file_at, item_id, items_of, loaded, message, new_thread, save, saved, say,
    thread,
};

/// So many levels of JSON.
pub(super) fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({ "a": inner }),
    })
}

/// JSON that no field takes.
pub(super) fn bad_json() -> Vec<Value> {
    vec![
        json!(null),
        json!([]),
        json!([{}]),
        json!("{}"),
        json!(1),
        json!(true),
        json!({"a": ["\0"]}),
        json!({"a\0": 1}),
        json!({"a": {"b": "x\0y"}}),
        json!({"a": nested(100)}),
        json!({"a": "x".repeat(16 * 1024 * 1024)}),
    ]
}

/// Texts that are no name, path, type or workflow.
pub(super) fn bad_names(most: usize) -> Vec<String> {
    let long = ["x".repeat(most + 1), format!("{}x", "ä".repeat(most / 2 + 1))];
    let texts = ["", "a\0b", "\n", "a\u{7f}", "\u{85}", "a\u{1b}[0m"].map(str::to_owned);
    texts.into_iter().chain(long).collect()
}

/// Asserts that none of these threads is saved, and that each names its field.
async fn assert_refused(t: &Chats, bad: Vec<(NewThread, &str)>) {
    let before = saved(t, "thr_1").await;
    for (bad, field) in bad {
        assert_invalid(t.store.save_thread(&alice(), bad.clone()).await, field);
        let new = NewThread { id: thread("thr_2"), ..bad };
        assert_invalid(t.store.save_thread(&alice(), new).await, field);
    }
    assert_eq!(loaded(t, "thr_1").await, before);
    assert_not_found(t.store.load_thread(&alice(), &thread("thr_2")).await);
}

/// Asserts that an item is refused by all that take one, and changes nothing.
async fn assert_item_refused(t: &Chats, bad: NewThreadItem, field: &str) {
    let (cx, id) = (alice(), thread("thr_1"));
    let before = (items_of(t, "thr_1").await, loaded(t, "thr_1").await);
    assert_invalid(t.store.add_thread_item(&cx, &id, bad.clone()).await, field);
    assert_invalid(t.store.save_item(&cx, &id, bad.clone()).await, field);
    let batch = vec![message("first", "x"), bad];
    assert_invalid(t.store.add_thread_items(&cx, &id, batch).await, field);
    assert_eq!((items_of(t, "thr_1").await, loaded(t, "thr_1").await), before);
}

behaviours! {
    emits chatkit_input_tests from chatkit::input;

    /// A bad text of a thread is `Invalid`, names the field, and nothing is stored.
    async fn a_bad_text_of_a_thread_stores_nothing(t: &Chats) {
        let base = || new_thread("thr_1");
        let title = |title: String| NewThread { title: Some(title), ..base() };
        let locked = |reason: String| ThreadStatus::Locked { reason: Some(reason) };
        let closed = |reason: String| ThreadStatus::Closed { reason: Some(reason) };
        let mut bad = Vec::new();
        for text in ["a\0".to_owned(), "\0".into(), "x".repeat(4097), "ä".repeat(2049)] {
            bad.push((title(text.clone()), "title"));
            for status in [locked(text.clone()), closed(text)] {
                bad.push((NewThread { status, ..base() }, "status"));
            }
        }
        for name in bad_names(255) {
            let workflow_id = Some(name.clone());
            bad.push((NewThread { workflow_id, ..base() }, "workflow_id"));
            let allowed_image_domains = Some(vec!["good.example".into(), name]);
            bad.push((NewThread { allowed_image_domains, ..base() }, "allowed_image_domains"));
        }
        let allowed_image_domains = Some(vec!["a".to_owned(); 1001]);
        bad.push((NewThread { allowed_image_domains, ..base() }, "allowed_image_domains"));
        assert_refused(t, bad).await;
    }

    /// Bad JSON of a thread is `Invalid`, names the field, and nothing is stored.
    async fn bad_json_of_a_thread_stores_nothing(t: &Chats) {
        let mut bad = Vec::new();
        for value in bad_json() {
            let metadata = value.clone();
            bad.push((NewThread { metadata, ..new_thread("thr_1") }, "metadata"));
            bad.push((NewThread { extra: value, ..new_thread("thr_1") }, "extra"));
        }
        assert_refused(t, bad).await;
    }

    /// Metadata that is too much with that of the context alone is `Invalid`.
    async fn metadata_is_too_much_with_that_of_the_context(t: &Chats) {
        let half = "x".repeat(9 * 1024 * 1024);
        let cx = alice().with_metadata(fields(json!({ "a": half })));
        let new = NewThread { metadata: json!({ "b": half }), ..new_thread("thr_1") };
        assert_invalid(t.store.save_thread(&cx, new.clone()).await, "metadata");
        assert_not_found(t.store.load_thread(&alice(), &new.id).await);
        save(t, &alice(), new).await;
    }

    /// What just fits in a thread is kept.
    async fn what_just_fits_in_a_thread_is_kept(t: &Chats) {
        let longest =
            [("x".repeat(4096), "y".repeat(255)), ("ä".repeat(2048), "ü".repeat(127))];
        for (text, name) in longest {
            let new = NewThread {
                title: Some(text.clone()),
                status: ThreadStatus::Locked { reason: Some(text) },
                metadata: json!({ "a": nested(99) }),
                extra: json!({ "a": nested(99) }),
                allowed_image_domains: Some(vec![name.clone(); 1000]),
                workflow_id: Some(name.clone()),
                ..NewThread::new(ThreadId::new(name).unwrap())
            };
            let stored = save(t, &alice(), new.clone()).await;
            let expected = NewThread { created_at: Some(stored.created_at), ..new };
            assert_eq!(NewThread::from(stored), expected);
        }
    }

    /// JSON of just 16 MiB is kept.
    async fn json_of_just_16_mib_is_kept(t: &Chats) {
        let text = "x".repeat(16 * 1024 * 1024 - r#"{"a":""}"#.len());
        let metadata = json!({ "a": text });
        save(t, &alice(), NewThread { metadata: metadata.clone(), ..new_thread("thr_1") }).await;
        assert_eq!(loaded(t, "thr_1").await.metadata, metadata);
        let more = NewThread { metadata: json!({ "a": text + "x" }), ..new_thread("thr_1") };
        assert_invalid(t.store.save_thread(&alice(), more).await, "metadata");
    }

    /// Bad content of an item is `Invalid` to all that take one, and nothing is stored.
    async fn bad_content_of_an_item_stores_nothing(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a"]).await;
        for content in bad_json() {
            for id in ["a", "b"] {
                let item_type = "task".parse().unwrap();
                let bad = NewThreadItem::new(item_id(id), item_type, content.clone());
                assert_item_refused(t, bad, "content").await;
            }
        }
        assert_eq!(add(t, "thr_1", message("b", "b")).await.ordinal, 1);
    }

    /// Content that says another id, thread or type than the call is `Invalid`.
    async fn content_that_says_otherwise_is_invalid(t: &Chats) {
        saved(t, "thr_1").await;
        saved(t, "thr_2").await;
        let bad = [
            (json!({"id": "b"}), "content.id"),
            (json!({"id": "A"}), "content.id"),
            (json!({"id": null}), "content.id"),
            (json!({"id": 1}), "content.id"),
            (json!({"id": ["a"]}), "content.id"),
            (json!({"thread_id": "thr_2"}), "content.thread_id"),
            (json!({"thread_id": null}), "content.thread_id"),
            (json!({"thread_id": ""}), "content.thread_id"),
            (json!({"type": "widget"}), "content.type"),
            (json!({"type": "Task"}), "content.type"),
            (json!({"type": null}), "content.type"),
        ];
        for (content, field) in bad {
            let item = NewThreadItem::new(item_id("a"), "task".parse().unwrap(), content);
            assert_item_refused(t, item, field).await;
        }
        let content = json!({"id": "a", "thread_id": "thr_1", "type": "task"});
        add(t, "thr_1", NewThreadItem::new(item_id("a"), "task".parse().unwrap(), content)).await;
    }

    /// More than 1,000 items at once are `Invalid`, and none is added.
    async fn more_than_1000_items_are_invalid(t: &Chats) {
        saved(t, "thr_1").await;
        let items = (0..1001).map(|number| message(&number.to_string(), "x")).collect();
        assert_invalid(t.store.add_thread_items(&alice(), &thread("thr_1"), items).await, "items");
        assert!(items_of(t, "thr_1").await.is_empty());
        assert_eq!(add(t, "thr_1", message("a", "a")).await.ordinal, 0);
    }

    /// NUL is named with its path.
    async fn nul_in_an_item_is_named_with_its_path(t: &Chats) {
        saved(t, "thr_1").await;
        let content = json!({"content": [{"text": "good"}, {"text": "x\0"}]});
        let item = NewThreadItem::new(item_id("a"), "user_message".parse().unwrap(), content);
        let error = t.store.add_thread_item(&alice(), &thread("thr_1"), item).await.unwrap_err();
        let expected = "content.content[1].text";
        assert!(matches!(&error, Error::Invalid { field, .. } if field == expected), "{error}");
    }

    /// Hostile texts are only texts.
    async fn hostile_texts_of_conversations_are_only_texts(t: &Chats) {
        let drop = "'; DROP TABLE chatkit_threads; --";
        let texts = [drop, "%", "_", "\"x\"", "$1", "?1", "{}", "\\"];
        for text in texts {
            let cx = crate::samples::acting_for(text).with_workflow(text);
            let new = NewThread {
                title: Some(text.into()),
                metadata: json!({ text: text }),
                allowed_image_domains: Some(vec![text.into()]),
                ..new_thread(text)
            };
            let stored = save(t, &cx, new).await;
            assert_eq!(t.store.load_thread(&cx, &stored.id).await.unwrap(), stored);
            let item = add(t, text, message(text, text)).await;
            assert_eq!(t.store.load_item(&cx, &stored.id, &item.id).await.unwrap(), item);
            let mime_type = text.to_owned();
            let new = NewAttachment { name: text.into(), mime_type, ..file_at(text, text) };
            let attachment = t.store.save_attachment(&cx, new).await.unwrap();
            let read = t.store.load_attachment(&cx, &attachment.id).await.unwrap();
            assert_eq!(read, attachment);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_threads").await, 8);
    }

    /// Titles and reasons keep control characters that are no NUL.
    async fn titles_keep_control_characters(t: &Chats) {
        let text = "\u{1}\t\r\n\u{1f}\u{7f}\u{85}\u{feff}\u{202e}\u{e000}E 🎉".to_owned();
        let status = ThreadStatus::Closed { reason: Some(text.clone()) };
        let title = Some(text.clone());
        let new = NewThread { title, status: status.clone(), ..new_thread("a") };
        save(t, &alice(), new).await;
        let read = loaded(t, "a").await;
        assert_eq!((read.title, read.status), (Some(text), status));
    }
}
