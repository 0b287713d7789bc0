//! The rules of the job queue that need no SQL.

pub(crate) mod claim;
pub(crate) mod counter;
pub(crate) mod ending;
pub(crate) mod filter;
pub(crate) mod graph;
pub(crate) mod job;
pub(crate) mod limits;
pub(crate) mod lock;
pub(crate) mod stats;
pub(crate) mod worker;

use store_core::Timestamp;
use store_core::queue::JobState;

/// Returns the state of a job that waits for nothing and can be claimed at `run_at`.
pub(crate) fn ready_state(run_at: Timestamp, now: Timestamp) -> JobState {
    if run_at > now { JobState::Scheduled } else { JobState::Available }
}
