//! What ChatKit servers store comes back as it was, to the last byte of its JSON.

use serde_json::Value;
use store_core::chatkit::{ChatKitStore, NewAttachment, NewThread, NewThreadItem};
use store_core::{AttachmentId, ItemId, PageRequest, ThreadId};
use store_tests::fixture::Chats;
use store_tests::samples::{alice, attachment_forms, item_forms, saved, thread, thread_forms};

const THREAD: &str = "thr_1";

/// JSON as bytes: objects sorted by key, numbers as they are written.
fn bytes(forms: &[Value]) -> Vec<String> {
    forms.iter().map(Value::to_string).collect()
}

fn text<'a>(form: &'a Value, field: &str) -> &'a str {
    form[field].as_str().expect("a text")
}

/// The items of the thread, one by one and as a list.
async fn stored_items(store: &dyn ChatKitStore, ids: &[ItemId]) -> Vec<Value> {
    let mut one_by_one = Vec::new();
    for id in ids {
        let item = store.load_item(&alice(), &thread(THREAD), id).await;
        one_by_one.push(item.expect("the item is there").content);
    }
    let all = PageRequest::first(1000);
    let page = store.load_thread_items(&alice(), &thread(THREAD), &all).await;
    let items = page.expect("they are listed").items;
    let listed: Vec<Value> = items.into_iter().map(|item| item.content).collect();
    assert_eq!(one_by_one, listed);
    listed
}

/// Added one by one, and saved again as they were read by another process.
async fn items_of_every_type_come_back_as_they_were_given(t: &Chats) {
    saved(t, THREAD).await;
    let forms = item_forms(THREAD);
    let mut ids = Vec::new();
    for form in &forms {
        let new = NewThreadItem::from_json(form.clone()).expect("a valid item");
        ids.push(new.id.clone());
        let item = t.store.add_thread_item(&alice(), &thread(THREAD), new).await;
        assert_eq!(&item.expect("the item is added").content, form);
    }
    assert_eq!(bytes(&stored_items(&*t.store, &ids).await), bytes(&forms));
    let again = t.reopened().await;
    for form in stored_items(&*again, &ids).await {
        let new = NewThreadItem::from_json(form).expect("a valid item");
        again.save_item(&alice(), &thread(THREAD), new).await.expect("the item is saved");
    }
    assert_eq!(bytes(&stored_items(&*t.store, &ids).await), bytes(&forms));
}

/// So they do when they are added all at once.
async fn items_that_are_added_at_once_come_back_as_they_were_given(t: &Chats) {
    saved(t, THREAD).await;
    let forms = item_forms(THREAD);
    let new = |form: &Value| NewThreadItem::from_json(form.clone()).expect("a valid item");
    let items: Vec<NewThreadItem> = forms.iter().map(new).collect();
    let ids: Vec<ItemId> = items.iter().map(|item| item.id.clone()).collect();
    let added = t.store.add_thread_items(&alice(), &thread(THREAD), items).await;
    let added = added.expect("the items are added").into_iter();
    assert_eq!(bytes(&added.map(|item| item.content).collect::<Vec<_>>()), bytes(&forms));
    assert_eq!(bytes(&stored_items(&*t.store, &ids).await), bytes(&forms));
}

/// Saved, loaded, listed, and saved again as they were read by another process.
async fn threads_of_every_status_come_back_as_they_were_given(t: &Chats) {
    let again = t.reopened().await;
    for form in thread_forms() {
        let new = NewThread::from_json(form.clone()).expect("a valid thread");
        let thread = t.store.save_thread(&alice(), new).await.expect("the thread is saved");
        assert_eq!(thread.to_json().to_string(), form.to_string());
        let id = ThreadId::new(text(&form, "id")).expect("a valid id");
        let read = again.load_thread(&alice(), &id).await.expect("the thread is there");
        assert_eq!(read.to_json().to_string(), form.to_string());
        let saved = again.save_thread(&alice(), NewThread::from(read)).await;
        assert_eq!(saved.expect("the thread is saved").to_json().to_string(), form.to_string());
    }
    let page = t.store.load_threads(&alice(), &PageRequest::first(100)).await;
    let threads = page.expect("they are listed").items;
    let mut listed: Vec<String> = threads.iter().map(|one| one.to_json().to_string()).collect();
    let mut given = bytes(&thread_forms());
    listed.sort_unstable();
    given.sort_unstable();
    assert_eq!(listed, given);
}

/// Saved, loaded, and saved again as they were read by another process.
async fn attachments_of_both_kinds_come_back_as_they_were_given(t: &Chats) {
    saved(t, THREAD).await;
    let again = t.reopened().await;
    for form in attachment_forms(THREAD) {
        let new = NewAttachment::from_json(form.clone()).expect("a valid attachment");
        let saved = t.store.save_attachment(&alice(), new).await;
        assert_eq!(saved.expect("it is saved").to_json().to_string(), form.to_string());
        let id = AttachmentId::new(text(&form, "id")).expect("a valid id");
        let read = again.load_attachment(&alice(), &id).await.expect("it is there");
        assert_eq!(read.to_json().to_string(), form.to_string());
        let saved = again.save_attachment(&alice(), NewAttachment::from(read)).await;
        assert_eq!(saved.expect("it is saved").to_json().to_string(), form.to_string());
    }
}

on_both! {
    items_of_every_type_come_back_as_they_were_given,
    items_that_are_added_at_once_come_back_as_they_were_given,
    threads_of_every_status_come_back_as_they_were_given,
    attachments_of_both_kinds_come_back_as_they_were_given,
}
