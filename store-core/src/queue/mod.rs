//! The durable job queue: jobs and their leases, workers, locks and counters.
//!
//! The contract of both implementations is written here, once; `store-workflow` implements it.

mod enqueue;
mod job;
mod lease;
mod limits;
mod lock;
mod traits;
mod worker;

pub use enqueue::{EnqueueOutcome, Enqueued, NewJob, UniqueKey, UniquePolicy};
pub use job::{
    Assignment, AssignmentOutcome, Dependency, DependencyCondition, Job, JobFilter, JobState,
};
pub use lease::{
    ClaimRequest, ClaimedJob, Completion, Delivery, Heartbeat, JobLease, Reaped, Retry,
};
pub use limits::{QueueLimits, QueueStats, Rate};
pub use lock::{Counter, LockGuard};
pub use traits::{Counters, JobLeases, JobQueue, Jobs, Locks, Queues, WorkerRegistry};
pub use worker::{NewWorker, RegisteredWorker};
