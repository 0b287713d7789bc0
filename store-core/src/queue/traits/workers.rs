use std::time::Duration;

use async_trait::async_trait;

use crate::queue::{NewWorker, RegisteredWorker};
use crate::{Page, PageRequest, Result};

/// The workers that are there.
///
/// Registering is for those who watch: a worker claims jobs without it, and one that vanishes
/// loses its jobs by their leases. What is alive is decided by the database's clock.
#[async_trait]
pub trait WorkerRegistry: Send + Sync {
    /// Registers a worker and returns it; registering again renews everything about it.
    ///
    /// # Errors
    /// `Invalid`.
    async fn register_worker(&self, worker: NewWorker) -> Result<RegisteredWorker>;

    /// Says that a worker is there.
    ///
    /// # Errors
    /// `NotFound` when it is not registered, or was forgotten: register it again.
    async fn heartbeat_worker(&self, id: &str) -> Result<()>;

    /// Forgets a worker; one that nobody knows is forgotten already.
    async fn deregister_worker(&self, id: &str) -> Result<()>;

    /// Lists workers by id: those that said they are there within a time, or all of them.
    async fn list_workers(
        &self,
        alive_within: Option<Duration>,
        page: &PageRequest,
    ) -> Result<Page<RegisteredWorker>>;

    /// Forgets workers that have not said they are there for a time, and counts them.
    async fn prune_workers(&self, silent_for: Duration) -> Result<u32>;
}
