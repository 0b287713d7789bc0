use std::time::Duration;

use serde_json::Value;

use super::JobLease;
use crate::words::words;
use crate::{JobId, RunId, Timestamp};

/// A unit of work that some worker does once.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The job; ids ascend by creation.
    pub id: JobId,
    /// The queue it waits in.
    pub queue: String,
    /// What kind of work it is: it tells a worker which handler to use. `run` for a run.
    pub kind: String,
    /// What the handler needs to know.
    pub payload: Value,
    /// The run it carries out.
    pub run_id: Option<RunId>,
    /// 0 is claimed first, 100 last.
    pub priority: u8,
    /// Where it stands.
    pub state: JobState,
    /// How many times it was claimed, snoozes, releases and waits for an event not counted.
    pub attempt: u32,
    /// After as many attempts it is dead.
    pub max_attempts: u32,
    /// When it may be claimed at the earliest.
    pub run_at: Timestamp,
    /// At most one unfinished job of the queue has it.
    pub unique_key: Option<String>,
    /// Jobs with the same key share the queue's `per_key` limit.
    pub concurrency_key: Option<String>,
    /// How long one attempt may take. The worker keeps to it; a lease does not end by it.
    pub timeout: Option<Duration>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What a worker must be able to do to claim it.
    pub capabilities: Vec<String>,
    /// The jobs it waited or waits for.
    pub depends_on: Vec<Dependency>,
    /// The event it waits or last waited for.
    pub event_token: Option<String>,
    /// What that event brought.
    pub event: Option<Value>,
    /// What its worker last reported.
    pub progress: Option<Value>,
    /// What its handler returned.
    pub result: Option<Value>,
    /// What its last failure said.
    pub last_error: Option<String>,
    /// Why it was cancelled, or is asked to stop while it is leased.
    pub cancel_reason: Option<String>,
    /// Who works on it.
    pub lease: Option<JobLease>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it last changed, heartbeats aside.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

words! {
    /// Where a job stands.
    pub enum JobState of "state" {
        /// It waits for other jobs or for an event.
        Blocked = "blocked",
        /// Its time has not come.
        Scheduled = "scheduled",
        /// It can be claimed.
        Available = "available",
        /// A worker holds it.
        Leased = "leased",
        /// It was done.
        Succeeded = "succeeded",
        /// It failed for good: a dead letter.
        Dead = "dead",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

impl JobState {
    /// Tells whether nothing comes after it.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Dead | Self::Cancelled)
    }
}

/// A job that another one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// The job that has to end first.
    pub job_id: JobId,
    /// How it has to end.
    pub on: DependencyCondition,
}

words! {
    /// How a job has to end for another one to begin.
    pub enum DependencyCondition of "on" {
        /// It succeeded.
        Success = "success",
        /// It is dead or cancelled.
        Failure = "failure",
        /// However it ended.
        Any = "any",
    }
}

impl DependencyCondition {
    /// Tells whether a job that ended in `state` fulfils the condition.
    #[must_use]
    pub const fn is_met_by(self, state: JobState) -> bool {
        match self {
            Self::Success => matches!(state, JobState::Succeeded),
            Self::Failure => matches!(state, JobState::Dead | JobState::Cancelled),
            Self::Any => state.is_finished(),
        }
    }
}

/// Which jobs a listing or a redrive is about; what is empty or none does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Their states: all unfinished ones or all finished ones, empty for the unfinished ones.
    pub states: Vec<JobState>,
    /// Their queue.
    pub queue: Option<String>,
    /// Their kind.
    pub kind: Option<String>,
    /// Their run.
    pub run_id: Option<RunId>,
    /// A tag they have.
    pub tag: Option<String>,
}

/// A time that a worker held a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The worker.
    pub worker: String,
    /// The epoch of its lease.
    pub epoch: i64,
    /// When it claimed the job.
    pub started_at: Timestamp,
    /// When that ended; none while it holds the job.
    pub ended_at: Option<Timestamp>,
    /// How that ended.
    pub outcome: Option<AssignmentOutcome>,
    /// What the failure said.
    pub error: Option<String>,
}

words! {
    /// How a worker's time with a job ended.
    pub enum AssignmentOutcome of "outcome" {
        /// The job was done.
        Succeeded = "succeeded",
        /// The worker said that it failed.
        Failed = "failed",
        /// The worker put it off.
        Snoozed = "snoozed",
        /// The worker gave it back.
        Released = "released",
        /// The worker let it wait for an event.
        Waited = "waited",
        /// The lease ran out: the worker vanished.
        Expired = "expired",
        /// The job was cancelled while the worker held it.
        Cancelled = "cancelled",
    }
}
