//! What the raw drivers do: one side of the comparison, and what both sides need before a round.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use store_core::{RunId, Timestamp};

use crate::common::Result;
use crate::common::load::Figures;
use crate::operation::{Operation, Runnable};

/// A database through its raw driver.
#[async_trait]
pub(crate) trait Raw: Send + Sync {
    /// Puts pending runs with their jobs into a workflow.
    async fn add_runs(&self, of: Runnable, count: usize) -> Result<Vec<RunId>>;

    /// Removes the runs that schedules started; returns when all schedules are due again.
    async fn make_due(&self) -> Result<Timestamp>;

    /// Dispatches what is due from schedulers that begin at once, each in one transaction, and
    /// returns the number of runs.
    async fn dispatch(&self, schedulers: usize, now: Timestamp) -> Result<usize>;

    /// Measures one round of an operation with many callers.
    async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
        stock: &Stock,
    ) -> Result<Figures>;
}

/// Pending runs of one side, made beforehand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stock(Arc<Mutex<Vec<RunId>>>);

impl Stock {
    /// Takes a run, unless none is left.
    pub(crate) fn take(&self) -> Option<RunId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Fills up to a number of runs.
    pub(crate) async fn fill(&self, raw: &dyn Raw, of: Runnable, count: usize) -> Result<()> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        let added = raw.add_runs(of, count.saturating_sub(left)).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(added);
        Ok(())
    }
}
