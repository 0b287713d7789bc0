use std::time::Duration;

use serde_json::Value;

use super::Job;
use crate::{JobId, Timestamp};

/// The right to work on a job, until it expires. Its epoch is the fencing token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobLease {
    /// The job.
    pub job_id: JobId,
    /// The worker that holds it.
    pub owner: String,
    /// Increases each time the job is claimed.
    pub epoch: i64,
    /// When it runs out unless it is extended, by the database's clock.
    pub expires_at: Timestamp,
}

/// What [`claim_jobs`](super::JobLeases::claim_jobs) takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Who claims: 1 to 255 bytes.
    pub worker: String,
    /// The queues to claim from: 1 to 64 names of 1 to 255 bytes.
    pub queues: Vec<String>,
    /// What the worker is able to do: at most 64 words.
    pub capabilities: Vec<String>,
    /// The most jobs to claim: 1 to 1000.
    pub limit: u32,
    /// How long the leases last: 1 second to 1 day.
    pub lease: Duration,
}

impl ClaimRequest {
    /// Asks for one job of the queue `default`, for a minute.
    #[must_use]
    pub fn new(worker: impl Into<String>) -> Self {
        Self {
            worker: worker.into(),
            queues: vec!["default".into()],
            capabilities: Vec::new(),
            limit: 1,
            lease: Duration::from_secs(60),
        }
    }

    /// Asks for up to `limit` jobs.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }
}

/// A job with the lease that its worker has to show.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// The job as it was claimed.
    pub job: Job,
    /// The lease.
    pub lease: JobLease,
}

/// A job that is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The lease.
    pub lease: JobLease,
    /// What its handler returned; the output of a run.
    pub result: Option<Value>,
}

/// When a job that failed is tried again. A job whose attempts are used up is dead all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After 1 second, twice as long after each further attempt, at most an hour; each delay is
    /// spread by a tenth either way, so that jobs that failed together do not come back together.
    ByPolicy,
    /// At an instant.
    At(Timestamp),
    /// Never: it is dead.
    Never,
}

/// The answer to one lease of a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heartbeat {
    /// The lease was extended.
    Extended(JobLease),
    /// The lease was extended, and somebody asked the job to stop: end it with `fail_job`.
    CancelRequested {
        /// The lease.
        lease: JobLease,
        /// Why.
        reason: String,
    },
    /// The lease is lost: stop, and write nothing.
    Lost(JobId),
}

/// What [`reap_jobs`](super::JobLeases::reap_jobs) did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Jobs that can be claimed again.
    pub requeued: u32,
    /// Jobs whose attempts were used up.
    pub dead: u32,
    /// Jobs that had been asked to stop.
    pub cancelled: u32,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It reached the job that waited for it.
    Reached(JobId),
    /// Nobody waits for it yet: it is kept.
    Kept,
    /// One with this token was delivered before; that one stands.
    Duplicate,
}
