//! Workers that let their jobs wait for events.

use serde_json::json;
use store_core::queue::{AssignmentOutcome, Delivery, Job, JobState};

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at_once, claimed, claimed_ids, enqueued, fetched, history_of, job, leased, pass, queue_rows,
    state_of, time, waiting_job,
};

behaviours! {
    emits queue_event_waits_tests from queue::event_waits;

    /// A worker lets its job wait: it is blocked, and the attempt is not counted.
    async fn a_worker_lets_its_job_wait(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        pass(t, 5);
        let state = t.store.wait_for_event(&claimed.lease, "e").await.unwrap();
        assert_eq!(state, JobState::Blocked);
        let read = fetched(t, claimed.job.id).await;
        let expected = Job {
            state: JobState::Blocked,
            attempt: 0,
            lease: None,
            event_token: Some("e".into()),
            updated_at: time("12:00:05"),
            run_at: read.run_at,
            ..claimed.job
        };
        assert_eq!(read, expected);
        assert!(claimed_ids(t).await.is_empty());
        let delivery = t.store.deliver_event("e", json!(7)).await.unwrap();
        assert_eq!(delivery, Delivery::Reached(read.id));
        let again = crate::samples::claimed(t, "v").await;
        assert_eq!((again.job.id, again.job.attempt), (read.id, 1));
        assert_eq!(again.job.event, Some(json!(7)));
    }

    /// A worker that waits for an event that was delivered before has its job available at once.
    async fn a_worker_may_wait_for_what_came_before(t: &Workflows) {
        t.store.deliver_event("e", json!([1])).await.unwrap();
        let lease = leased(t, job("k")).await.lease;
        let state = t.store.wait_for_event(&lease, "e").await.unwrap();
        assert_eq!(state, JobState::Available);
        let again = claimed(t, "v").await;
        assert_eq!((again.job.id, again.job.attempt), (lease.job_id, 1));
        assert_eq!(again.job.event, Some(json!([1])));
    }

    /// A job may wait for one event after the other; the last one is what it shows.
    async fn a_job_waits_for_one_event_after_the_other(t: &Workflows) {
        let id = enqueued(t, waiting_job("e0")).await.id;
        for number in 0..5 {
            let token = format!("e{number}");
            let delivery = t.store.deliver_event(&token, json!(number)).await.unwrap();
            assert_eq!(delivery, Delivery::Reached(id));
            let claimed = claimed(t, "w").await;
            assert_eq!((claimed.job.attempt, claimed.job.event), (1, Some(json!(number))));
            assert_eq!(claimed.job.event_token, Some(token));
            t.store.wait_for_event(&claimed.lease, &format!("e{}", number + 1)).await.unwrap();
            let read = fetched(t, id).await;
            assert_eq!(read.event, None, "what the next event brings is not known yet");
        }
        let history = history_of(t, id).await;
        assert_eq!(history.len(), 5);
        assert!(history.iter().all(|one| one.outcome == Some(AssignmentOutcome::Waited)));
    }

    /// A worker cannot wait for a token that another job waits or waited for; it keeps its lease.
    async fn a_worker_cannot_wait_for_the_event_of_another(t: &Workflows) {
        enqueued(t, waiting_job("taken")).await;
        let lease = leased(t, job("k")).await.lease;
        let before = queue_rows(t).await;
        assert_conflict(t.store.wait_for_event(&lease, "taken").await);
        assert_eq!(queue_rows(t).await, before);
        t.store.deliver_event("taken", json!(1)).await.unwrap();
        let before = queue_rows(t).await;
        assert_conflict(t.store.wait_for_event(&lease, "taken").await);
        assert_eq!(queue_rows(t).await, before);
        t.store.complete_job(&lease, None).await.unwrap();
    }

    /// A worker that was asked to stop cannot wait: its job is cancelled, and takes no token.
    async fn a_worker_that_was_asked_to_stop_does_not_wait(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        t.store.cancel_job(lease.job_id, "why").await.unwrap();
        let state = t.store.wait_for_event(&lease, "e").await.unwrap();
        assert_eq!(state, JobState::Cancelled);
        assert_eq!(state_of(t, lease.job_id).await, JobState::Cancelled);
        enqueued(t, waiting_job("e")).await;
    }

    /// Whether a worker lets its job wait or the event comes first, they meet.
    async fn a_worker_and_its_event_meet_in_whatever_order(t: &Workflows) {
        for number in 0..10 {
            let lease = leased(t, job("k")).await.lease;
            let token = format!("event {number}");
            at_once(t, 2, |side, store| {
                let (lease, token) = (lease.clone(), token.clone());
                async move {
                    if side == 0 {
                        store.wait_for_event(&lease, &token).await.unwrap();
                    } else {
                        store.deliver_event(&token, json!(1)).await.unwrap();
                    }
                }
            })
            .await;
            let again = claimed(t, "w").await;
            assert_eq!((again.job.id, &again.job.event), (lease.job_id, &Some(json!(1))));
            t.store.complete_job(&again.lease, None).await.unwrap();
        }
    }

    /// A job that waits for its own event again has it already.
    async fn a_job_may_wait_for_its_event_again(t: &Workflows) {
        let id = enqueued(t, waiting_job("e")).await.id;
        t.store.deliver_event("e", json!(1)).await.unwrap();
        let lease = claimed(t, "w").await.lease;
        let state = t.store.wait_for_event(&lease, "e").await.unwrap();
        assert_eq!(state, JobState::Available);
        let again = claimed(t, "w").await.job;
        assert_eq!((again.id, again.event), (id, Some(json!(1))));
    }
}
