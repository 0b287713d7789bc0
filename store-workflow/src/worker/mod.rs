//! A worker that carries out jobs: it claims them, keeps their leases, and ends them.
//!
//! It needs nothing but the store: workers of any number of processes share a queue. A job is
//! carried out at least once, and the end of an attempt counts at most once: a worker that was
//! away for longer than its lease cannot write anything anymore.

mod attempt;
mod builder;
mod completions;
mod context;
mod error;
mod handler;
mod held;
mod retry;
mod run_loop;
mod upkeep;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

pub use builder::WorkerBuilder;
pub use context::{JobContext, StopReason};
pub use error::JobError;
pub use handler::JobOutput;
use store_core::Result;
use store_core::workflow::WorkflowStore;
use tokio::sync::mpsc::UnboundedSender;

use builder::Config;
use completions::Done;
use held::HeldLeases;

/// Carries out the jobs of some queues, several at a time.
#[derive(Clone)]
pub struct Worker {
    store: Arc<dyn WorkflowStore>,
    config: Arc<Config>,
}

impl Worker {
    /// Begins the description of a worker.
    pub fn builder(store: Arc<dyn WorkflowStore>) -> WorkerBuilder {
        WorkerBuilder::new(store)
    }

    /// Returns the name it claims with.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.config.id
    }

    /// Carries out jobs until `shutdown` resolves.
    ///
    /// Then it claims no more and waits for what it has begun. Handlers that are not done within
    /// the grace period are dropped, and their jobs are given back without counting the attempt.
    /// A database that is away ends nothing: the worker waits for it. Dropping this future drops
    /// the handlers at once; the leases of their jobs run out.
    ///
    /// # Errors
    /// `Invalid` when the store refuses what the worker asks for.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<()> {
        run_loop::run(self, run_loop::Until::Told, shutdown).await
    }

    /// Carries out jobs until none can be claimed and all that it began have ended.
    ///
    /// Jobs that are tried again later are not waited for.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub async fn run_until_idle(&self) -> Result<()> {
        run_loop::run(self, run_loop::Until::Idle, std::future::pending()).await
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What the tasks of a running worker share.
struct Shared {
    store: Arc<dyn WorkflowStore>,
    config: Arc<Config>,
    held: HeldLeases,
    done: UnboundedSender<Done>,
}
