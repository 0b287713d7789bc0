//! Events from outside, and the jobs that wait for them.

use serde_json::json;
use store_core::queue::{Delivery, DependencyCondition, Job, JobState, NewJob};

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    FINISHED, at_once, claimed, claimed_ids, dependent, enqueued, everything, fetched, job, leased,
    pass, queue_rows, state_of, time, waiting_job,
};

behaviours! {
    emits queue_events_tests from queue::events;

    /// A job that waits becomes available when its event is delivered, and finds the payload.
    async fn a_delivery_releases_the_job_that_waits(t: &Workflows) {
        let waiting = enqueued(t, waiting_job("order 🎉")).await;
        assert_eq!(waiting.state, JobState::Blocked);
        assert!(claimed_ids(t).await.is_empty(), "a blocked job cannot be claimed");
        pass(t, 5);
        let delivery = t.store.deliver_event("order 🎉", everything()).await.unwrap();
        assert_eq!(delivery, Delivery::Reached(waiting.id));
        let read = fetched(t, waiting.id).await;
        let expected = Job {
            state: JobState::Available,
            event: Some(everything()),
            run_at: read.run_at,
            updated_at: time("12:00:05"),
            ..waiting
        };
        assert_eq!(read, expected);
        let claimed = claimed(t, "w").await;
        assert_eq!((claimed.job.id, claimed.job.event), (read.id, Some(everything())));
    }

    /// An event that is delivered first is kept for the job that will wait for it.
    async fn an_event_that_comes_first_is_kept(t: &Workflows) {
        let delivery = t.store.deliver_event("e", json!({"n": 1})).await.unwrap();
        assert_eq!(delivery, Delivery::Kept);
        let job = enqueued(t, waiting_job("e")).await;
        assert_eq!((job.state, &job.event), (JobState::Available, &Some(json!({"n": 1}))));
        assert_eq!(fetched(t, job.id).await, job);
        assert_eq!(claimed_ids(t).await, [job.id]);
    }

    /// A payload may be null: the event was delivered all the same.
    async fn a_payload_may_be_null(t: &Workflows) {
        t.store.deliver_event("before", json!(null)).await.unwrap();
        let before = enqueued(t, waiting_job("before")).await;
        assert_eq!((before.state, before.event), (JobState::Available, Some(json!(null))));
        let after = enqueued(t, waiting_job("after")).await.id;
        let delivery = t.store.deliver_event("after", json!(null)).await.unwrap();
        assert_eq!(delivery, Delivery::Reached(after));
        let read = fetched(t, after).await;
        assert_eq!((read.state, read.event), (JobState::Available, Some(json!(null))));
    }

    /// The first payload stands: delivering again changes nothing, whenever it comes.
    async fn the_first_delivery_stands(t: &Workflows) {
        let again = async || {
            let before = queue_rows(t).await;
            pass(t, 1);
            let delivery = t.store.deliver_event("e", json!("again")).await.unwrap();
            assert_eq!(delivery, Delivery::Duplicate);
            assert_eq!(queue_rows(t).await, before);
        };
        t.store.deliver_event("e", json!("first")).await.unwrap();
        again().await;
        let id = enqueued(t, waiting_job("e")).await.id;
        again().await;
        let lease = claimed(t, "w").await.lease;
        again().await;
        t.store.complete_job(&lease, None).await.unwrap();
        again().await;
        assert_eq!(fetched(t, id).await.event, Some(json!("first")));
    }

    /// A token is good for one job: a second one that waits for it conflicts, always.
    async fn a_token_is_good_for_one_job(t: &Workflows) {
        let refused = async || {
            let before = queue_rows(t).await;
            assert_conflict(t.store.enqueue(waiting_job("e")).await);
            assert_eq!(queue_rows(t).await, before);
        };
        let id = enqueued(t, waiting_job("e")).await.id;
        refused().await;
        t.store.deliver_event("e", json!(1)).await.unwrap();
        refused().await;
        let lease = claimed(t, "w").await.lease;
        assert_eq!(lease.job_id, id);
        t.store.complete_job(&lease, None).await.unwrap();
        refused().await;
    }

    /// Two jobs of one batch cannot wait for the same event.
    async fn two_jobs_of_a_batch_cannot_share_an_event(t: &Workflows) {
        let batch = vec![waiting_job("e"), job("k"), waiting_job("e")];
        assert_conflict(t.store.enqueue_many(batch).await);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
        assert_eq!(t.count("SELECT count(*) FROM job_events").await, 0);
    }

    /// Tokens are compared byte by byte, and reach one job each.
    async fn tokens_are_compared_byte_by_byte(t: &Workflows) {
        let tokens = ["e", "E", "e ", "ë", "e\u{308}", "%", "_"];
        let mut ids = Vec::new();
        for token in tokens {
            ids.push(enqueued(t, waiting_job(token)).await.id);
        }
        for (token, id) in tokens.iter().zip(ids).rev() {
            let delivery = t.store.deliver_event(token, json!(token)).await.unwrap();
            assert_eq!(delivery, Delivery::Reached(id));
            assert_eq!(fetched(t, id).await.event, Some(json!(token)));
        }
    }

    /// A job that waits for a job and an event needs both, in whatever order they come.
    async fn a_job_may_wait_for_a_job_and_an_event(t: &Workflows) {
        for job_first in [true, false] {
            let parent = leased(t, job("parent")).await.lease;
            let token = format!("event {job_first}");
            let new = NewJob {
                wait_for_event: Some(token.clone()),
                ..dependent(&[parent.job_id], DependencyCondition::Success)
            };
            let child = enqueued(t, new).await.id;
            for step in [job_first, !job_first] {
                assert_eq!(state_of(t, child).await, JobState::Blocked);
                if step {
                    t.store.complete_job(&parent, None).await.unwrap();
                } else {
                    let delivery = t.store.deliver_event(&token, json!(1)).await.unwrap();
                    assert_eq!(delivery, Delivery::Reached(child));
                }
            }
            assert_eq!(fetched(t, child).await.event, Some(json!(1)));
            assert_eq!(claimed_ids(t).await, [child]);
        }
    }

    /// A job whose time is ahead is scheduled when its event comes.
    async fn an_event_before_its_time_makes_a_job_scheduled(t: &Workflows) {
        let new = NewJob { run_at: Some(time("12:30:00")), ..waiting_job("e") };
        let id = enqueued(t, new).await.id;
        t.store.deliver_event("e", json!(1)).await.unwrap();
        assert_eq!(state_of(t, id).await, JobState::Scheduled);
        t.clock.set(time("12:30:00"));
        assert_eq!(claimed_ids(t).await, [id]);
    }

    /// A job that was cancelled while it waited is not revived by its event.
    async fn an_event_revives_no_job_that_was_cancelled(t: &Workflows) {
        let id = enqueued(t, waiting_job("e")).await.id;
        assert_eq!(t.store.cancel_job(id, "r").await.unwrap(), JobState::Cancelled);
        let cancelled = fetched(t, id).await;
        let delivery = t.store.deliver_event("e", json!(1)).await.unwrap();
        assert_ne!(delivery, Delivery::Reached(id));
        assert_eq!(fetched(t, id).await, cancelled);
        assert!(claimed_ids(t).await.is_empty());
    }

    /// A token that was pruned can be used again.
    async fn a_pruned_token_can_be_used_again(t: &Workflows) {
        t.store.deliver_event("e", json!(1)).await.unwrap();
        pass(t, 3600);
        t.store.prune_jobs(time("12:30:00"), &FINISHED, 10).await.unwrap();
        assert_eq!(t.store.deliver_event("e", json!(2)).await.unwrap(), Delivery::Kept);
        assert_eq!(enqueued(t, waiting_job("e")).await.event, Some(json!(2)));
    }

    /// Of many deliveries at once from two handles one reaches the job.
    async fn of_concurrent_deliveries_one_stands(t: &Workflows) {
        let id = enqueued(t, waiting_job("e")).await.id;
        let answers = at_once(t, 20, |number, store| async move {
            store.deliver_event("e", json!(number)).await.unwrap()
        })
        .await;
        let reached: Vec<usize> =
            (0..20).filter(|number| answers[*number] == Delivery::Reached(id)).collect();
        assert_eq!(reached.len(), 1, "{answers:?}");
        let duplicates = answers.iter().filter(|one| **one == Delivery::Duplicate).count();
        assert_eq!(duplicates, 19);
        assert_eq!(fetched(t, id).await.event, Some(json!(reached[0])));
        assert_eq!(claimed_ids(t).await, [id]);
    }

    /// Whether the job or the event comes first from two handles at once, they meet.
    async fn a_job_and_its_event_meet_in_whatever_order(t: &Workflows) {
        let count = 20;
        at_once(t, count * 2, |number, store| async move {
            let token = format!("event {}", number / 2);
            if number % 2 == (number / 2) % 2 {
                drop(store.enqueue(waiting_job(&token)).await.unwrap());
            } else {
                let delivery = store.deliver_event(&token, json!(token)).await.unwrap();
                assert_ne!(delivery, Delivery::Duplicate);
            }
        })
        .await;
        assert_eq!(t.count("SELECT count(*) FROM jobs WHERE state = 'blocked'").await, 0);
        let claimed = crate::samples::claimed_up_to(t, "w", 1000).await;
        assert_eq!(claimed.len(), count);
        for one in claimed {
            assert_eq!(one.job.event, Some(json!(one.job.event_token)));
        }
    }
}
