use crate::ThreadId;

/// What `prune` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphPrune {
    /// The thread.
    pub thread_id: ThreadId,
    /// How many checkpoints stay in each namespace, the newest ones: at least 1.
    pub keep_last: u32,
    /// Only count what would be deleted.
    pub dry_run: bool,
}

impl GraphPrune {
    /// Keeps the newest checkpoints of each namespace.
    #[must_use]
    pub const fn new(thread_id: ThreadId, keep_last: u32) -> Self {
        Self { thread_id, keep_last, dry_run: false }
    }

    /// Only counts what would be deleted.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }
}

/// What was pruned, or in a dry run would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GraphPruneReport {
    /// Checkpoints.
    pub checkpoints: u64,
    /// Writes of tasks.
    pub writes: u64,
    /// Versions of channels that had a value.
    pub values: u64,
    /// Bytes of values to which nothing refers any more. A value that several channels, versions
    /// or writes share is stored, and counted, once.
    pub bytes: u64,
}
