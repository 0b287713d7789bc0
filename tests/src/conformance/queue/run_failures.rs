//! Runs whose jobs fail, or lose their workers.

use serde_json::json;
use store_core::WorkflowId;
use store_core::queue::{JobLease, JobState, Retry};
use store_core::workflow::{RetryPolicy, RunStatus};

use super::runs::{audit, entry, held, run};
use super::{assert_invalid, assert_lost};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, claimed, claimed_ids, fetched, history_of, job_of_run, pass, pending, queue_rows,
    runnable, runs_of, state_of, time,
};

/// Two attempts, 30 seconds apart.
const POLICY: RetryPolicy = RetryPolicy {
    max_attempts: 2,
    initial_delay_seconds: 30.0,
    backoff_factor: 1.0,
    max_delay_seconds: None,
    jitter_factor: 0.0,
};

/// A workflow whose runs are tried twice.
async fn retried(t: &Workflows) -> WorkflowId {
    let workflow = runnable(t).await;
    t.store.configure_retry(&ada(), workflow.id, POLICY).await.unwrap();
    workflow.id
}

behaviours! {
    emits queue_run_failures_tests from queue::run_failures;

    /// Failing the job fails the run, and the retry policy creates the next attempt with its job.
    async fn failing_the_job_fails_the_run(t: &Workflows) {
        let workflow = retried(t).await;
        let (id, claimed) = held(t, workflow).await;
        pass(t, 5);
        let state = t.store.fail_job(&claimed.lease, "boom", Retry::ByPolicy).await.unwrap();
        assert_eq!(state, JobState::Dead);
        let failed = run(t, id).await;
        assert_eq!((failed.status, failed.error.as_deref()), (RunStatus::Failed, Some("boom")));
        assert_eq!(audit(t, id).await[2], entry("run_failed", "worker-7"));
        let job = fetched(t, claimed.job.id).await;
        assert_eq!((job.state, job.last_error.as_deref()), (JobState::Dead, Some("boom")));
        let runs = runs_of(t, workflow).await;
        assert_eq!(runs.len(), 2);
        let next = &runs[1];
        assert_eq!((next.attempt, next.retry_of), (2, Some(id)));
        assert_eq!(next.scheduled_for, Some(time("12:00:35")));
        let job = job_of_run(t, next.id).await;
        assert_eq!((job.state, job.attempt), (JobState::Scheduled, 0));
        assert_eq!(job.run_at, time("12:00:35"));
        t.clock.set(time("12:00:35"));
        assert_eq!(claimed_ids(t).await, [job.id]);
        assert_eq!(run(t, next.id).await.status, RunStatus::Running);
    }

    /// Whatever the worker asks for, the job of a run that failed is not tried again.
    async fn the_job_of_a_run_is_not_tried_again(t: &Workflows) {
        let workflow = runnable(t).await;
        let (now, later) = (time("12:00:00"), time("13:00:00"));
        let retries = [Retry::ByPolicy, Retry::At(now), Retry::At(later), Retry::Never];
        for retry in retries {
            let (id, claimed) = held(t, workflow.id).await;
            let state = t.store.fail_job(&claimed.lease, "boom", retry).await.unwrap();
            assert_eq!(state, JobState::Dead);
            assert_eq!(state_of(t, claimed.job.id).await, JobState::Dead);
            assert_eq!(run(t, id).await.status, RunStatus::Failed);
        }
        t.clock.set(time("20:00:00"));
        assert!(claimed_ids(t).await.is_empty());
    }

    /// A job that is claimed again after its lease ran out finds its run running, and leaves it so.
    async fn a_run_goes_on_with_the_next_worker(t: &Workflows) {
        let workflow = runnable(t).await;
        let (id, first) = held(t, workflow.id).await;
        let started = run(t, id).await;
        pass(t, 60);
        assert_eq!(t.store.reap_jobs(10).await.unwrap().requeued, 1);
        assert_eq!(run(t, id).await, started);
        let second = claimed(t, "worker-8").await;
        assert_eq!((second.job.id, second.job.attempt), (first.job.id, 2));
        assert_eq!(run(t, id).await, started);
        assert_lost(t.store.complete_job(&first.lease, Some(json!("stale"))).await);
        assert_eq!(run(t, id).await, started);
        t.store.complete_job(&second.lease, Some(json!("good"))).await.unwrap();
        let ended = run(t, id).await;
        assert_eq!((ended.status, ended.output), (RunStatus::Succeeded, Some(json!("good"))));
        assert_eq!(audit(t, id).await[2..], [entry("run_succeeded", "worker-8")]);
    }

    /// When the last lease runs out the run fails with `lease expired`, and is retried.
    async fn a_run_fails_when_its_workers_vanish(t: &Workflows) {
        let workflow = retried(t).await;
        let id = pending(t, workflow).await.id;
        for attempt in 1..=3 {
            let claimed = claimed(t, "worker-7").await;
            assert_eq!(claimed.job.attempt, attempt);
            pass(t, 60);
            let reaped = t.store.reap_jobs(10).await.unwrap();
            assert_eq!((reaped.dead, reaped.requeued), if attempt == 3 { (1, 0) } else { (0, 1) });
        }
        let failed = run(t, id).await;
        assert_eq!(failed.status, RunStatus::Failed);
        assert_eq!(failed.error.as_deref(), Some("lease expired"));
        assert_eq!(failed.completed_at, Some(time("12:03:00")));
        let runs = runs_of(t, workflow).await;
        assert_eq!(runs.len(), 2);
        assert_eq!((runs[1].attempt, runs[1].retry_of), (2, Some(id)));
        assert_eq!(job_of_run(t, runs[1].id).await.run_at, time("12:03:30"));
        let job = job_of_run(t, id).await;
        assert_eq!((job.state, job.last_error.as_deref()), (JobState::Dead, Some("lease expired")));
        assert_eq!(history_of(t, job.id).await.len(), 3);
    }

    /// A lease that is lost changes neither job nor run.
    async fn a_lost_lease_changes_no_run(t: &Workflows) {
        let workflow = retried(t).await;
        let (_, claimed) = held(t, workflow).await;
        let stale = JobLease { epoch: claimed.lease.epoch + 1, ..claimed.lease };
        let before = queue_rows(t).await;
        assert_lost(t.store.complete_job(&stale, Some(json!(1))).await);
        assert_lost(t.store.fail_job(&stale, "boom", Retry::Never).await);
        assert_eq!(queue_rows(t).await, before);
    }

    /// A result that breaks a rule ends neither job nor run.
    async fn a_bad_result_ends_neither_job_nor_run(t: &Workflows) {
        let workflow = runnable(t).await;
        let (_, claimed) = held(t, workflow.id).await;
        let before = queue_rows(t).await;
        let answer = t.store.complete_job(&claimed.lease, Some(json!("\0"))).await;
        assert_invalid(answer, "result");
        assert_invalid(t.store.fail_job(&claimed.lease, "\0", Retry::Never).await, "error");
        assert_eq!(queue_rows(t).await, before);
    }

    /// The jobs of an archived workflow are carried out; a run that fails is not retried.
    async fn the_jobs_of_an_archived_workflow_are_carried_out(t: &Workflows) {
        let workflow = retried(t).await;
        pending(t, workflow).await;
        pending(t, workflow).await;
        t.store.archive_workflow(&ada(), workflow).await.unwrap();
        let first = claimed(t, "w").await;
        t.store.complete_job(&first.lease, None).await.unwrap();
        let second = claimed(t, "w").await;
        t.store.fail_job(&second.lease, "boom", Retry::ByPolicy).await.unwrap();
        let statuses: Vec<_> = runs_of(t, workflow).await.iter().map(|run| run.status).collect();
        assert_eq!(statuses, [RunStatus::Succeeded, RunStatus::Failed]);
    }
}
