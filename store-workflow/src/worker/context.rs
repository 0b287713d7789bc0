use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde_json::Value;
use store_core::Result;
use store_core::queue::{ClaimedJob, Job, JobLease};
use store_core::workflow::WorkflowStore;
use tokio::sync::watch;

use super::error::JobError;

/// Why a handler should stop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// Somebody cancelled the job, for this reason.
    Cancelled(String),
    /// The lease was lost, or the attempt is over: nothing can be written anymore.
    LeaseLost,
    /// The worker stops, and its grace period is over.
    ShuttingDown,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(reason) => write!(f, "cancelled: {reason}"),
            Self::LeaseLost => f.write_str("the lease was lost"),
            Self::ShuttingDown => f.write_str("the worker stops"),
        }
    }
}

/// How the worker tells a handler to stop.
pub(super) type StopSignal = watch::Receiver<Option<StopReason>>;

/// What a handler knows of its job, and what it can do with it. Clones are about the same attempt.
#[derive(Clone)]
pub struct JobContext {
    attempt: Arc<Attempt>,
    stop: StopSignal,
}

struct Attempt {
    store: Arc<dyn WorkflowStore>,
    claimed: ClaimedJob,
    deadline: Option<Instant>,
}

impl JobContext {
    pub(super) fn new(
        store: Arc<dyn WorkflowStore>,
        claimed: ClaimedJob,
        stop: StopSignal,
    ) -> Self {
        let deadline = claimed.job.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { attempt: Arc::new(Attempt { store, claimed, deadline }), stop }
    }

    /// Returns the job as it was claimed.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.attempt.claimed.job
    }

    /// Returns the lease as it was claimed; the worker extends it. Its epoch is the fencing token
    /// to hand to other systems.
    #[must_use]
    pub fn lease(&self) -> &JobLease {
        &self.attempt.claimed.lease
    }

    /// Returns the store the job is in.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn WorkflowStore> {
        &self.attempt.store
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// One that is not worth another attempt.
    pub fn payload_as<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        T::deserialize(&self.job().payload)
            .map_err(|error| JobError::permanent(format!("the payload does not fit: {error}")))
    }

    /// Saves how far the job is; the last report stands.
    ///
    /// # Errors
    /// `LeaseLost`; `Invalid`.
    pub async fn progress(&self, progress: Value) -> Result<()> {
        self.store().report_progress(self.lease(), progress).await
    }

    /// Returns when the attempt times out.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.attempt.deadline
    }

    /// Tells whether the handler should stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.stop.borrow().is_some() || self.stop.has_changed().is_err()
    }

    /// Waits until the handler should stop, and tells why.
    ///
    /// A handler that was cancelled has the grace period to end, with an error or with success.
    /// In the other cases it is dropped right after: then only tasks of its own see this.
    pub async fn cancelled(&self) -> StopReason {
        let mut stop = self.stop.clone();
        match stop.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or(StopReason::LeaseLost),
            // The worker forgot the attempt: it is over.
            Err(_over) => StopReason::LeaseLost,
        }
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let job = self.job();
        f.debug_struct("JobContext")
            .field("job", &job.id)
            .field("kind", &job.kind)
            .field("attempt", &job.attempt)
            .finish_non_exhaustive()
    }
}
