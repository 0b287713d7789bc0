use async_trait::async_trait;
use serde_json::Value;

use crate::workflow::{AuditEntry, FailedRun, NewRun, Run, RunFilter, RunStatus};
use crate::{Actor, Page, PageRequest, Result, RunId, Timestamp};

/// The runs of workflows.
///
/// Each transition is one statement that names the states it leads from: of any number of callers
/// in any number of processes one succeeds, the others get `InvalidState` and change nothing. A
/// transition is audited in the same transaction, and takes the run's job out of the queue: when the
/// run starts by hand it is gone, when it ends it is kept as cancelled. A worker that holds the job
/// is asked to stop. A call whose caller goes away is carried out as a whole or not at all. On
/// PostgreSQL concurrent calls share statements and commits.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Creates a pending run and returns it.
    ///
    /// Its configuration is the version's with what the run overrides; tags, callbacks, metadata
    /// and name are copied out of it. The run and its job are created together or not at all.
    /// Creating again under the same `idempotency_key` returns the first run.
    ///
    /// # Errors
    /// `NotFound` for an unknown workflow, a workflow without versions, and a version of another
    /// workflow; `InvalidState` when the workflow is archived (that is audited); `Invalid`.
    async fn create_run(&self, actor: &Actor, new: NewRun) -> Result<Run>;

    /// Starts a pending run and returns it.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState`.
    async fn start_run(&self, actor: &Actor, id: RunId) -> Result<Run>;

    /// Finishes a running run as succeeded and returns it.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState`; `Invalid`.
    async fn succeed_run(&self, actor: &Actor, id: RunId, output: Option<Value>) -> Result<Run>;

    /// Finishes a pending or running run as failed and returns it.
    ///
    /// When the workflow has a retry policy, attempts are left and it is not archived, the next
    /// attempt and its job are created in the same transaction.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState`; `Invalid` for an error text with NUL or of more than 1 MiB.
    async fn fail_run(&self, actor: &Actor, id: RunId, error: &str) -> Result<FailedRun>;

    /// Finishes a pending or running run as cancelled and returns it.
    ///
    /// # Errors
    /// Those of [`fail_run`](Self::fail_run).
    async fn cancel_run(&self, actor: &Actor, id: RunId, reason: Option<&str>) -> Result<Run>;

    /// Returns a run.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch_run(&self, id: RunId) -> Result<Run>;

    /// Returns a run, or nothing.
    async fn find_run(&self, id: RunId) -> Result<Option<Run>>;

    /// Lists runs by creation, newest first unless asked otherwise; runs of one instant are
    /// ordered by id: one query.
    async fn list_runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>>;

    /// Lists the audit of a run, oldest first unless asked otherwise. An unknown run has none.
    async fn list_run_audit(&self, id: RunId, page: &PageRequest) -> Result<Page<AuditEntry>>;

    /// Deletes up to `batch` finished runs that ended before `cutoff`, oldest first, with their
    /// audit, and returns how many. Call it again until it returns 0. A run that another one is a
    /// retry of may go before it.
    ///
    /// # Errors
    /// `Invalid` for a batch outside 1 to 1000, and for no statuses or one that is not finished.
    async fn delete_runs_before(
        &self,
        cutoff: Timestamp,
        statuses: &[RunStatus],
        batch: u32,
    ) -> Result<u64>;
}
