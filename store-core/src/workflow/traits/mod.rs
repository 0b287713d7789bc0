mod listeners;
mod runs;
mod triggers;
mod versions;
mod workflows;

use std::fmt;

use async_trait::async_trait;

pub use listeners::Listeners;
pub use runs::Runs;
pub use triggers::{DispatchGuard, Triggers};
pub use versions::Versions;
pub use workflows::Workflows;

use crate::Health;
use crate::queue::{Counters, JobQueue, Locks, WorkerRegistry};

/// Workflows with everything that belongs to them.
///
/// Every method that takes JSON applies the [`JsonPolicy`](crate::json::JsonPolicy), and every
/// check of input comes before a connection is taken: `Invalid` changes nothing. Listings are
/// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing. Any method can fail
/// with `Backend`, and with `Corrupt` when a stored row cannot be read.
#[async_trait]
pub trait WorkflowRepository:
    Workflows + Versions + Runs + Triggers + Listeners + fmt::Debug
{
    /// Tells how the database under this store is doing. Never fails and never hangs.
    async fn health(&self) -> Health;
}

/// Everything that one store of workflows does: workflows and their runs, the job queue that
/// carries them out, and the workers, locks and counters around it. All of it shares transactions.
pub trait WorkflowStore: WorkflowRepository + JobQueue + WorkerRegistry + Locks + Counters {}

impl<T> WorkflowStore for T where
    T: WorkflowRepository + JobQueue + WorkerRegistry + Locks + Counters + ?Sized
{
}
