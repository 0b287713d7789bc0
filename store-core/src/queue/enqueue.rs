use std::time::Duration;

use serde_json::Value;

use super::{Dependency, Job};
use crate::words::words;
use crate::{JobId, Timestamp};

/// What [`enqueue`](super::Jobs::enqueue) takes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// The job; minted by [`new`](Self::new), so that others of the same batch can depend on it.
    pub id: JobId,
    /// The queue: 1 to 255 bytes (`default`).
    pub queue: String,
    /// What kind of work it is: 1 to 255 bytes; `run` is kept for the jobs of runs.
    pub kind: String,
    /// What the handler needs to know.
    pub payload: Value,
    /// 0 is claimed first, 100 last (50).
    pub priority: u8,
    /// After as many attempts it is dead: 1 to 1000 (10).
    pub max_attempts: u32,
    /// When it may be claimed at the earliest; at once when none.
    pub run_at: Option<Timestamp>,
    /// Keeps a second one out while this one is unfinished.
    pub unique: Option<UniqueKey>,
    /// Jobs with the same key share the queue's `per_key` limit: 1 to 255 bytes.
    pub concurrency_key: Option<String>,
    /// How long one attempt may take: 1 ms to 30 days.
    pub timeout: Option<Duration>,
    /// Words to find it by: at most 1000 of at most 255 bytes.
    pub tags: Vec<String>,
    /// What a worker must be able to do: at most 64 words of 1 to 255 bytes.
    pub capabilities: Vec<String>,
    /// The jobs that have to end first: at most 1000, each once, in the queue already or in the
    /// same batch.
    pub depends_on: Vec<Dependency>,
    /// The event that has to be delivered first: 1 to 255 bytes.
    pub wait_for_event: Option<String>,
}

impl NewJob {
    /// Describes a job that can be claimed at once.
    #[must_use]
    pub fn new(kind: impl Into<String>, payload: Value) -> Self {
        Self {
            id: JobId::mint(),
            queue: "default".into(),
            kind: kind.into(),
            payload,
            priority: 50,
            max_attempts: 10,
            run_at: None,
            unique: None,
            concurrency_key: None,
            timeout: None,
            tags: Vec::new(),
            capabilities: Vec::new(),
            depends_on: Vec::new(),
            wait_for_event: None,
        }
    }
}

/// A key that at most one unfinished job of a queue has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The key: 1 to 255 bytes.
    pub key: String,
    /// What happens when another job has it.
    pub policy: UniquePolicy,
}

impl UniqueKey {
    /// Makes a key with a policy.
    #[must_use]
    pub fn new(key: impl Into<String>, policy: UniquePolicy) -> Self {
        Self { key: key.into(), policy }
    }
}

words! {
    /// What happens to a job whose key an unfinished job has.
    pub enum UniquePolicy of "policy" {
        /// The one that is there stays and is returned.
        Ignore = "ignore",
        /// The one that is there takes over everything but the id, and begins its attempts anew;
        /// `Conflict` when it is leased. For jobs that wait for nothing.
        Replace = "replace",
        /// `Conflict`.
        Reject = "reject",
    }
}

/// The answer to an enqueued job.
#[derive(Debug, Clone, PartialEq)]
pub struct Enqueued {
    /// The job that is in the queue now.
    pub job: Job,
    /// How it came there.
    pub outcome: EnqueueOutcome,
}

words! {
    /// How a job came into the queue.
    pub enum EnqueueOutcome of "outcome" {
        /// It is new.
        Created = "created",
        /// One with its key was there.
        Existing = "existing",
        /// One with its key was there and took over what was asked for.
        Replaced = "replaced",
    }
}
