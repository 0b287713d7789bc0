//! The side of the store: calls through the traits, as an application makes them.

use std::sync::Arc;
use std::time::Duration;

use store_core::queue::{ClaimRequest, Completion};
use store_core::workflow::WorkflowStore;

use crate::common::Result;
use crate::common::load::{Figures, closed_loop};
use crate::operation::{LEASE, Operation, job, result, worker};

/// Measures one round.
pub(crate) async fn measure(
    store: &Arc<dyn WorkflowStore>,
    operation: Operation,
    callers: usize,
    round: Duration,
) -> Result<Figures> {
    let store = Arc::clone(store);
    closed_loop(callers, round, move |caller| {
        let store = Arc::clone(&store);
        async move { run(store.as_ref(), operation, caller).await }
    })
    .await
}

/// Carries out an operation; false when too few jobs are left that it could work on.
async fn run(store: &dyn WorkflowStore, operation: Operation, caller: usize) -> Result<bool> {
    match operation {
        Operation::Enqueue => drop(store.enqueue(job()).await?),
        Operation::EnqueueMany => {
            let jobs = (0..operation.jobs()).map(|_| job()).collect();
            drop(store.enqueue_many(jobs).await?);
        }
        Operation::ClaimComplete(limit) => {
            let found = claim_complete(store, &worker(caller), limit).await?;
            return Ok(u32::try_from(found) == Ok(limit));
        }
        Operation::Pickup | Operation::Held => return Err("that is no loop of callers".into()),
    }
    Ok(true)
}

/// Claims jobs and completes them; returns how many.
async fn claim_complete(store: &dyn WorkflowStore, worker: &str, limit: u32) -> Result<usize> {
    let request = ClaimRequest {
        lease: Duration::from_secs(u64::from(LEASE)),
        ..ClaimRequest::new(worker).limit(limit)
    };
    let claimed = store.claim_jobs(&request).await?;
    let done: Vec<Completion> = claimed
        .into_iter()
        .map(|one| Completion { lease: one.lease, result: Some(result()) })
        .collect();
    let count = done.len();
    if count > 0 {
        for ended in store.complete_jobs(done).await? {
            ended?;
        }
    }
    Ok(count)
}
