//! What the raw drivers do: one side of the comparison, and what both sides need before a round.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;

use crate::common::Result;
use crate::common::load::Figures;
use crate::operation::Operation;

/// A transaction that stays open until this is dropped.
pub(crate) type HeldOpen = Box<dyn Any + Send>;

/// A database through its raw driver.
#[async_trait]
pub(crate) trait Raw: Send + Sync {
    /// Removes all jobs, finished or not.
    async fn clear(&self) -> Result<()>;

    /// Puts jobs into the queue that can be claimed at once.
    async fn add_jobs(&self, count: usize) -> Result<()>;

    /// Opens a transaction that has read the queue, on a connection of its own.
    async fn hold(&self) -> Result<HeldOpen>;

    /// Measures one round of an operation with many callers.
    async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures>;
}
