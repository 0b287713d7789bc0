//! The line of a checkpoint's ancestors.

use store_core::checkpoints::Checkpoint;
use store_core::page::PAGE_BYTE_BUDGET;
use store_core::{CheckpointId, Error, Listing, Order, Page, PageRequest, Result};

/// A part of a line that may be asked of a database. The key is the parent to go on with.
#[derive(Debug, Clone)]
pub(crate) struct ReadyLine {
    id: CheckpointId,
    listing: Listing<CheckpointId>,
}

impl ReadyLine {
    /// Checks what is asked for.
    pub(crate) fn new(id: CheckpointId, page: &PageRequest) -> Result<Self> {
        if page.order == Some(Order::Asc) {
            return Err(Error::invalid("order", "a lineage is listed towards its root only"));
        }
        let listing = Listing::new("checkpoints.lineage", &id, page, Order::Desc)?;
        Ok(Self { id, listing })
    }

    /// Returns where the page begins.
    pub(crate) fn start(&self) -> CheckpointId {
        self.listing.after.unwrap_or(self.id)
    }

    /// Returns the most checkpoints of the page.
    pub(crate) const fn limit(&self) -> i64 {
        self.listing.limit
    }

    /// Returns the bytes after which the page ends.
    pub(crate) const fn budget(&self) -> i64 {
        PAGE_BYTE_BUDGET
    }

    /// Makes the page. There is more when the last one has a parent: it cannot have one that is
    /// not there.
    pub(crate) fn page(&self, items: Vec<Checkpoint>) -> Result<Page<Checkpoint>> {
        if items.is_empty() && self.listing.after.is_none() {
            return Err(Error::not_found("checkpoint", self.id));
        }
        let more = items.last().is_some_and(|last| last.parent_id.is_some());
        self.listing.page(items, more, |last| last.parent_id.unwrap_or(last.id))
    }
}
