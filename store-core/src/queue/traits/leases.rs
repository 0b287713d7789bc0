use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::queue::{
    ClaimRequest, ClaimedJob, Completion, Heartbeat, JobLease, JobState, Reaped, Retry,
};
use crate::{Result, Timestamp};

/// Leases of jobs, for workers.
///
/// Each write names the owner and the epoch of a lease: a worker that lost it gets `LeaseLost` and
/// changes nothing. A lease that has run out can still be used until it is reaped. Leases are
/// measured by the database's clock.
///
/// The job of a run ends with its run, in one transaction. A run that was ended by other means
/// while its job was leased takes the job along: whatever its worker does next, the job is
/// `Cancelled`.
#[async_trait]
pub trait JobLeases: Send + Sync {
    /// Claims up to `limit` available jobs whose capabilities the worker has.
    ///
    /// They are taken and returned by priority, then `run_at`, then id; two claims never get the
    /// same job. (On PostgreSQL a job that another process enqueues with an earlier `run_at`
    /// than those that were claimed last may be passed over for a second.) The attempt counts from
    /// here on, so that a crash counts too. A pending run is started with its job. Queues that are
    /// paused give nothing, and limits of queues hold across all processes.
    ///
    /// # Errors
    /// `Invalid`.
    async fn claim_jobs(&self, request: &ClaimRequest) -> Result<Vec<ClaimedJob>>;

    /// Extends up to 1000 leases to `lease` (1 second to 1 day) from now, in one statement, and
    /// answers for each in its place; none are answered without asking the database.
    ///
    /// # Errors
    /// `Invalid`.
    async fn heartbeat_jobs(&self, leases: &[JobLease], lease: Duration) -> Result<Vec<Heartbeat>>;

    /// Ends a job that is done, and returns its state: `Succeeded`.
    ///
    /// The jobs that wait for it become available in the same transaction. The run it carries out
    /// succeeds with `result` as its output.
    ///
    /// # Errors
    /// `LeaseLost`; `Invalid`.
    async fn complete_job(&self, lease: &JobLease, result: Option<Value>) -> Result<JobState>;

    /// Ends 1 to 1000 jobs that are done, each by itself, and answers for each in its place. Those
    /// of no run that nobody waits for are ended in one statement.
    ///
    /// # Errors
    /// `Invalid`, for all of them; the answers have those of [`complete_job`](Self::complete_job).
    async fn complete_jobs(&self, done: Vec<Completion>) -> Result<Vec<Result<JobState>>>;

    /// Ends an attempt that failed, and returns the state of the job.
    ///
    /// `Available` or `Scheduled` when it is tried again; `Dead` when it is not, or its attempts
    /// are used up; `Cancelled` when it was asked to stop. The run it carries out fails with
    /// `error`, whatever `retry` says: a run is retried by its workflow's policy, with a new job.
    ///
    /// # Errors
    /// `LeaseLost`; `Invalid` for an error text with NUL or of more than 1 MiB.
    async fn fail_job(&self, lease: &JobLease, error: &str, retry: Retry) -> Result<JobState>;

    /// Puts a job off without counting the attempt, and returns its state: `Scheduled`, or
    /// `Cancelled` when it was asked to stop.
    ///
    /// # Errors
    /// `LeaseLost`.
    async fn snooze_job(&self, lease: &JobLease, until: Timestamp) -> Result<JobState>;

    /// Gives a job back without counting the attempt, and returns its state: `Available`, or
    /// `Cancelled` when it was asked to stop.
    ///
    /// # Errors
    /// `LeaseLost`.
    async fn release_job(&self, lease: &JobLease) -> Result<JobState>;

    /// Saves how far a job is; the last report stands.
    ///
    /// # Errors
    /// `LeaseLost`; `Invalid`.
    async fn report_progress(&self, lease: &JobLease, progress: Value) -> Result<()>;

    /// Lets a job wait for an event, without counting the attempt, and returns its state.
    ///
    /// `Blocked` until the event is delivered, `Available` when it was delivered before; whoever
    /// claims the job next finds the payload in `event`. `Cancelled` when it was asked to stop.
    ///
    /// # Errors
    /// `LeaseLost`; `Conflict` when another job waits or waited for the token; `Invalid` for a
    /// token that is no 1 to 255 bytes.
    async fn wait_for_event(&self, lease: &JobLease, token: &str) -> Result<JobState>;

    /// Takes back up to `limit` (1 to 1000) leases that have run out, the oldest first.
    ///
    /// Their jobs are available again, or dead with the error `lease expired` when their attempts
    /// are used up; the run of a dead job fails with it and is retried by its policy. Any number of
    /// processes may reap. With fewer jobs than `limit`, none is left.
    ///
    /// # Errors
    /// `Invalid`.
    async fn reap_jobs(&self, limit: u32) -> Result<Reaped>;

    /// Waits until one of the queues seems to have a job to claim, at most for `timeout`; tells
    /// whether it has.
    ///
    /// Woken by whoever enqueues: in this process at once, and on PostgreSQL in others by `NOTIFY`;
    /// polled every half second besides. Capabilities and limits are not looked at, and another
    /// worker may be faster: `claim_jobs` decides.
    ///
    /// # Errors
    /// `Invalid` for queues as in a [`ClaimRequest`].
    async fn wait_for_work(&self, queues: &[String], timeout: Duration) -> Result<bool>;
}
