use crate::Timestamp;

/// What may be pruned. Running executions never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Executions that finished before this instant.
    OlderThan(Timestamp),
    /// The oldest ones, until at most this many rows are left. An execution counts as one row and
    /// one for each of its steps.
    MaxRows(u64),
    /// The oldest ones, until at most this many bytes of JSON are left, in executions and steps.
    MaxBytes(u64),
}

/// What `prune` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneRequest {
    /// What may go.
    pub retention: Retention,
    /// How many executions one transaction deletes at most: 1 to 1000.
    pub batch: u32,
    /// Only count what would be deleted.
    pub dry_run: bool,
}

impl PruneRequest {
    /// Prunes in batches of 100.
    #[must_use]
    pub const fn new(retention: Retention) -> Self {
        Self { retention, batch: 100, dry_run: false }
    }

    /// Only counts what would be deleted.
    #[must_use]
    pub const fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }
}

/// What was pruned, or in a dry run would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Executions, with everything that belongs to them.
    pub executions: u64,
    /// Steps of these executions.
    pub steps: u64,
    /// Bytes of JSON in these executions and their steps.
    pub bytes: u64,
}

impl PruneReport {
    /// Adds what another batch deleted.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            executions: self.executions + other.executions,
            steps: self.steps + other.steps,
            bytes: self.bytes + other.bytes,
        }
    }
}
