//! How long a job waits for a worker that has nothing else to do.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use store_core::JobId;
use store_core::queue::ClaimRequest;
use store_core::workflow::WorkflowStore;

use crate::common::Result;
use crate::common::load::Figures;
use crate::operation::{QUEUE, job};

/// The time between two jobs.
const EVERY: Duration = Duration::from_millis(20);
/// How long the worker waits before it asks whether that was all.
const WAIT: Duration = Duration::from_millis(500);
/// The first jobs, while connections are opened, do not count.
const WARM_UP: usize = 20;

/// Measures from the return of `enqueue` to that of `claim_jobs`, by another handle of the store.
pub(crate) async fn measure(
    waiting: Arc<dyn WorkflowStore>,
    enqueuing: &dyn WorkflowStore,
    time: Duration,
) -> Result<Figures> {
    let ended = Arc::new(AtomicBool::new(false));
    let worker = tokio::spawn(work(waiting, Arc::clone(&ended)));
    let started = Instant::now();
    let mut enqueued = Vec::new();
    while enqueued.len() < 2 * WARM_UP || started.elapsed() < time {
        tokio::time::sleep(EVERY).await;
        let new = job();
        let id = new.id;
        enqueuing.enqueue(new).await?;
        enqueued.push((id, Instant::now()));
    }
    ended.store(true, Ordering::Relaxed);
    let claimed = worker.await??;
    let mut latencies = Vec::new();
    for (id, at) in enqueued.into_iter().skip(WARM_UP) {
        let claimed = claimed.get(&id).ok_or("a job was enqueued and never claimed")?;
        // The worker may be faster than the answer to whoever enqueued.
        latencies.push(claimed.saturating_duration_since(at));
    }
    Ok(Figures::new(latencies, started.elapsed()))
}

/// Claims and completes whatever comes, and returns when each job was claimed.
async fn work(
    store: Arc<dyn WorkflowStore>,
    ended: Arc<AtomicBool>,
) -> Result<HashMap<JobId, Instant>> {
    let mut claimed = HashMap::new();
    let queues = [QUEUE.to_owned()];
    loop {
        let last = ended.load(Ordering::Relaxed);
        if store.wait_for_work(&queues, WAIT).await? {
            for one in store.claim_jobs(&ClaimRequest::new("worker")).await? {
                claimed.insert(one.job.id, Instant::now());
                store.complete_job(&one.lease, None).await?;
            }
        } else if last {
            return Ok(claimed);
        }
    }
}
