//! Items that are added or saved.

use std::collections::HashSet;

use serde_json::Value;
use store_core::chatkit::{ItemType, NewThreadItem, ThreadItem};
use store_core::json::Admitted;
use store_core::{Error, ItemId, Result, ThreadId, Timestamp};

use super::Context;
use super::search::Document;
use super::text::checked_object;

/// The most items of one call.
const MAX_ITEMS: usize = 1000;

/// An item that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyItem {
    pub(crate) id: ItemId,
    pub(crate) item_type: ItemType,
    /// The instant that was given.
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) now: Timestamp,
    pub(crate) content: Admitted,
    pub(crate) document: Document,
}

impl ReadyItem {
    /// Checks an item for a thread.
    pub(crate) fn new(
        context: &Context,
        thread_id: &ThreadId,
        item: NewThreadItem,
    ) -> Result<Self> {
        checked_object("content", &item.content)?;
        agrees(&item.content, "id", item.id.as_str())?;
        agrees(&item.content, "thread_id", thread_id.as_str())?;
        agrees(&item.content, "type", item.item_type.as_str())?;
        let content = context.json.admit("content", item.content)?;
        Ok(Self {
            document: Document::new(&item.item_type, &content.value),
            id: item.id,
            item_type: item.item_type,
            created_at: item.created_at,
            now: context.clock.now(),
            content,
        })
    }

    /// Checks the items of one call.
    pub(crate) fn all(
        context: &Context,
        thread_id: &ThreadId,
        items: Vec<NewThreadItem>,
    ) -> Result<Vec<Self>> {
        if items.len() > MAX_ITEMS {
            let reason = format!("has {} items, at most {MAX_ITEMS} are allowed", items.len());
            return Err(Error::invalid("items", reason));
        }
        let mut ids = HashSet::with_capacity(items.len());
        if let Some(twice) = items.iter().find(|item| !ids.insert(&item.id)) {
            return Err(taken(thread_id, &twice.id));
        }
        items.into_iter().map(|item| Self::new(context, thread_id, item)).collect()
    }

    /// Makes the record that was stored at a place, with the instant that is stored.
    pub(crate) fn stored_at(
        &self,
        thread_id: &ThreadId,
        ordinal: i64,
        created_at: Timestamp,
    ) -> ThreadItem {
        ThreadItem {
            id: self.id.clone(),
            thread_id: thread_id.clone(),
            item_type: self.item_type.clone(),
            created_at,
            content: self.content.value.clone(),
            ordinal,
        }
    }

    /// Returns the instant a new item gets.
    pub(crate) fn begins(&self) -> Timestamp {
        self.created_at.unwrap_or(self.now)
    }
}

/// Says that the thread has an item with this id.
pub(crate) fn taken(thread_id: &ThreadId, id: &ItemId) -> Error {
    Error::conflict("item", format!("{thread_id}/{id}"), "the thread has an item with this id")
}

/// Says that the thread has no item with this id.
pub(crate) fn missing(thread_id: &ThreadId, id: &ItemId) -> Error {
    Error::not_found("item", format!("{thread_id}/{id}"))
}

/// Says that a page cannot continue after this item.
pub(crate) fn no_place(thread_id: &ThreadId, id: &ItemId) -> Error {
    Error::invalid("item_id", format!("{id} is no item of the thread {thread_id}"))
}

/// Checks that what the content says of itself is what the call says.
fn agrees(content: &Value, field: &str, said: &str) -> Result<()> {
    match content.get(field) {
        None => Ok(()),
        Some(found) if found == said => Ok(()),
        Some(_) => Err(Error::invalid(format!("content.{field}"), format!("is not {said}"))),
    }
}
