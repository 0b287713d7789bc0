//! The jobs of runs: claimed, completed, failed and reaped together with their runs.

use std::time::Duration;

use serde_json::json;
use store_core::queue::{AssignmentOutcome, ClaimedJob, Completion, JobState};
use store_core::workflow::{NewRun, Run, RunFilter, RunStatus};
use store_core::{Clock as _, Order, PageRequest, RunId, WorkflowId};

use super::assert_lost;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, at_once, claimed, claimed_ids, everything, fetched, history_of, job_of_run, new_run, pass,
    pending, runnable, time,
};

/// A run of a workflow whose job a worker holds.
pub(super) async fn held(t: &Workflows, workflow: WorkflowId) -> (RunId, ClaimedJob) {
    let run = pending(t, workflow).await;
    let claimed = claimed(t, "worker-7").await;
    assert_eq!(claimed.job.run_id, Some(run.id));
    (run.id, claimed)
}

/// A run as it is now.
pub(super) async fn run(t: &Workflows, id: RunId) -> Run {
    t.store.fetch_run(id).await.unwrap()
}

/// The audit of a run, as (action, actor).
pub(super) async fn audit(t: &Workflows, id: RunId) -> Vec<(String, String)> {
    let page = t.store.list_run_audit(id, &PageRequest::first(1000)).await.unwrap();
    page.items
        .into_iter()
        .map(|entry| (entry.action.to_string(), entry.actor.into_string()))
        .collect()
}

/// An entry of an audit.
pub(super) fn entry(action: &str, actor: &str) -> (String, String) {
    (action.to_owned(), actor.to_owned())
}

