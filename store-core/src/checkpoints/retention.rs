/// What `prune` takes. Everything that is not kept goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointPrune {
    /// The workflow whose checkpoints are pruned.
    pub workflow_id: String,
    /// How many of the highest versions are kept. The highest is, whatever this says.
    pub keep_last: u32,
    /// Whether the best one is kept.
    pub keep_best: bool,
    /// Whether those are kept that a checkpoint which stays descends from, in this workflow or
    /// another.
    pub keep_referenced: bool,
    /// How many checkpoints one transaction deletes at most: 1 to 1000.
    pub batch: u32,
    /// Only count what would be deleted.
    pub dry_run: bool,
}

impl CheckpointPrune {
    /// Keeps the last so many versions, the best, and what these descend from; in batches of 100.
    #[must_use]
    pub fn new(workflow_id: impl Into<String>, keep_last: u32) -> Self {
        Self {
            workflow_id: workflow_id.into(),
            keep_last,
            keep_best: true,
            keep_referenced: true,
            batch: 100,
            dry_run: false,
        }
    }

    /// Only counts what would be deleted.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }
}

/// What was pruned, or in a dry run would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckpointPruneReport {
    /// Checkpoints, with their metrics.
    pub checkpoints: u64,
    /// Bytes of JSON in them.
    pub bytes: u64,
}

impl CheckpointPruneReport {
    /// Adds what another batch deleted.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { checkpoints: self.checkpoints + other.checkpoints, bytes: self.bytes + other.bytes }
    }
}
