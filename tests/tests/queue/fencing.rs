//! A process that was stopped for longer than its lease.

use std::sync::Arc;

use serde_json::json;
use store_core::queue::{AssignmentOutcome, JobState, NewJob};
use store_workflow::worker::Worker;

use crate::support::{LEASE, Queue, id};

const LEASE_MS: &str = "1000";

/// Lets a worker of this process do what is there; it takes back what others hold too long.
async fn do_it_here(q: &Queue, job: store_core::JobId) {
    let worker = Worker::builder(Arc::clone(&q.store)).id("second").lease(LEASE);
    let worker = worker.fallback(async |_| Ok(json!("by the second"))).build().unwrap();
    worker.run(async { drop(q.ended(job).await) }).await.unwrap();
}

/// Asserts that the second worker's end of the job is the one that counts.
async fn assert_done_by_the_second(q: &Queue, id: store_core::JobId) {
    let job = q.store.fetch_job(id).await.unwrap();
    assert_eq!((job.state, job.result), (JobState::Succeeded, Some(json!("by the second"))));
    assert_eq!((job.attempt, job.progress, job.event_token), (2, None, None));
    let expected = [Some(AssignmentOutcome::Expired), Some(AssignmentOutcome::Succeeded)];
    assert_eq!(q.outcomes(id).await, expected);
}

/// A process that holds a lease is stopped, and another does its job. When it goes on, nothing
/// that the lease allowed can be written anymore.
async fn a_process_that_was_stopped_can_write_nothing(q: &Queue) {
    let job = q.enqueue(NewJob::new("record", json!(null))).await;
    let mut holder = q.process(&["hold", LEASE_MS]);
    assert_eq!(id(&holder.tells("claimed").await[1]), job);
    holder.signal("-STOP").await;
    do_it_here(q, job).await;
    holder.signal("-CONT").await;
    holder.go_on().await;
    let answers = holder.end().await;
    let expected = [
        json!(["heartbeat", "[Lost"]),
        json!(["progress", "LeaseLost"]),
        json!(["complete", "LeaseLost"]),
        json!(["fail", "LeaseLost"]),
        json!(["snooze", "LeaseLost"]),
        json!(["release", "LeaseLost"]),
        json!(["wait_for_event", "LeaseLost"]),
    ];
    assert_eq!(json!(answers), json!(expected));
    assert_done_by_the_second(q, job).await;
}

/// A worker process is stopped in the middle of a job, and another does it. When the first goes
/// on, it drops the job or fails to end it, and does the next one as if nothing had been.
async fn a_worker_that_was_stopped_goes_on_with_other_jobs(q: &Queue) {
    let job = q.enqueue(NewJob::new("nap", json!(300))).await;
    let mut first = q.process(&["run", "first", "1", LEASE_MS]);
    assert_eq!(id(&first.tells("begun").await[1]), job);
    first.signal("-STOP").await;
    do_it_here(q, job).await;
    first.signal("-CONT").await;
    let next = q.enqueue(NewJob::new("record", json!(null))).await;
    q.ended(next).await;
    assert!(!first.end().await.is_empty(), "it did the next job");
    q.assert_done_once(next).await;
    assert_done_by_the_second(q, job).await;
}

on_both! {
    a_process_that_was_stopped_can_write_nothing,
    a_worker_that_was_stopped_goes_on_with_other_jobs,
}
