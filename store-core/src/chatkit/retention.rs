use crate::Timestamp;

/// What `prune` takes. A thread goes when one of the two rules says so; with neither, those go
/// that were last touched before the retention of the settings (`CHATKIT_RETENTION_DAYS`, 30 days).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadPrune {
    /// Threads last touched before this go: not after now.
    pub cutoff: Option<Timestamp>,
    /// How many threads of each owner stay, those touched last; of one instant, the greater id.
    pub max_threads: Option<u32>,
    /// How many threads, and attachments without one, a transaction deletes at most: 1 to 1000.
    pub batch: u32,
    /// Only count what would be deleted.
    pub dry_run: bool,
}

impl Default for ThreadPrune {
    fn default() -> Self {
        Self { cutoff: None, max_threads: None, batch: 100, dry_run: false }
    }
}

impl ThreadPrune {
    /// Deletes threads last touched before an instant.
    #[must_use]
    pub fn before(cutoff: Timestamp) -> Self {
        Self { cutoff: Some(cutoff), ..Self::default() }
    }

    /// Keeps so many threads of each owner.
    #[must_use]
    pub fn keep(max_threads: u32) -> Self {
        Self { max_threads: Some(max_threads), ..Self::default() }
    }

    /// Only counts what would be deleted.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }
}

/// What was pruned, or in a dry run would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadPruneReport {
    /// Threads.
    pub threads: u64,
    /// Items in them.
    pub items: u64,
    /// Attachments, in them or without a thread.
    pub attachments: u64,
    /// Files of these, which `released_files` lists until they are removed.
    pub files: u64,
}

impl ThreadPruneReport {
    /// Adds what another batch deleted.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            threads: self.threads + other.threads,
            items: self.items + other.items,
            attachments: self.attachments + other.attachments,
            files: self.files + other.files,
        }
    }
}
