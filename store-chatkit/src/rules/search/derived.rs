//! The words of an item that is stored, for tools that move items between databases.

use serde_json::Value;
use store_core::chatkit::ItemType;
use store_core::{Error, OwnerId, Result, ThreadId};

use super::Document;

/// The words of one item, as the column `search` of `chatkit_items` has them.
///
/// They follow from the other columns of the row, so that a tool that moves rows from one backend to
/// the other cuts them anew: each backend's index wants another form of them.
#[derive(Debug, Clone)]
pub struct SearchWords {
    document: Document,
    owner: OwnerId,
    thread_id: ThreadId,
}

impl SearchWords {
    /// Cuts the words of an item from its columns; `content` is the text of JSON.
    ///
    /// # Errors
    /// `Invalid` when a column has what the store would not have written.
    pub fn of_item(item_type: &str, content: &str, owner: &str, thread_id: &str) -> Result<Self> {
        let content: Value = serde_json::from_str(content)
            .map_err(|error| Error::invalid("content", format!("is not JSON: {error}")))?;
        Ok(Self {
            document: Document::new(&item_type.parse::<ItemType>()?, &content),
            owner: OwnerId::new(owner)?,
            thread_id: ThreadId::new(thread_id)?,
        })
    }

    /// Returns them as SQLite keeps them.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn text(&self) -> String {
        self.document.text(&self.owner, &self.thread_id)
    }

    /// Returns them in the form PostgreSQL's `tsvector` has on the wire.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn tsvector(&self) -> Vec<u8> {
        self.document.tsvector(&self.owner, &self.thread_id)
    }
}
