//! What a prune deletes.

use store_core::chatkit::{ChatContext, ThreadPrune};
use store_core::{Error, OwnerId, Result, Timestamp};

use super::Context;

/// How many threads are decided upon at a time: it bounds memory, and how often all are looked at.
pub(crate) const PLAN_ROWS: usize = 10_000;

/// A prune that may be done.
#[derive(Debug, Clone)]
pub(crate) struct ReadyPrune {
    /// Whose threads; none for those of all owners.
    pub(crate) owner: Option<OwnerId>,
    /// Threads last touched before this go.
    pub(crate) cutoff: Option<Timestamp>,
    /// How many threads of an owner stay.
    pub(crate) max_threads: Option<i64>,
    /// How many one transaction deletes.
    pub(crate) batch: usize,
    pub(crate) now: Timestamp,
}

/// A thread that goes, unless it was touched since.
#[derive(Debug, Clone)]
pub(crate) struct Doomed {
    pub(crate) thread_id: String,
    pub(crate) revision: i64,
}

impl ReadyPrune {
    /// Checks a request.
    pub(crate) fn new(context: &Context, cx: &ChatContext, request: &ThreadPrune) -> Result<Self> {
        if !(1..=1000).contains(&request.batch) {
            let reason = format!("is {}, allowed is 1 to 1000", request.batch);
            return Err(Error::invalid("batch", reason));
        }
        let now = context.clock.now();
        let cutoff = match (request.cutoff, request.max_threads) {
            (Some(cutoff), _) if cutoff > now => {
                return Err(Error::invalid("cutoff", "is after now: all threads would go"));
            }
            // A retention that reaches back beyond the calendar keeps everything.
            (None, None) => now.minus(context.limits.retention).ok(),
            (cutoff, _) => cutoff,
        };
        Ok(Self {
            owner: cx.owner().cloned(),
            cutoff,
            max_threads: request.max_threads.map(i64::from),
            batch: usize::try_from(request.batch).unwrap_or(1),
            now,
        })
    }
}
