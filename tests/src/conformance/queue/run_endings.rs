//! Runs that end by other means than their jobs, and what becomes of the jobs.

use serde_json::json;
use store_core::queue::{AssignmentOutcome, Completion, JobState, Retry};
use store_core::workflow::{RetryPolicy, Run, RunStatus};
use store_core::{Clock as _, RunId};

use super::assert_invalid_state;
use super::runs::{held, run};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    actor, ada, at_once, claimed_ids, fetched, history_of, job_of_run, pass, pending, queue_rows,
    run_in, runnable, runs_of, state_of, time,
};

/// The ways in which a run ends without its job.
const ENDS: [RunStatus; 3] = [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled];

/// Ends a running run by its own methods.
async fn end(t: &Workflows, id: RunId, status: RunStatus) -> Run {
    match status {
        RunStatus::Succeeded => {
            t.store.succeed_run(&ada(), id, Some(json!("by hand"))).await.unwrap()
        }
        RunStatus::Failed => t.store.fail_run(&ada(), id, "by hand").await.unwrap().run,
        _ => t.store.cancel_run(&ada(), id, Some("by hand")).await.unwrap(),
    }
}

behaviours! {
    emits queue_run_endings_tests from queue::run_endings;

    /// Whatever the worker does after its run ended, the job is cancelled and the run stays.
    async fn a_run_that_ended_takes_the_job_along(t: &Workflows) {
        let workflow = runnable(t).await;
        for status in ENDS {
            for number in 0..6 {
                let (id, claimed) = held(t, workflow.id).await;
                let ended = end(t, id, status).await;
                assert_eq!(state_of(t, claimed.job.id).await, JobState::Leased);
                pass(t, 5);
                let (store, lease) = (&t.store, &claimed.lease);
                let state = match number {
                    0 => store.complete_job(lease, Some(json!("late"))).await.unwrap(),
                    1 => store.fail_job(lease, "late", Retry::ByPolicy).await.unwrap(),
                    2 => store.snooze_job(lease, time("13:00:00")).await.unwrap(),
                    3 => store.release_job(lease).await.unwrap(),
                    4 => store.wait_for_event(lease, &id.to_string()).await.unwrap(),
                    _ => {
                        let done = vec![Completion { lease: lease.clone(), result: None }];
                        store.complete_jobs(done).await.unwrap().remove(0).unwrap()
                    }
                };
                assert_eq!(state, JobState::Cancelled, "{status} {number}");
                let job = fetched(t, claimed.job.id).await;
                assert_eq!((job.state, job.result), (JobState::Cancelled, None));
                assert_eq!(job.finished_at, Some(t.clock.now()));
                assert!(job.cancel_reason.is_some());
                assert_eq!(run(t, id).await, ended);
                let outcome = history_of(t, job.id).await[0].outcome;
                assert_eq!(outcome, Some(AssignmentOutcome::Cancelled));
            }
        }
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// A lease that runs out after the run ended is reaped as cancelled, and the run stays.
    async fn a_job_whose_run_ended_is_reaped_as_cancelled(t: &Workflows) {
        let workflow = runnable(t).await;
        t.store.configure_retry(&ada(), workflow.id, RetryPolicy::default()).await.unwrap();
        let mut ended = Vec::new();
        for status in [RunStatus::Succeeded, RunStatus::Cancelled] {
            let (id, claimed) = held(t, workflow.id).await;
            ended.push((end(t, id, status).await, claimed));
        }
        pass(t, 60);
        let reaped = t.store.reap_jobs(10).await.unwrap();
        assert_eq!((reaped.cancelled, reaped.requeued, reaped.dead), (2, 0, 0));
        for (before, claimed) in ended {
            assert_eq!(run(t, before.id).await, before);
            assert_eq!(state_of(t, claimed.job.id).await, JobState::Cancelled);
        }
        assert_eq!(runs_of(t, workflow.id).await.len(), 2, "nothing is retried");
    }

    /// A run that failed by hand while its job was held is retried once, with one job.
    async fn a_run_that_failed_by_hand_is_retried_once(t: &Workflows) {
        let workflow = runnable(t).await;
        t.store.configure_retry(&ada(), workflow.id, RetryPolicy::default()).await.unwrap();
        let (id, claimed) = held(t, workflow.id).await;
        end(t, id, RunStatus::Failed).await;
        t.store.fail_job(&claimed.lease, "late", Retry::ByPolicy).await.unwrap();
        let runs = runs_of(t, workflow.id).await;
        assert_eq!(runs.len(), 2);
        assert_eq!(job_of_run(t, runs[1].id).await.state, JobState::Scheduled);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 1);
    }

    /// A run that is started or ended by its own methods takes the job out of the queue.
    async fn a_run_without_a_worker_takes_its_job_out_of_the_queue(t: &Workflows) {
        let workflow = runnable(t).await;
        for status in [RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed] {
            let run = run_in(t, workflow.id, status).await;
            let of_run = format!("SELECT count(*) FROM jobs WHERE run_id = '{}'", run.id);
            assert_eq!(t.count(&of_run).await, 0);
            assert!(claimed_ids(t).await.is_empty());
        }
    }

    /// A run that was started by hand before the job was claimed cannot be claimed.
    async fn a_run_that_was_started_by_hand_is_not_claimed(t: &Workflows) {
        let workflow = runnable(t).await;
        let id = pending(t, workflow.id).await.id;
        let started = t.store.start_run(&ada(), id).await.unwrap();
        assert!(claimed_ids(t).await.is_empty());
        assert_eq!(run(t, id).await, started);
        let done = t.store.succeed_run(&ada(), id, None).await.unwrap();
        assert_eq!(done.status, RunStatus::Succeeded);
    }

    /// A run whose job was claimed cannot be started by hand.
    async fn a_run_whose_job_was_claimed_cannot_be_started(t: &Workflows) {
        let workflow = runnable(t).await;
        let (id, _) = held(t, workflow.id).await;
        let before = queue_rows(t).await;
        assert_invalid_state(t.store.start_run(&ada(), id).await);
        assert_eq!(queue_rows(t).await, before);
    }

    /// A job outlives its run: it is there until it is pruned.
    async fn a_finished_job_outlives_its_run(t: &Workflows) {
        let workflow = runnable(t).await;
        let (id, claimed) = held(t, workflow.id).await;
        t.store.complete_job(&claimed.lease, None).await.unwrap();
        let job = fetched(t, claimed.job.id).await;
        let deleted = t.store.delete_runs_before(time("20:00:00"), &RunStatus::FINISHED, 10).await;
        assert_eq!(deleted.unwrap(), 1);
        assert_eq!(t.store.find_run(id).await.unwrap(), None);
        assert_eq!(fetched(t, job.id).await, job);
    }

    /// A run that is deleted while a worker still holds its job takes the job along.
    async fn a_run_that_is_deleted_takes_a_held_job_along(t: &Workflows) {
        let workflow = runnable(t).await;
        let (id, claimed) = held(t, workflow.id).await;
        t.store.cancel_run(&actor("bob"), id, None).await.unwrap();
        let deleted = t.store.delete_runs_before(time("20:00:00"), &RunStatus::FINISHED, 10).await;
        assert_eq!(deleted.unwrap(), 1);
        super::assert_lost(t.store.complete_job(&claimed.lease, None).await);
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
    }

    /// Of a claim and a start by hand at once, one starts the run and the other one gets nothing.
    async fn of_a_claim_and_a_start_by_hand_one_succeeds(t: &Workflows) {
        let workflow = runnable(t).await;
        for _ in 0..15 {
            let id = pending(t, workflow.id).await.id;
            let won = at_once(t, 2, move |side, store| async move {
                if side == 0 {
                    return match store.start_run(&actor("bob"), id).await {
                        Ok(_) => true,
                        late => {
                            assert_invalid_state(late);
                            false
                        }
                    };
                }
                let request = store_core::queue::ClaimRequest::new("w");
                store.claim_jobs(&request).await.unwrap().len() == 1
            })
            .await;
            assert!(won[0] != won[1], "{won:?}");
            assert_eq!(run(t, id).await.status, RunStatus::Running);
            let left = t.count("SELECT count(*) FROM jobs WHERE state <> 'leased'").await;
            assert_eq!(left, 0);
        }
    }

    /// Of a job that is gone because its run ended by hand, nothing is left.
    async fn of_a_job_that_is_gone_nothing_is_left(t: &Workflows) {
        let workflow = runnable(t).await;
        for status in ENDS {
            let (id, claimed) = held(t, workflow.id).await;
            t.store.release_job(&claimed.lease).await.unwrap();
            end(t, id, status).await;
            let rows = format!(
                "SELECT count(*) FROM job_assignments WHERE job_id = '{}'",
                claimed.job.id
            );
            match t.store.find_job(claimed.job.id).await.unwrap() {
                Some(job) => assert_eq!(job.state, JobState::Cancelled),
                None => assert_eq!(t.count(&rows).await, 0, "{status}"),
            }
        }
    }
}
