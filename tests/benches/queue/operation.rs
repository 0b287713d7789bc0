//! What is measured, and the jobs it is measured on.

use serde_json::{Value, json};
use store_core::queue::NewJob;

use crate::common::args::Measured;

/// An operation of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A job.
    Enqueue,
    /// A hundred jobs at once.
    EnqueueMany,
    /// So many jobs are claimed at once, and completed at once: two calls.
    ClaimComplete(u32),
    /// A job reaches a worker that waits for it.
    Pickup,
    /// Jobs are claimed and completed while somebody holds a transaction open.
    Held,
}

impl Measured for Operation {
    const ALL: &'static [Self] = &[
        Self::Enqueue,
        Self::EnqueueMany,
        Self::ClaimComplete(1),
        Self::ClaimComplete(10),
        Self::ClaimComplete(100),
        Self::Pickup,
        Self::Held,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue",
            Self::EnqueueMany => "enqueue_many 100",
            Self::ClaimComplete(1) => "claim+complete 1",
            Self::ClaimComplete(10) => "claim+complete 10",
            Self::ClaimComplete(_) => "claim+complete 100",
            Self::Pickup => "pickup",
            Self::Held => "held",
        }
    }

    fn callers(self, asked: &[usize]) -> Vec<usize> {
        match self {
            Self::Enqueue | Self::ClaimComplete(_) => asked.to_vec(),
            Self::EnqueueMany => asked.iter().copied().filter(|&callers| callers <= 16).collect(),
            // Neither is a loop of callers beside another one of the raw driver.
            Self::Pickup | Self::Held => Vec::new(),
        }
    }
}

impl Operation {
    /// Tells whether its callers are workers.
    pub(crate) fn is_of_workers(self) -> bool {
        matches!(self, Self::ClaimComplete(_))
    }

    /// How many jobs one call is about.
    pub(crate) fn jobs(self) -> u32 {
        match self {
            Self::EnqueueMany => 100,
            Self::ClaimComplete(jobs) => jobs,
            Self::Enqueue | Self::Pickup | Self::Held => 1,
        }
    }
}

/// The queue of all jobs, and their kind.
pub(crate) const QUEUE: &str = "default";
pub(crate) const KIND: &str = "export";

/// How long leases last, in seconds: longer than anything here.
pub(crate) const LEASE: u32 = 600;

/// What a job carries: 1 KiB of JSON.
pub(crate) fn payload() -> Value {
    let text = "The nightly export of invoices stopped half-way. ".repeat(20);
    json!({ "request": text, "tickets": ["T-1", "T-2"] })
}

/// What its handler returns.
pub(crate) fn result() -> Value {
    json!({ "written": 17 })
}

/// A job as it is enqueued.
pub(crate) fn job() -> NewJob {
    NewJob::new(KIND, payload())
}

/// The name of a worker.
pub(crate) fn worker(caller: usize) -> String {
    format!("worker-{caller}")
}

/// The JSON of a job, in the form its row has: the raw sides serialise nothing.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) payload: String,
    pub(crate) result: String,
}

impl Texts {
    pub(crate) fn new() -> Self {
        Self { payload: payload().to_string(), result: result().to_string() }
    }
}
