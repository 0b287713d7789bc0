//! Runs and their jobs that are cancelled, each through the other.

use serde_json::json;
use std::slice::from_ref;
use store_core::queue::{Heartbeat, JobState, Retry};
use store_core::workflow::RunStatus;
use store_core::{Clock as _, PageRequest};

use super::assert_invalid_state;
use super::runs::{audit, held, run};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    actor, ada, at_once, claimed_ids, enqueued, fetched, history_of, job_of_run, pass, pending,
    runnable, state_of, time, waiting_job,
};

behaviours! {
    emits queue_run_cancelling_tests from queue::run_cancelling;

    /// Cancelling the job cancels its run, with the reason.
    async fn cancelling_the_job_cancels_the_run(t: &Workflows) {
        let workflow = runnable(t).await;
        let id = pending(t, workflow.id).await.id;
        let job = job_of_run(t, id).await.id;
        pass(t, 5);
        let state = t.store.cancel_job(job, "why").await.unwrap();
        assert_eq!(state, JobState::Cancelled);
        let read = run(t, id).await;
        assert_eq!(read.status, RunStatus::Cancelled);
        assert_eq!(read.cancel_reason.as_deref(), Some("why"));
        assert_eq!(read.completed_at, Some(time("12:00:05")));
        let audit = t.store.list_run_audit(id, &PageRequest::default()).await.unwrap().items;
        let actions: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["run_created", "run_cancelled"]);
    }

    /// Cancelling a job that is held leaves the run running until its worker stops.
    async fn a_run_is_cancelled_when_its_worker_stops(t: &Workflows) {
        let workflow = runnable(t).await;
        for number in 0..5 {
            let (id, claimed) = held(t, workflow.id).await;
            let (store, lease) = (&t.store, &claimed.lease);
            let state = store.cancel_job(claimed.job.id, "why").await.unwrap();
            assert_eq!(state, JobState::Leased);
            assert_eq!(run(t, id).await.status, RunStatus::Running);
            match number {
                0 => drop(store.release_job(lease).await.unwrap()),
                1 => drop(store.snooze_job(lease, time("20:00:00")).await.unwrap()),
                2 => drop(store.wait_for_event(lease, "e").await.unwrap()),
                3 => drop(store.fail_job(lease, "boom", Retry::ByPolicy).await.unwrap()),
                _ => {
                    pass(t, 60);
                    assert_eq!(store.reap_jobs(10).await.unwrap().cancelled, 1);
                }
            }
            assert_eq!(state_of(t, claimed.job.id).await, JobState::Cancelled);
            let read = run(t, id).await;
            assert_eq!(read.status, RunStatus::Cancelled, "{number}");
            assert_eq!(read.cancel_reason.as_deref(), Some("why"));
            assert_eq!(read.completed_at, Some(t.clock.now()));
        }
    }

    /// A run whose job was asked to stop and that is completed all the same succeeds.
    async fn a_run_that_is_done_before_it_stops_succeeds(t: &Workflows) {
        let workflow = runnable(t).await;
        let (id, claimed) = held(t, workflow.id).await;
        t.store.cancel_job(claimed.job.id, "too late").await.unwrap();
        let state = t.store.complete_job(&claimed.lease, Some(json!(1))).await.unwrap();
        assert_eq!(state, JobState::Succeeded);
        assert_eq!(run(t, id).await.status, RunStatus::Succeeded);
    }

    /// Cancelling a run cancels the job that no worker holds.
    async fn cancelling_a_run_cancels_its_job(t: &Workflows) {
        let workflow = runnable(t).await;
        let id = pending(t, workflow.id).await.id;
        let job = job_of_run(t, id).await;
        pass(t, 5);
        t.store.cancel_run(&ada(), id, Some("why")).await.unwrap();
        let read = fetched(t, job.id).await;
        assert_eq!((read.state, read.run_id), (JobState::Cancelled, Some(id)));
        assert_eq!(read.finished_at, Some(time("12:00:05")));
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
        assert!(claimed_ids(t).await.is_empty());
    }

    /// Cancelling a run asks the worker that holds its job to stop.
    async fn cancelling_a_run_asks_its_worker_to_stop(t: &Workflows) {
        let workflow = runnable(t).await;
        let (id, claimed) = held(t, workflow.id).await;
        t.store.cancel_run(&ada(), id, Some("why")).await.unwrap();
        assert_eq!(state_of(t, claimed.job.id).await, JobState::Leased);
        let minute = std::time::Duration::from_secs(60);
        let answer = t.store.heartbeat_jobs(from_ref(&claimed.lease), minute).await.unwrap();
        assert!(matches!(answer[0], Heartbeat::CancelRequested { .. }), "{answer:?}");
        let retry = Retry::ByPolicy;
        let state = t.store.fail_job(&claimed.lease, "stopped", retry).await.unwrap();
        assert_eq!(state, JobState::Cancelled);
        let read = run(t, id).await;
        assert_eq!((read.status, read.error), (RunStatus::Cancelled, None));
    }

    /// Cancelling a run whose job waits cancels the job.
    async fn cancelling_a_run_cancels_a_job_that_waits(t: &Workflows) {
        let workflow = runnable(t).await;
        for number in 0..3 {
            let (id, claimed) = held(t, workflow.id).await;
            match number {
                0 => t.store.release_job(&claimed.lease).await.unwrap(),
                1 => t.store.snooze_job(&claimed.lease, time("13:00:00")).await.unwrap(),
                _ => t.store.wait_for_event(&claimed.lease, "e").await.unwrap(),
            };
            t.store.cancel_run(&ada(), id, None).await.unwrap();
            assert_eq!(state_of(t, claimed.job.id).await, JobState::Cancelled);
            assert_eq!(history_of(t, claimed.job.id).await.len(), 1);
        }
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// Of a claim and a cancelled run at once, the job is either not claimed or asked to stop.
    async fn a_claim_and_a_cancelled_run_do_not_miss_each_other(t: &Workflows) {
        let workflow = runnable(t).await;
        for _ in 0..40 {
            let id = pending(t, workflow.id).await.id;
            let job = job_of_run(t, id).await.id;
            let claimed = at_once(t, 2, move |side, store| async move {
                if side == 0 {
                    store.cancel_run(&actor("bob"), id, Some("why")).await.unwrap();
                    return None;
                }
                let request = store_core::queue::ClaimRequest::new("w");
                store.claim_jobs(&request).await.unwrap().pop()
            })
            .await
            .remove(1);
            assert_eq!(run(t, id).await.status, RunStatus::Cancelled);
            let Some(claimed) = claimed else {
                assert_eq!(state_of(t, job).await, JobState::Cancelled);
                continue;
            };
            assert!(fetched(t, job).await.cancel_reason.is_some());
            let state = t.store.complete_job(&claimed.lease, None).await.unwrap();
            assert_eq!(state, JobState::Cancelled);
        }
    }

    /// Of a worker that completes a job and somebody who cancels its run, one has the last word.
    async fn a_completion_and_a_cancelled_run_agree(t: &Workflows) {
        let workflow = runnable(t).await;
        for _ in 0..10 {
            let (id, claimed) = held(t, workflow.id).await;
            let answers = at_once(t, 2, |side, store| {
                let lease = claimed.lease.clone();
                async move {
                    if side == 0 {
                        store.complete_job(&lease, Some(json!(1))).await.unwrap()
                    } else {
                        match store.cancel_run(&actor("bob"), id, Some("why")).await {
                            Ok(_) => JobState::Cancelled,
                            late => {
                                assert_invalid_state(late);
                                JobState::Succeeded
                            }
                        }
                    }
                }
            })
            .await;
            assert_eq!(answers[0], answers[1], "both say how it ended");
            assert_eq!(state_of(t, claimed.job.id).await, answers[0]);
            let status = run(t, id).await.status;
            assert_eq!(status == RunStatus::Succeeded, answers[0] == JobState::Succeeded);
            assert_eq!(audit(t, id).await.len(), 3);
        }
    }

    /// A job that is cancelled with its run keeps what it was and what its workers reported.
    async fn a_job_cancelled_with_its_run_keeps_what_is_known(t: &Workflows) {
        let workflow = runnable(t).await;
        let (id, first) = held(t, workflow.id).await;
        t.store.deliver_event("e", json!("payload")).await.unwrap();
        t.store.report_progress(&first.lease, json!(50)).await.unwrap();
        t.store.wait_for_event(&first.lease, "e").await.unwrap();
        let before = fetched(t, first.job.id).await;
        assert_eq!((&before.progress, &before.event), (&Some(json!(50)), &Some(json!("payload"))));
        pass(t, 5);
        t.store.cancel_run(&ada(), id, Some("why")).await.unwrap();
        let now = t.clock.now();
        let expected = store_core::queue::Job {
            state: JobState::Cancelled,
            cancel_reason: Some("why".into()),
            updated_at: now,
            finished_at: Some(now),
            ..before
        };
        assert_eq!(fetched(t, expected.id).await, expected);
    }

    /// Nobody waits for the event of a job that was cancelled, with its run or by itself.
    async fn the_event_of_a_cancelled_job_is_free(t: &Workflows) {
        let workflow = runnable(t).await;
        for (token, by_run) in [("by job", false), ("by run", true)] {
            let (id, claimed) = held(t, workflow.id).await;
            t.store.wait_for_event(&claimed.lease, token).await.unwrap();
            if by_run {
                t.store.cancel_run(&ada(), id, None).await.unwrap();
            } else {
                t.store.cancel_job(claimed.job.id, "why").await.unwrap();
            }
            enqueued(t, waiting_job(token)).await;
        }
    }
}
