//! Workers that are killed, and jobs that take long.

use std::time::Duration;

use serde_json::json;
use store_core::queue::{AssignmentOutcome, ClaimRequest, JobState, NewJob};

use crate::support::{Queue, id};

const LEASE_MS: &str = "1000";

/// A job that kills every worker that handles it is dead when its attempts are used up.
async fn a_job_that_kills_its_workers_is_dead_in_the_end(q: &Queue) {
    let new = NewJob { max_attempts: 2, ..NewJob::new("die", json!(null)) };
    let job = q.enqueue(new).await;
    for epoch in 1..=2 {
        // The second one takes the lease of the first back.
        let handled = q.process(&["run", &format!("w{epoch}"), "4", LEASE_MS]).killed().await;
        assert_eq!(handled, [vec![json!("handled"), json!(job), json!(epoch), json!(null)]]);
    }
    let last = q.process(&["run", "w3", "4", LEASE_MS]);
    let dead = q.ended(job).await;
    assert_eq!((dead.state, dead.attempt), (JobState::Dead, 2));
    assert_eq!(dead.last_error.as_deref(), Some("lease expired"));
    assert_eq!(q.outcomes(job).await, [Some(AssignmentOutcome::Expired); 2]);
    assert!(last.end().await.is_empty(), "it was not handled a third time");
}

/// A job that takes three times as long as the lease is not taken from its worker.
async fn a_long_job_is_not_stolen(q: &Queue) {
    let job = q.enqueue(NewJob::new("nap", json!(3200))).await;
    let mut worker = q.process(&["run", "w1", "4", LEASE_MS]);
    assert_eq!(id(&worker.tells("begun").await[1]), job);
    let thief = ClaimRequest::new("thief");
    let mut looks = 0;
    while !q.store.fetch_job(job).await.unwrap().state.is_finished() {
        let reaped = q.store.reap_jobs(1000).await.unwrap();
        assert_eq!(reaped.requeued + reaped.dead, 0);
        assert_eq!(q.store.claim_jobs(&thief).await.unwrap(), []);
        looks += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(looks > 50, "{looks}");
    worker.end().await;
    q.assert_done_once(job).await;
}

on_both! {
    a_job_that_kills_its_workers_is_dead_in_the_end,
    a_long_job_is_not_stolen,
}
