//! The JSON forms of the ChatKit SDK go in and come out unchanged.

use serde_json::{Value, json};
use store_core::PageRequest;
use store_core::chatkit::{ItemType, NewAttachment, NewThread, ThreadStatus};

use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    add, alice, attach, attachment_forms, form_of_item, item_forms, items_of, loaded, save, saved,
    thread, thread_forms,
};

/// Reads a thread out of its form.
fn read(form: &Value) -> NewThread {
    NewThread::from_json(form.clone()).expect("a valid thread")
}

/// The form with the instant at which the thread began, for those that have none.
fn with_field(form: &Value, field: &str, value: Value) -> Value {
    let mut form = form.clone();
    form[field] = value;
    form
}

behaviours! {
    emits chatkit_forms_tests from chatkit::forms;

    /// Threads come back in the JSON form that was given.
    async fn threads_come_back_in_the_form_that_was_given(t: &Chats) {
        for form in thread_forms() {
            let stored = save(t, &alice(), read(&form)).await;
            assert_eq!(stored.to_json(), form);
            let read_again = loaded(t, stored.id.as_str()).await;
            assert_eq!(read_again, stored);
            assert_eq!(read_again.to_json(), form);
        }
    }

    /// Fields that say what others do not expect come back all the same.
    async fn odd_fields_of_threads_come_back(t: &Chats) {
        let created_at = "2026-03-02T12:00:00.123456789+00:00";
        for odd in [
            json!({"status": {"type": "active", "reason": "odd"}}),
            json!({"status": {"type": "locked", "reason": "r", "by": {"id": 1}}}),
            json!({"status": null, "title": null, "metadata": null}),
            json!({"extra": {"id": "x"}, "owner": "bob", "updated_at": null, "items": []}),
        ] {
            let mut form = odd;
            form["id"] = json!("thr_1");
            form["created_at"] = json!(created_at);
            let stored = save(t, &alice(), read(&form)).await;
            assert_eq!(stored.to_json(), form);
            assert_eq!(loaded(t, "thr_1").await.to_json(), form);
        }
    }

    /// A thread that is loaded and saved unchanged keeps its form.
    async fn a_thread_saved_unchanged_keeps_its_form(t: &Chats) {
        for form in thread_forms() {
            let stored = save(t, &alice(), read(&form)).await;
            let again = save(t, &alice(), stored.clone().into()).await;
            assert_eq!((&again, again.to_json()), (&stored, form));
        }
    }

    /// A thread without an instant gets one, and its form says so.
    async fn a_thread_without_an_instant_gets_one_in_its_form(t: &Chats) {
        for form in [json!({"id": "thr_1"}), json!({"id": "thr_2", "created_at": null})] {
            let stored = save(t, &alice(), read(&form)).await;
            let now = json!("2026-03-02T12:00:00.000000+00:00");
            assert_eq!(stored.to_json(), with_field(&form, "created_at", now));
        }
    }

    /// Changes are in the form, and all else stays as it was given.
    async fn changes_of_a_thread_are_in_its_form(t: &Chats) {
        for form in thread_forms() {
            save(t, &alice(), read(&form)).await;
            let name = form["id"].as_str().unwrap();
            let mut changed = NewThread::from(loaded(t, name).await);
            changed.title = Some("renamed".into());
            changed.status = ThreadStatus::Closed { reason: Some("done".into()) };
            let stored = save(t, &alice(), changed).await;
            let expected = with_field(&form, "title", json!("renamed"));
            let status = json!({"type": "closed", "reason": "done"});
            assert_eq!(stored.to_json(), with_field(&expected, "status", status));
        }
    }

    /// A field `workflow_id` in the form is not the workflow: that is a column of its own.
    async fn a_workflow_in_the_form_is_not_the_workflow(t: &Chats) {
        let form = json!({"id": "thr_1", "created_at": "2026-03-02T12:00:00Z", "workflow_id": "x"});
        let stored = save(t, &alice().with_workflow("w"), read(&form)).await;
        assert_eq!(stored.workflow_id.as_deref(), Some("w"));
        assert_eq!(stored.to_json(), form);
    }

    /// Items of every type come back whole, with the type and instant that their form has.
    async fn items_of_every_type_come_back_whole(t: &Chats) {
        saved(t, "thr_1").await;
        for form in item_forms("thr_1") {
            let new = form_of_item(form.clone());
            let expected = (new.item_type.clone(), new.created_at.unwrap());
            let item = add(t, "thr_1", new).await;
            assert_eq!(item.content, form);
            assert_eq!((item.item_type.clone(), item.created_at), expected);
            let id = &item.id;
            assert_eq!(t.store.load_item(&alice(), &thread("thr_1"), id).await.unwrap(), item);
        }
        let stored = items_of(t, "thr_1").await.into_iter().map(|item| item.content);
        assert_eq!(stored.collect::<Vec<_>>(), item_forms("thr_1"));
    }

    /// A batch of items of every type comes back whole, through another connection as well.
    async fn a_batch_of_every_type_comes_back_whole(t: &Chats) {
        saved(t, "thr_1").await;
        let items = item_forms("thr_1").into_iter().map(form_of_item).collect();
        let id = thread("thr_1");
        let added = t.store.add_thread_items(&alice(), &id, items).await.unwrap();
        let reopened = t.reopened().await;
        let page = PageRequest::first(1000);
        let page = reopened.load_thread_items(&alice(), &id, &page).await.unwrap();
        assert_eq!(page.items, added);
        let stored = added.into_iter().map(|item| item.content);
        assert_eq!(stored.collect::<Vec<_>>(), item_forms("thr_1"));
    }

    /// Items of every type can be saved in the place of one of any other type.
    async fn items_of_every_type_replace_each_other(t: &Chats) {
        saved(t, "thr_1").await;
        for mut form in item_forms("thr_1") {
            form["id"] = json!("one");
            let new = form_of_item(form.clone());
            let item = t.store.save_item(&alice(), &thread("thr_1"), new).await.unwrap();
            assert_eq!((&item.content, item.ordinal), (&form, 0));
            assert_eq!(item.item_type.as_str(), form["type"]);
            assert_eq!(items_of(t, "thr_1").await, [item]);
        }
    }

    /// A type that is not known is kept as it is spelt.
    async fn an_unknown_type_is_kept(t: &Chats) {
        saved(t, "thr_1").await;
        let long = "x".repeat(255);
        let names = ["Task", "späße 🎉", "a'b\"c", "TASK ", &long];
        for (number, name) in names.into_iter().enumerate() {
            let form = json!({"id": number.to_string(), "type": name});
            let item = add(t, "thr_1", form_of_item(form)).await;
            assert!(matches!(item.item_type, ItemType::Other(_)));
            assert_eq!(item.item_type.as_str(), name);
            assert_eq!(items_of(t, "thr_1").await.last(), Some(&item));
        }
    }

    /// Attachments of both kinds come back in the form that was given.
    async fn attachments_come_back_in_the_form_that_was_given(t: &Chats) {
        saved(t, "thr_1").await;
        for form in attachment_forms("thr_1") {
            let new = NewAttachment::from_json(form.clone()).unwrap();
            let stored = attach(t, new).await;
            assert_eq!(stored.to_json(), form);
            let read = t.store.load_attachment(&alice(), &stored.id).await.unwrap();
            assert_eq!((&read, read.to_json()), (&stored, form.clone()));
            let again = attach(t, read.into()).await;
            assert_eq!((&again, again.to_json()), (&stored, form));
        }
    }

    /// The thread an attachment is given later is in its form.
    async fn a_thread_given_later_is_in_the_form_of_the_attachment(t: &Chats) {
        saved(t, "thr_1").await;
        for form in attachment_forms("thr_1") {
            let mut before = form.clone();
            before["thread_id"] = json!(null);
            let mut new = NewAttachment::from_json(before).unwrap();
            attach(t, new.clone()).await;
            new.thread_id = Some(thread("thr_1"));
            let stored = attach(t, new).await;
            assert_eq!(stored.to_json(), with_field(&form, "thread_id", json!("thr_1")));
        }
    }

    /// Where the file is kept is not in the form.
    async fn the_storage_path_is_not_in_the_form(t: &Chats) {
        let form = json!({"id": "a", "type": "file", "name": "n", "mime_type": "m",
            "storage_path": "said by the form"});
        let new = NewAttachment::from_json(form.clone()).unwrap();
        let stored = attach(t, NewAttachment { storage_path: Some("a/b".into()), ..new }).await;
        assert_eq!(stored.storage_path.as_deref(), Some("a/b"));
        assert_eq!(stored.to_json(), form);
    }
}
