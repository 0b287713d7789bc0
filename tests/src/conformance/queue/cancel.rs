//! Cancelling jobs in every state.

use serde_json::json;
use std::slice::from_ref;
use store_core::queue::{AssignmentOutcome, DependencyCondition, Heartbeat, Job, JobState};
use store_core::{Clock as _, JobId};

use super::{assert_invalid_state, assert_not_found};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at_once, claimed_ids, dependent, enqueued, fetched, history_of, job, job_in, job_of, leased,
    pass, queue_rows, state_of, time,
};

behaviours! {
    emits queue_cancel_tests from queue::cancel;

    /// A job that no worker holds is cancelled at once.
    async fn a_job_that_nobody_holds_is_cancelled_at_once(t: &Workflows) {
        for state in [JobState::Blocked, JobState::Scheduled, JobState::Available] {
            let job = job_in(t, job("k"), state).await;
            pass(t, 1);
            let answer = t.store.cancel_job(job.id, "späße 🎉").await.unwrap();
            assert_eq!(answer, JobState::Cancelled);
            let now = t.clock.now();
            let expected = Job {
                state: JobState::Cancelled,
                cancel_reason: Some("späße 🎉".into()),
                updated_at: now,
                finished_at: Some(now),
                ..job
            };
            assert_eq!(fetched(t, expected.id).await, expected);
            assert!(history_of(t, expected.id).await.is_empty());
        }
        t.clock.set(time("23:00:00"));
        assert!(claimed_ids(t).await.is_empty());
    }

    /// A job that a worker holds stays leased, and says why it is to stop.
    async fn a_job_that_is_held_stays_leased(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        pass(t, 5);
        let answer = t.store.cancel_job(claimed.job.id, "why").await.unwrap();
        assert_eq!(answer, JobState::Leased);
        let read = fetched(t, claimed.job.id).await;
        let expected = Job {
            cancel_reason: Some("why".into()), updated_at: time("12:00:05"), ..claimed.job
        };
        assert_eq!(read, expected);
    }

    /// A job that was asked to stop ends as cancelled, in whatever way its worker lets go of it.
    async fn a_job_that_was_asked_to_stop_ends_as_cancelled(t: &Workflows) {
        let (store, later) = (&t.store, time("13:00:00"));
        for number in 0..4 {
            let lease = leased(t, job("k")).await.lease;
            store.cancel_job(lease.job_id, "why").await.unwrap();
            pass(t, 1);
            let state = match number {
                0 => store.snooze_job(&lease, later).await.unwrap(),
                1 => store.release_job(&lease).await.unwrap(),
                2 => store.wait_for_event(&lease, "e").await.unwrap(),
                _ => {
                    let retry = store_core::queue::Retry::At(later);
                    store.fail_job(&lease, "boom", retry).await.unwrap()
                }
            };
            assert_eq!(state, JobState::Cancelled);
            let read = fetched(t, lease.job_id).await;
            assert_eq!(read.state, JobState::Cancelled);
            assert_eq!((read.lease, read.finished_at), (None, Some(t.clock.now())));
            assert_eq!(read.cancel_reason.as_deref(), Some("why"));
            let history = history_of(t, lease.job_id).await;
            assert_eq!(history.len(), 1);
            assert_eq!(history[0].outcome, Some(AssignmentOutcome::Cancelled));
            assert_eq!(history[0].ended_at, Some(t.clock.now()));
        }
    }

    /// The worker learns it with its next heartbeat.
    async fn the_worker_learns_it_with_its_next_heartbeat(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        t.store.cancel_job(lease.job_id, "why").await.unwrap();
        let minute = std::time::Duration::from_secs(60);
        let answer = t.store.heartbeat_jobs(from_ref(&lease), minute).await.unwrap();
        assert_eq!(answer, [Heartbeat::CancelRequested { lease, reason: "why".into() }]);
    }

    /// Asking again changes nothing: the first reason stands.
    async fn asking_again_changes_nothing(t: &Workflows) {
        let waiting = enqueued(t, job_of("q", "k")).await.id;
        let held = leased(t, job("k")).await.job.id;
        for (id, state) in [(waiting, JobState::Cancelled), (held, JobState::Leased)] {
            assert_eq!(t.store.cancel_job(id, "first").await.unwrap(), state);
            pass(t, 1);
            let before = queue_rows(t).await;
            assert_eq!(t.store.cancel_job(id, "second").await.unwrap(), state);
            assert_eq!(queue_rows(t).await, before);
        }
    }

    /// A job that succeeded or is dead cannot be cancelled.
    async fn a_job_that_ended_otherwise_cannot_be_cancelled(t: &Workflows) {
        for state in [JobState::Succeeded, JobState::Dead] {
            let id = job_in(t, job("k"), state).await.id;
            let before = queue_rows(t).await;
            assert_invalid_state(t.store.cancel_job(id, "late").await);
            assert_eq!(queue_rows(t).await, before);
        }
    }

    /// A job that nobody knows is not found.
    async fn an_unknown_job_cannot_be_cancelled(t: &Workflows) {
        assert_not_found(t.store.cancel_job(JobId::mint(), "r").await);
    }

    /// The jobs that wait for it are cancelled with it, or released when they wait for that.
    async fn those_that_wait_follow(t: &Workflows) {
        let parent = enqueued(t, job_of("q", "parent")).await.id;
        let mut children = Vec::new();
        for on in DependencyCondition::ALL {
            children.push(enqueued(t, dependent(&[parent], *on)).await.id);
        }
        let grandchild = dependent(&children[..1], DependencyCondition::Success);
        let grandchild = enqueued(t, grandchild).await.id;
        t.store.cancel_job(parent, "r").await.unwrap();
        assert_eq!(state_of(t, children[0]).await, JobState::Cancelled, "success");
        assert_eq!(state_of(t, grandchild).await, JobState::Cancelled);
        assert_eq!(claimed_ids(t).await, children[1..], "failure and any");
    }

    /// A job that is asked to stop has not ended: those that wait for it wait on.
    async fn those_that_wait_for_a_held_job_wait_until_it_stops(t: &Workflows) {
        let lease = leased(t, job("parent")).await.lease;
        let child = dependent(&[lease.job_id], DependencyCondition::Failure);
        let child = enqueued(t, child).await.id;
        t.store.cancel_job(lease.job_id, "r").await.unwrap();
        assert_eq!(state_of(t, child).await, JobState::Blocked);
        t.store.release_job(&lease).await.unwrap();
        assert_eq!(claimed_ids(t).await, [child]);
    }

    /// A job that is cancelled no longer counts for its parents: they can end.
    async fn a_parent_of_a_cancelled_job_can_end(t: &Workflows) {
        let parent = leased(t, job("parent")).await.lease;
        let child = dependent(&[parent.job_id], DependencyCondition::Success);
        let child = enqueued(t, child).await.id;
        t.store.cancel_job(child, "r").await.unwrap();
        let cancelled = fetched(t, child).await;
        t.store.complete_job(&parent, None).await.unwrap();
        assert_eq!(fetched(t, child).await, cancelled);
        assert_eq!(t.count("SELECT count(*) FROM job_dependencies").await, 0);
    }

    /// A reason may be as long as 1 MiB.
    async fn a_reason_may_be_long(t: &Workflows) {
        let reason = "x".repeat(1024 * 1024);
        let id = enqueued(t, job("k")).await.id;
        t.store.cancel_job(id, &reason).await.unwrap();
        assert_eq!(fetched(t, id).await.cancel_reason, Some(reason));
    }

    /// Of a claim and a cancellation at once, the job is either cancelled or asked to stop.
    async fn a_claim_and_a_cancellation_at_once_do_not_miss_each_other(t: &Workflows) {
        for _ in 0..10 {
            let id = enqueued(t, job("k")).await.id;
            let answers = at_once(t, 2, move |side, store| async move {
                if side == 0 {
                    return (store.cancel_job(id, "why").await.unwrap(), None);
                }
                let request = store_core::queue::ClaimRequest::new("w");
                let claimed = store.claim_jobs(&request).await.unwrap().pop();
                (JobState::Leased, claimed)
            })
            .await;
            let read = fetched(t, id).await;
            assert_eq!(read.cancel_reason.as_deref(), Some("why"));
            assert_eq!(read.state, answers[0].0);
            assert_eq!(read.state == JobState::Leased, answers[1].1.is_some());
            if let Some(claimed) = &answers[1].1 {
                let state = t.store.release_job(&claimed.lease).await.unwrap();
                assert_eq!(state, JobState::Cancelled);
            }
        }
    }

    /// Of a completion and a cancellation at once, both agree on how the job ended.
    async fn a_completion_and_a_cancellation_at_once_agree(t: &Workflows) {
        for _ in 0..10 {
            let lease = leased(t, job("k")).await.lease;
            let id = lease.job_id;
            at_once(t, 2, move |side, store| {
                let lease = lease.clone();
                async move {
                    if side == 0 {
                        let state = store.complete_job(&lease, Some(json!(1))).await.unwrap();
                        assert_eq!(state, JobState::Succeeded);
                    } else {
                        match store.cancel_job(id, "why").await {
                            Ok(state) => assert_eq!(state, JobState::Leased),
                            late => assert_invalid_state(late),
                        }
                    }
                }
            })
            .await;
            assert_eq!(state_of(t, id).await, JobState::Succeeded);
        }
    }
}
