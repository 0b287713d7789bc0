//! Records of conversations. Their JSON forms are in `chat_forms`.

use std::time::Duration;

use serde_json::{Map, Value, json};
use store_core::chatkit::{
    Attachment, AttachmentType, ChatContext, ItemSearch, NewAttachment, NewThread, NewThreadItem,
    Thread, ThreadFilter, ThreadItem,
};
use store_core::{AttachmentId, ItemId, OwnerId, PageRequest};

use super::thread;
use crate::fixture::Chats;

/// Acts for an owner.
pub fn acting_for(owner: &str) -> ChatContext {
    ChatContext::new(OwnerId::new(owner).expect("a valid owner"))
}

/// Acts for the owner to whom everything in these samples belongs.
pub fn alice() -> ChatContext {
    acting_for("alice")
}

/// Acts for another owner.
pub fn bob() -> ChatContext {
    acting_for("bob")
}

/// Sees all.
pub fn administrator() -> ChatContext {
    ChatContext::administrator()
}

/// Makes an item's id.
pub fn item_id(text: &str) -> ItemId {
    ItemId::new(text).expect("a valid item id")
}

/// Makes an attachment's id.
pub fn attachment_id(text: &str) -> AttachmentId {
    AttachmentId::new(text).expect("a valid attachment id")
}

/// Takes a JSON object apart.
pub fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

/// An active thread with nothing but its id.
pub fn new_thread(name: &str) -> NewThread {
    NewThread::new(thread(name))
}

/// A thread with this metadata.
pub fn described(name: &str, metadata: Value) -> NewThread {
    NewThread { metadata, ..new_thread(name) }
}

/// Saves a thread of Alice with nothing but its id.
pub async fn saved(t: &Chats, name: &str) -> Thread {
    save(t, &alice(), new_thread(name)).await
}

/// Saves a thread.
pub async fn save(t: &Chats, cx: &ChatContext, new: NewThread) -> Thread {
    t.store.save_thread(cx, new).await.expect("the thread is saved")
}

/// Loads a thread, whoever owns it.
pub async fn loaded(t: &Chats, name: &str) -> Thread {
    t.store.load_thread(&administrator(), &thread(name)).await.expect("the thread is there")
}

/// A message of an assistant.
pub fn message(id: &str, text: &str) -> NewThreadItem {
    let content = json!({"id": id, "type": "assistant_message",
        "content": [{"type": "output_text", "text": text, "annotations": []}]});
    form_of_item(content)
}

/// An item out of its JSON form.
pub fn form_of_item(content: Value) -> NewThreadItem {
    NewThreadItem::from_json(content).expect("a valid item")
}

/// Adds an item to a thread, whoever owns it.
pub async fn add(t: &Chats, name: &str, item: NewThreadItem) -> ThreadItem {
    let added = t.store.add_thread_item(&administrator(), &thread(name), item).await;
    added.expect("the item is added")
}

/// Adds a message to a thread for each of these texts, and returns them; their ids are the texts.
pub async fn say<const N: usize>(t: &Chats, name: &str, texts: [&str; N]) -> Vec<ThreadItem> {
    let mut items = Vec::with_capacity(N);
    for text in texts {
        items.push(add(t, name, message(text, text)).await);
    }
    items
}

/// Adds messages `0` to `count - 1` to a thread at once.
pub async fn say_many(t: &Chats, name: &str, count: usize) -> Vec<ThreadItem> {
    let items = (0..count).map(|n| message(&n.to_string(), &format!("number {n}"))).collect();
    let added = t.store.add_thread_items(&administrator(), &thread(name), items).await;
    added.expect("the items are added")
}

/// All items of a thread, oldest first.
pub async fn items_of(t: &Chats, name: &str) -> Vec<ThreadItem> {
    let page = PageRequest::first(1000);
    let page = t.store.load_thread_items(&administrator(), &thread(name), &page).await;
    page.expect("they are listed").items
}

/// The ids of items.
pub fn item_ids(items: &[ThreadItem]) -> Vec<&str> {
    items.iter().map(|item| item.id.as_str()).collect()
}

/// The places of items.
pub fn ordinals(items: &[ThreadItem]) -> Vec<i64> {
    items.iter().map(|item| item.ordinal).collect()
}

/// The ids of threads.
pub fn thread_ids(threads: &[Thread]) -> Vec<&str> {
    threads.iter().map(|thread| thread.id.as_str()).collect()
}

/// The ids of the threads that somebody sees, newest first.
pub async fn threads_of(t: &Chats, cx: &ChatContext) -> Vec<String> {
    let page = t.store.load_threads(cx, &PageRequest::first(1000)).await.expect("they are listed");
    thread_ids(&page.items).into_iter().map(str::to_owned).collect()
}

/// The ids of the threads of Alice whose metadata contains something, in the order of the ids.
pub async fn filtered(t: &Chats, metadata_contain: Value) -> Vec<String> {
    let filter =
        ThreadFilter { metadata_contain: Some(metadata_contain), ..ThreadFilter::default() };
    let page = t.store.filter_threads(&alice(), &filter, &PageRequest::first(1000)).await;
    let page = page.expect("they are filtered");
    let mut ids: Vec<_> = page.items.into_iter().map(|thread| thread.id.into_string()).collect();
    ids.sort_unstable();
    ids
}

/// The ids of the items of Alice that a query finds, newest first.
pub async fn found(t: &Chats, query: &str) -> Vec<String> {
    found_by(t, &alice(), &ItemSearch::everywhere(query)).await
}

/// The ids of the items that a search finds, in its order.
pub async fn found_by(t: &Chats, cx: &ChatContext, search: &ItemSearch) -> Vec<String> {
    let page = t.store.search_items(cx, search, &PageRequest::first(1000)).await;
    let items = page.unwrap_or_else(|error| panic!("{search:?}: {error}")).items;
    items.into_iter().map(|item| item.id.into_string()).collect()
}

/// A file that is described by nothing but its id and name.
pub fn file(id: &str) -> NewAttachment {
    NewAttachment::new(attachment_id(id), AttachmentType::File, "a.pdf", "application/pdf")
}

/// A file that is kept somewhere.
pub fn file_at(id: &str, path: &str) -> NewAttachment {
    NewAttachment { storage_path: Some(path.to_owned()), ..file(id) }
}

/// A file of a thread that is kept somewhere.
pub fn file_in(name: &str, id: &str, path: &str) -> NewAttachment {
    NewAttachment { thread_id: Some(thread(name)), ..file_at(id, path) }
}

/// Saves an attachment of Alice.
pub async fn attach(t: &Chats, new: NewAttachment) -> Attachment {
    t.store.save_attachment(&alice(), new).await.expect("the attachment is saved")
}

/// The paths of the files that were released, in the order in which they are listed.
pub async fn released(t: &Chats) -> Vec<String> {
    let page = t.store.released_files(&PageRequest::first(1000)).await.expect("they are listed");
    page.items.into_iter().map(|file| file.storage_path).collect()
}

/// Lets time pass.
pub fn wait_seconds(t: &Chats, seconds: u64) {
    t.clock.advance(Duration::from_secs(seconds)).expect("within the calendar");
}