behaviours! {
    emits queue_runs_tests from queue::runs;

    /// A run comes with its job: of kind `run`, due when the run is.
    async fn a_run_comes_with_its_job(t: &Workflows) {
        let workflow = runnable(t).await;
        let now = pending(t, workflow.id).await;
        let scheduled_for = Some(time("13:00:00"));
        let later = NewRun { scheduled_for, ..new_run(workflow.id) };
        let later = t.store.create_run(&ada(), later).await.unwrap();
        let job = job_of_run(t, now.id).await;
        assert_eq!((job.kind.as_str(), job.queue.as_str()), ("run", "default"));
        assert_eq!((job.run_id, job.state), (Some(now.id), JobState::Available));
        assert_eq!((job.priority, job.max_attempts, job.attempt), (50, 3, 0));
        assert_eq!((job.run_at, job.created_at), (now.created_at, now.created_at));
        assert_eq!(fetched(t, job.id).await, job);
        let job = job_of_run(t, later.id).await;
        assert_eq!((job.state, job.run_at), (JobState::Scheduled, time("13:00:00")));
    }

    /// A claim starts the run, and audits it with the worker as actor.
    async fn a_claim_starts_the_run(t: &Workflows) {
        let workflow = runnable(t).await;
        let created = pending(t, workflow.id).await;
        pass(t, 5);
        let claimed = claimed(t, "worker-7").await;
        assert_eq!(claimed.job.run_id, Some(created.id));
        let expected = Run {
            status: RunStatus::Running,
            started_at: Some(time("12:00:05")),
            updated_at: time("12:00:05"),
            row_version: created.row_version + 1,
            ..created
        };
        assert_eq!(run(t, expected.id).await, expected);
        let entries = [entry("run_created", "ada"), entry("run_started", "worker-7")];
        assert_eq!(audit(t, expected.id).await, entries);
    }

    /// A claim of many jobs starts the run of each.
    async fn a_claim_of_many_starts_the_run_of_each(t: &Workflows) {
        let workflow = runnable(t).await;
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(pending(t, workflow.id).await.id);
            crate::samples::enqueued(t, crate::samples::job("between")).await;
        }
        assert_eq!(claimed_ids(t).await.len(), 40);
        for id in ids {
            assert_eq!(run(t, id).await.status, RunStatus::Running);
            assert_eq!(audit(t, id).await.len(), 2);
        }
    }

    /// Completing the job succeeds the run, with the result as its output.
    async fn completing_the_job_succeeds_the_run(t: &Workflows) {
        let workflow = runnable(t).await;
        for result in [None, Some(everything()), Some(json!(null))] {
            let (id, claimed) = held(t, workflow.id).await;
            pass(t, 5);
            let state = t.store.complete_job(&claimed.lease, result.clone()).await.unwrap();
            assert_eq!(state, JobState::Succeeded);
            let ended = run(t, id).await;
            assert_eq!((ended.status, &ended.output), (RunStatus::Succeeded, &result));
            assert_eq!(ended.completed_at, Some(t.clock.now()));
            let job = fetched(t, claimed.job.id).await;
            assert_eq!((job.state, job.result), (JobState::Succeeded, result));
            assert_eq!(audit(t, id).await[2], entry("run_succeeded", "worker-7"));
        }
    }

    /// Completing many jobs succeeds the run of each, each with its output.
    async fn completing_many_jobs_succeeds_the_run_of_each(t: &Workflows) {
        let workflow = runnable(t).await;
        let mut done = Vec::new();
        let mut ids = Vec::new();
        for number in 0..10 {
            let (id, claimed) = held(t, workflow.id).await;
            ids.push(id);
            done.push(Completion { lease: claimed.lease, result: Some(json!(number)) });
        }
        done[3].lease.epoch += 1;
        let answers = t.store.complete_jobs(done).await.unwrap();
        for (number, (answer, id)) in answers.into_iter().zip(ids).enumerate() {
            let run = run(t, id).await;
            if number == 3 {
                assert_lost(answer);
                assert_eq!((run.status, run.output), (RunStatus::Running, None));
            } else {
                assert_eq!(answer.unwrap(), JobState::Succeeded);
                assert_eq!((run.status, run.output), (RunStatus::Succeeded, Some(json!(number))));
            }
        }
    }

    /// A job that is put off, given back or waits leaves its run running.
    async fn a_run_stays_running_while_its_job_waits(t: &Workflows) {
        let workflow = runnable(t).await;
        let (id, mut claimed) = held(t, workflow.id).await;
        let started = run(t, id).await;
        for number in 0..3 {
            let lease = &claimed.lease;
            match number {
                0 => assert_eq!(t.store.release_job(lease).await.unwrap(), JobState::Available),
                1 => drop(t.store.snooze_job(lease, crate::samples::later(t, 10)).await.unwrap()),
                _ => drop(t.store.wait_for_event(lease, "e").await.unwrap()),
            }
            assert_eq!(run(t, id).await, started);
            pass(t, 10);
            t.store.deliver_event("e", json!(1)).await.unwrap();
            claimed = crate::samples::claimed(t, "worker-8").await;
            assert_eq!(claimed.job.attempt, 1);
            assert_eq!(run(t, id).await, started);
            // Only the last of them is what the job waits for.
            t.clock.advance(Duration::from_secs(3600)).unwrap();
            t.store.prune_jobs(t.clock.now(), &crate::samples::FINISHED, 10).await.unwrap();
        }
        t.store.complete_job(&claimed.lease, None).await.unwrap();
        assert_eq!(run(t, id).await.status, RunStatus::Succeeded);
        let outcomes: Vec<_> = history_of(t, claimed.job.id)
            .await
            .into_iter()
            .map(|one| one.outcome.unwrap())
            .collect();
        let expected = [
            AssignmentOutcome::Released, AssignmentOutcome::Snoozed, AssignmentOutcome::Waited,
            AssignmentOutcome::Succeeded,
        ];
        assert_eq!(outcomes, expected);
    }

    /// Deleting a workflow takes the jobs of its runs, also from the workers that hold them.
    async fn deleting_a_workflow_takes_its_jobs(t: &Workflows) {
        let workflow = runnable(t).await;
        let (_, held) = held(t, workflow.id).await;
        pending(t, workflow.id).await;
        let other = pending(t, runnable(t).await.id).await;
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        t.store.delete_workflow(&ada(), workflow.id).await.unwrap();
        assert_eq!(t.store.find_job(held.job.id).await.unwrap(), None);
        assert_lost(t.store.complete_job(&held.lease, None).await);
        let left = claimed(t, "w").await;
        assert_eq!(left.job.run_id, Some(other.id));
        assert!(claimed_ids(t).await.is_empty());
    }

    /// Workers on two handles carry out many runs: each one ends once, with its own output.
    async fn concurrent_workers_carry_out_each_run_once(t: &Workflows) {
        let workflow = runnable(t).await;
        for _ in 0..60 {
            pending(t, workflow.id).await;
        }
        at_once(t, 8, |number, store| async move {
            let request = store_core::queue::ClaimRequest::new(format!("worker-{number}")).limit(3);
            let mut misses = 0;
            while misses < 2 {
                let claimed = store.claim_jobs(&request).await.unwrap();
                misses += usize::from(claimed.is_empty());
                for one in claimed {
                    let output = Some(json!(one.job.run_id));
                    store.complete_job(&one.lease, output).await.unwrap();
                }
            }
        })
        .await;
        for one in crate::samples::claimed_up_to(t, "rest", 1000).await {
            let output = Some(json!(one.job.run_id));
            t.store.complete_job(&one.lease, output).await.unwrap();
        }
        let page = PageRequest::first(1000).ordered(Order::Asc);
        let runs = t.store.list_runs(&RunFilter::default(), &page).await.unwrap().items;
        assert_eq!(runs.len(), 60);
        for run in runs {
            assert_eq!((run.status, run.row_version), (RunStatus::Succeeded, 3));
            assert_eq!(run.output, Some(json!(run.id)));
            assert_eq!(audit(t, run.id).await.len(), 3);
        }
    }

    /// Nothing of a job that a worker held before is left when its workflow is deleted.
    async fn a_deleted_workflow_leaves_nothing_of_its_jobs(t: &Workflows) {
        let workflow = runnable(t).await;
        let (_, first) = held(t, workflow.id).await;
        t.store.release_job(&first.lease).await.unwrap();
        let second = claimed(t, "worker-8").await;
        t.store.wait_for_event(&second.lease, "e").await.unwrap();
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        t.store.delete_workflow(&ada(), workflow.id).await.unwrap();
        for table in ["jobs", "job_assignments", "job_events"] {
            assert_eq!(t.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
        }
    }
}
