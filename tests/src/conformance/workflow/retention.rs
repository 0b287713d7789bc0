//! Deleting runs that are over.

use std::time::Duration;

use store_core::workflow::{RetryPolicy, Run, RunFilter, RunStatus};
use store_core::{Clock as _, Order, PageRequest, RunId, Timestamp};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{ada, at, pending, run_in, runnable};

/// The ids of the runs that are there, oldest first.
async fn left(t: &Workflows) -> Vec<RunId> {
    let page = PageRequest::first(1000).ordered(Order::Asc);
    let page = t.store.list_runs(&RunFilter::default(), &page).await.unwrap();
    page.items.into_iter().map(|run| run.id).collect()
}

/// Creates runs that ended a second apart, all in one status.
async fn ended(t: &Workflows, count: usize, status: RunStatus) -> Vec<Run> {
    let workflow = runnable(t).await;
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(run_in(t, workflow.id, status).await);
        t.clock.advance(Duration::from_secs(1)).unwrap();
    }
    runs
}

async fn delete(t: &Workflows, cutoff: Timestamp, statuses: &[RunStatus], batch: u32) -> u64 {
    t.store.delete_runs_before(cutoff, statuses, batch).await.unwrap()
}

behaviours! {
    emits workflow_retention_tests from workflow::retention;

    /// Runs that ended before the cutoff go, those that ended at it or later stay.
    async fn runs_that_ended_before_the_cutoff_go(t: &Workflows) {
        let runs = ended(t, 4, RunStatus::Succeeded).await;
        let cutoff = runs[2].completed_at.unwrap();
        assert_eq!(delete(t, cutoff, &RunStatus::FINISHED, 1000).await, 2);
        assert_eq!(left(t).await, [runs[2].id, runs[3].id]);
        assert_eq!(delete(t, cutoff, &RunStatus::FINISHED, 1000).await, 0);
    }

    /// When a run was created does not count, only when it ended.
    async fn the_end_of_a_run_counts_not_its_creation(t: &Workflows) {
        let workflow = runnable(t).await;
        let (first, second) = (pending(t, workflow.id).await, pending(t, workflow.id).await);
        t.store.cancel_run(&ada(), second.id, None).await.unwrap();
        t.clock.advance(Duration::from_secs(60)).unwrap();
        t.store.cancel_run(&ada(), first.id, None).await.unwrap();
        assert_eq!(delete(t, t.clock.now(), &RunStatus::FINISHED, 10).await, 1);
        assert_eq!(left(t).await, [first.id]);
    }

    /// Only runs in the statuses that are named go.
    async fn only_runs_in_the_named_statuses_go(t: &Workflows) {
        let workflow = runnable(t).await;
        let mut runs = Vec::new();
        for status in RunStatus::ALL {
            runs.push(run_in(t, workflow.id, *status).await);
        }
        let later = at("2027-01-01T00:00:00Z");
        let status = |run: &Run| run.status;
        let statuses: Vec<_> = runs.iter().map(status).collect();
        assert_eq!(delete(t, later, &statuses[3..4], 10).await, 1);
        assert_eq!(left(t).await.len(), 4);
        assert_eq!(delete(t, later, &statuses[2..], 10).await, 2);
        assert_eq!(left(t).await, [runs[0].id, runs[1].id]);
    }

    /// A batch takes the runs that ended first.
    async fn a_batch_takes_the_runs_that_ended_first(t: &Workflows) {
        let runs = ended(t, 5, RunStatus::Cancelled).await;
        let later = at("2027-01-01T00:00:00Z");
        let statuses = [RunStatus::Cancelled];
        assert_eq!(delete(t, later, &statuses, 2).await, 2);
        assert_eq!(left(t).await, [runs[2].id, runs[3].id, runs[4].id]);
        assert_eq!(delete(t, later, &statuses, 2).await, 2);
        assert_eq!(delete(t, later, &statuses, 2).await, 1);
        assert_eq!(delete(t, later, &statuses, 2).await, 0);
    }

    /// With a run goes its audit; that of others and of the workflow stays.
    async fn with_a_run_goes_its_audit(t: &Workflows) {
        let runs = ended(t, 2, RunStatus::Succeeded).await;
        let cutoff = runs[1].completed_at.unwrap();
        assert_eq!(delete(t, cutoff, &RunStatus::FINISHED, 10).await, 1);
        let audit = async |run: &Run| {
            let page = t.store.list_run_audit(run.id, &PageRequest::default()).await.unwrap();
            page.items.len()
        };
        assert_eq!((audit(&runs[0]).await, audit(&runs[1]).await), (0, 3));
        assert_eq!(crate::samples::actions_of(t, runs[0].workflow_id).await.len(), 2);
    }

    /// A failed run goes before the attempt that is a retry of it.
    async fn a_failed_run_goes_before_its_retry(t: &Workflows) {
        let workflow = runnable(t).await;
        let policy = RetryPolicy::default();
        t.store.configure_retry(&ada(), workflow.id, policy).await.unwrap();
        let run = pending(t, workflow.id).await;
        let failed = t.store.fail_run(&ada(), run.id, "boom").await.unwrap();
        let next = failed.retry.unwrap().run_id;
        let later = at("2027-01-01T00:00:00Z");
        assert_eq!(delete(t, later, &[RunStatus::Failed], 10).await, 1);
        assert_eq!(left(t).await, [next]);
        let read = t.store.fetch_run(next).await.unwrap();
        assert_eq!((read.attempt, read.retry_of), (2, Some(run.id)));
        t.store.start_run(&ada(), next).await.unwrap();
    }

    /// A batch outside 1 to 1000, no statuses, and one that is not finished are `Invalid`.
    async fn a_bad_deletion_of_runs_is_invalid(t: &Workflows) {
        let runs = ended(t, 1, RunStatus::Failed).await;
        let later = at("2027-01-01T00:00:00Z");
        for batch in [0, 1001, u32::MAX] {
            let answer = t.store.delete_runs_before(later, &RunStatus::FINISHED, batch).await;
            assert_invalid(answer, "batch");
        }
        let bad = [
            vec![],
            vec![RunStatus::Pending],
            vec![RunStatus::Failed, RunStatus::Running],
        ];
        for statuses in bad {
            let answer = t.store.delete_runs_before(later, &statuses, 10).await;
            assert_invalid(answer, "statuses");
        }
        assert_eq!(left(t).await, [runs[0].id]);
    }

    /// Many that delete at once delete each run once.
    async fn concurrent_deletions_delete_each_run_once(t: &Workflows) {
        ended(t, 30, RunStatus::Succeeded).await;
        let other = t.reopened().await;
        let later = at("2027-01-01T00:00:00Z");
        let mut tasks = Vec::new();
        for number in 0..8 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                let mut deleted = 0;
                loop {
                    match store.delete_runs_before(later, &RunStatus::FINISHED, 4).await.unwrap() {
                        0 => return deleted,
                        some => deleted += some,
                    }
                }
            }));
        }
        let mut deleted = 0;
        for task in tasks {
            deleted += task.await.unwrap();
        }
        // One that finds nothing more to lock may end before the others have.
        deleted += delete(t, later, &RunStatus::FINISHED, 1000).await;
        assert_eq!(deleted, 30);
        assert!(left(t).await.is_empty());
        let audit = "SELECT count(*) FROM workflow_audit WHERE run_id IS NOT NULL";
        assert_eq!(t.count(audit).await, 0);
    }
}
