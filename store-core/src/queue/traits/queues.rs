use async_trait::async_trait;

use crate::Result;
use crate::queue::{QueueLimits, QueueStats};

/// Queues, for operators. A queue needs no creation, and what is set for it holds in all processes.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Stops claims from a queue; jobs that are leased go on. Pausing again changes nothing.
    ///
    /// # Errors
    /// `Invalid` for a name that is no 1 to 255 bytes.
    async fn pause_queue(&self, queue: &str) -> Result<()>;

    /// Allows claims from a queue again. Resuming again changes nothing.
    ///
    /// # Errors
    /// `Invalid` for a name that is no 1 to 255 bytes.
    async fn resume_queue(&self, queue: &str) -> Result<()>;

    /// Sets what a queue allows, in place of what it allowed. Jobs that are leased stay so, also
    /// when there are more of them now than allowed.
    ///
    /// # Errors
    /// `Invalid`.
    async fn set_queue_limits(&self, queue: &str, limits: QueueLimits) -> Result<()>;

    /// Tells how queues are doing, by name: one of them, or all that have unfinished jobs, settings
    /// or jobs that finished in the last minute. A queue nobody knows is empty.
    ///
    /// # Errors
    /// `Invalid` for a name that is no 1 to 255 bytes.
    async fn queue_stats(&self, queue: Option<&str>) -> Result<Vec<QueueStats>>;
}
