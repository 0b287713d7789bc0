//! Conversations: from the first question to a file that nobody needs any more.

mod files;
mod reading;

use std::time::Instant;

use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};
use store_chatkit::UploadDirectory;
use store_core::chatkit::{
    ChatContext, ChatKitStore, ItemType, NewThread, NewThreadItem, ThreadItem,
};
use store_core::{OwnerId, PageRequest, ThreadId};

use crate::Result;
use crate::report::{self, Report, count, rate};

/// How many messages are added at once.
const MESSAGES: usize = 200;

/// Tells the whole part.
pub(crate) async fn tell(report: &mut Report, store: &dyn ChatKitStore) -> Result<()> {
    let id = store.generate_thread_id()?;
    // Of this run of the demo alone.
    let owner = OwnerId::new(format!("ada-{id}"))?;
    let ada = ChatContext::new(owner)
        .with_workflow("triage")
        .with_metadata(Map::from_iter([("channel".to_owned(), json!("web"))]));
    let thread = begin(report, store, &ada, id).await?;
    add(report, store, &ada, &thread).await?;
    reading::page(report, store, &ada, &thread).await?;
    reading::filter(report, store, &ada, &thread).await?;
    reading::search(report, store, &ada, &thread).await?;
    // The file is there for as long as the demo needs it.
    let directory = tempfile::tempdir()?;
    let uploads = UploadDirectory::new(directory.path());
    let path = files::attach(report, store, &ada, &thread, &uploads).await?;
    files::prune(report, store, &ada, &thread).await?;
    files::remove(report, store, &uploads, path).await
}

async fn begin(
    report: &mut Report,
    store: &dyn ChatKitStore,
    ada: &ChatContext,
    id: ThreadId,
) -> Result<ThreadId> {
    report.section("Save a conversation");
    let form = json!({
        "id": id, "title": "The export of March", "status": { "type": "active" },
        "metadata": { "customer": "c-7", "tags": ["export", "march"] },
    });
    let (saved, took) = report::timed(store.save_thread(ada, NewThread::from_json(form)?)).await;
    let saved = saved?;
    report::done(format!("thread {} with its metadata and the context's", saved.id), took);
    report::note(format!("{}", saved.metadata));
    let question = message(store, &ItemType::UserMessage, "Why did the export of March fail?")?;
    store.add_thread_item(ada, &id, question).await?;
    let mut answer = message(store, &ItemType::AssistantMessage, "Let me look:")?;
    let first = store.add_thread_item(ada, &id, answer.clone()).await?;
    // As an answer grows while it is written, it is saved in its place.
    for words in ["the disk", "the disk was full."] {
        answer.content["content"][0]["text"] = json!(format!("Let me look: {words}"));
        let saved = store.save_item(ada, &id, answer.clone()).await?;
        if saved.ordinal != first.ordinal {
            return Err("an item that is saved has moved".into());
        }
    }
    let place = first.ordinal;
    report::note(format!("a question, and an answer that was saved again twice, in place {place}"));
    Ok(id)
}

async fn add(
    report: &mut Report,
    store: &dyn ChatKitStore,
    ada: &ChatContext,
    thread: &ThreadId,
) -> Result<()> {
    report.section("Add to it");
    let started = Instant::now();
    let add = async |nth: usize| -> Result<ThreadItem> {
        let text = format!("Attempt {nth} to export: the answer was {}", 500 + nth % 4);
        let item = message(store, &ItemType::AssistantMessage, &text)?;
        Ok(store.add_thread_item(ada, thread, item).await?)
    };
    try_join_all((0..MESSAGES).map(add)).await?;
    let took = started.elapsed();
    report::done(format!("{MESSAGES} messages at once, {}", rate(MESSAGES, took)), took);
    let hidden = json!({
        "id": "hidden", "type": "hidden_context_item", "content": "They have the gold contract.",
    });
    store.add_thread_items(ada, thread, vec![NewThreadItem::from_json(hidden)?]).await?;
    let items = store.load_thread_items(ada, thread, &PageRequest::first(1000)).await?.items;
    if !(0..).zip(&items).all(|(place, item)| item.ordinal == place) {
        return Err("the places of the items have gaps".into());
    }
    report::note(format!("{} items in places without a gap", count(items.len() as u64)));
    Ok(())
}

/// A message in the form that ChatKit servers use.
fn message(store: &dyn ChatKitStore, item_type: &ItemType, text: &str) -> Result<NewThreadItem> {
    let part = if *item_type == ItemType::UserMessage { "input_text" } else { "output_text" };
    let content: Value = json!({
        "id": store.generate_item_id(item_type)?, "type": item_type.as_str(),
        "content": [{ "type": part, "text": text }],
    });
    Ok(NewThreadItem::from_json(content)?)
}
