//! Filling empty tables through the store.

use std::sync::Arc;
use std::time::Duration;

use store_core::chatkit::{ChatContext, ChatKitStore, ItemType, NewThread, NewThreadItem};
use store_core::{ItemId, OwnerId, ThreadId, Timestamp};
use tokio::task::JoinSet;

use crate::common::Result;
use crate::conversation::{
    self, FILTERER, LONG, LONG_ITEMS, READER, SAVED, SHORT, SHORT_ITEMS, THREADS, WRITER, WRITTEN,
};

/// The items of a call.
const BATCH: u32 = 1_000;
/// Those who save threads at once.
const SAVERS: u32 = 100;
/// When the first item came to be; each later one comes a second after the one before.
const FROM: &str = "2026-01-01T00:00:00Z";

/// Fills empty tables with what is read and written.
pub(crate) async fn seed(store: &Arc<dyn ChatKitStore>) -> Result<()> {
    let reader = context(READER)?;
    fill(store.as_ref(), &reader, SHORT, SHORT_ITEMS).await?;
    fill(store.as_ref(), &reader, LONG, LONG_ITEMS).await?;
    save_threads(store).await?;
    let writer = context(WRITER)?;
    for nth in 0..WRITTEN {
        let thread = ThreadId::new(conversation::written(nth))?;
        store.save_thread(&writer, NewThread::new(thread)).await?;
    }
    for caller in 0..SAVED {
        let thread = ThreadId::new(conversation::written(caller))?;
        store.add_thread_item(&writer, &thread, written(conversation::saved(caller), 0)?).await?;
    }
    Ok(())
}

/// Acts for one of those whose conversations they are.
pub(crate) fn context(owner: &str) -> Result<ChatContext> {
    Ok(ChatContext::new(OwnerId::new(owner)?))
}

/// An item as callers write it.
pub(crate) fn written(id: String, variant: u64) -> Result<NewThreadItem> {
    let content = conversation::written_item(variant);
    Ok(NewThreadItem::new(ItemId::new(id)?, ItemType::AssistantMessage, content))
}

/// The id of an item of a thread that is read.
pub(crate) fn read_id(nth: u32) -> Result<ItemId> {
    Ok(ItemId::new(format!("msg_{nth}"))?)
}

/// Makes a thread with its items.
async fn fill(
    store: &dyn ChatKitStore,
    reader: &ChatContext,
    thread: &str,
    count: u32,
) -> Result<()> {
    let thread = ThreadId::new(thread)?;
    let from: Timestamp = FROM.parse()?;
    store.save_thread(reader, NewThread::new(thread.clone())).await?;
    for begin in (0..count).step_by(BATCH as usize) {
        let item = |nth: u32| {
            let content = conversation::read_item(nth);
            let at = from.plus(Duration::from_secs(u64::from(nth)))?;
            let item = NewThreadItem::new(read_id(nth)?, ItemType::AssistantMessage, content);
            Ok(NewThreadItem { created_at: Some(at), ..item })
        };
        let items = (begin..count.min(begin + BATCH)).map(item).collect::<Result<_>>()?;
        store.add_thread_items(reader, &thread, items).await?;
    }
    Ok(())
}

/// Makes the threads that are filtered: many at once, for SQLite commits for all that wait.
async fn save_threads(store: &Arc<dyn ChatKitStore>) -> Result<()> {
    let mut savers = JoinSet::new();
    for saver in 0..SAVERS {
        let store = Arc::clone(store);
        savers.spawn(async move {
            let filterer = context(FILTERER)?;
            for nth in (saver..THREADS).step_by(SAVERS as usize) {
                let mut thread = NewThread::new(ThreadId::new(format!("thr_{nth}"))?);
                thread.title = Some(format!("Question {nth}"));
                thread.metadata = conversation::metadata(nth);
                store.save_thread(&filterer, thread).await?;
            }
            Result::Ok(())
        });
    }
    while let Some(saver) = savers.join_next().await {
        saver??;
    }
    Ok(())
}
