//! Waiting for work.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use store_core::queue::{DependencyCondition, NewJob, Retry};
use store_core::workflow::WorkflowStore;
use tokio::task::JoinHandle;

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    claimed, claimed_ids, dependent, enqueued, job, job_of, leased, pass, pending, runnable, time,
    waiting_job,
};

/// Long enough that a wait which ends by it is a failure.
const LONG: Duration = Duration::from_secs(20);
/// Long enough to look once.
const SHORT: Duration = Duration::from_millis(200);

fn default() -> Vec<String> {
    vec!["default".to_owned()]
}

/// Looks for work once, or a little longer.
async fn has_work(t: &Workflows, queues: &[&str]) -> bool {
    let queues: Vec<String> = queues.iter().map(|queue| (*queue).to_owned()).collect();
    t.store.wait_for_work(&queues, SHORT).await.unwrap()
}

/// Begins to wait for work.
async fn waiting(store: Arc<dyn WorkflowStore>) -> JoinHandle<bool> {
    let (begun, begins) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        begun.send(()).unwrap();
        store.wait_for_work(&default(), LONG).await.unwrap()
    });
    begins.await.unwrap();
    task
}

behaviours! {
    emits queue_waiting_tests from queue::waiting;

    /// Where there is work, nobody waits.
    async fn where_there_is_work_nobody_waits(t: &Workflows) {
        enqueued(t, job("k")).await;
        let queues = default();
        let answer = tokio::time::timeout(LONG / 2, t.store.wait_for_work(&queues, LONG * 100));
        assert!(answer.await.expect("at once").unwrap());
        assert_eq!(claimed_ids(t).await.len(), 1, "waiting claims nothing");
    }

    /// Where there is none, the wait ends at its time.
    async fn where_there_is_none_the_wait_ends_at_its_time(t: &Workflows) {
        assert!(!has_work(t, &["default"]).await);
        assert!(!t.store.wait_for_work(&default(), Duration::ZERO).await.unwrap());
    }

    /// Jobs that cannot be claimed are no work.
    async fn jobs_that_cannot_be_claimed_are_no_work(t: &Workflows) {
        let parent = leased(t, job("leased")).await.lease;
        enqueued(t, dependent(&[parent.job_id], DependencyCondition::Any)).await;
        enqueued(t, waiting_job("e")).await;
        enqueued(t, NewJob { run_at: Some(time("13:00:00")), ..job("timer") }).await;
        assert!(!has_work(t, &["default"]).await);
    }

    /// Only the queues that are named count, all of them.
    async fn only_the_named_queues_count(t: &Workflows) {
        enqueued(t, job_of("a", "k")).await;
        assert!(!has_work(t, &["default", "b", "A"]).await);
        assert!(has_work(t, &["default", "a", "b"]).await);
    }

    /// A worker that waits is woken by a job that is enqueued, on this handle or another one.
    async fn a_worker_is_woken_by_a_new_job(t: &Workflows) {
        let other = t.reopened().await;
        for store in [t.store.clone(), other] {
            let wait = waiting(t.store.clone()).await;
            store.enqueue(job("k")).await.unwrap();
            assert!(wait.await.unwrap());
            assert_eq!(claimed_ids(t).await.len(), 1);
        }
    }

    /// A worker that waits is woken by a batch, and by a run that is created.
    async fn a_worker_is_woken_by_batches_and_runs(t: &Workflows) {
        let wait = waiting(t.store.clone()).await;
        t.store.enqueue_many(vec![job_of("q", "k"), job("k")]).await.unwrap();
        assert!(wait.await.unwrap());
        claimed(t, "w").await;
        let workflow = runnable(t).await;
        let wait = waiting(t.store.clone()).await;
        pending(t, workflow.id).await;
        assert!(wait.await.unwrap());
    }

    /// A worker that waits is woken by a job that waits no longer.
    async fn a_worker_is_woken_by_a_job_that_waits_no_longer(t: &Workflows) {
        let parent = leased(t, job("parent")).await.lease;
        enqueued(t, dependent(&[parent.job_id], DependencyCondition::Success)).await;
        enqueued(t, waiting_job("e")).await;
        let wait = waiting(t.store.clone()).await;
        t.store.complete_job(&parent, None).await.unwrap();
        assert!(wait.await.unwrap());
        claimed(t, "w").await;
        let wait = waiting(t.store.clone()).await;
        t.store.deliver_event("e", json!(1)).await.unwrap();
        assert!(wait.await.unwrap());
    }

    /// A worker that waits is woken by a job that another worker gives back or loses.
    async fn a_worker_is_woken_by_a_job_that_comes_back(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let wait = waiting(t.store.clone()).await;
        t.store.release_job(&lease).await.unwrap();
        assert!(wait.await.unwrap());
        let lease = claimed(t, "w").await.lease;
        let wait = waiting(t.store.clone()).await;
        t.store.fail_job(&lease, "boom", Retry::At(time("12:00:00"))).await.unwrap();
        assert!(wait.await.unwrap());
        claimed(t, "w").await;
        let wait = waiting(t.store.clone()).await;
        pass(t, 60);
        t.store.reap_jobs(10).await.unwrap();
        assert!(wait.await.unwrap());
    }

    /// A worker that waits is woken by a scheduled job whose time comes.
    async fn a_worker_is_woken_by_a_job_whose_time_comes(t: &Workflows) {
        enqueued(t, NewJob { run_at: Some(time("12:00:10")), ..job("timer") }).await;
        let wait = waiting(t.store.clone()).await;
        t.clock.set(time("12:00:10"));
        assert!(wait.await.unwrap());
        assert_eq!(claimed_ids(t).await.len(), 1);
    }

    /// Many workers that wait are all woken.
    async fn all_workers_that_wait_are_woken(t: &Workflows) {
        let other = t.reopened().await;
        let mut waits = Vec::new();
        for number in 0..12 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            waits.push(waiting(store).await);
        }
        t.store.enqueue(job("k")).await.unwrap();
        for wait in waits {
            assert!(wait.await.unwrap());
        }
    }

    /// What a worker is able to do, and limits, are not looked at.
    async fn capabilities_are_not_looked_at(t: &Workflows) {
        let new = NewJob { capabilities: vec!["gpu".into()], ..job("k") };
        enqueued(t, new).await;
        assert!(has_work(t, &["default"]).await);
        assert!(claimed_ids(t).await.is_empty());
    }

    /// Queues are 1 to 64 names of 1 to 255 bytes.
    async fn a_wait_for_bad_queues_is_invalid(t: &Workflows) {
        let bad = [
            Vec::new(),
            vec!["q".to_owned(); 65],
            vec![String::new()],
            vec!["x".repeat(256)],
            vec!["q".into(), "a\0b".into()],
        ];
        for queues in bad {
            assert_invalid(t.store.wait_for_work(&queues, LONG).await, "queues");
        }
    }
}
