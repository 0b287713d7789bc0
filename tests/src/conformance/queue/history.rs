//! Every time a worker held a job.

use serde_json::json;
use std::slice::from_ref;
use store_core::JobId;
use store_core::queue::{Assignment, AssignmentOutcome, JobState, NewJob, Retry};

use super::assert_not_found;
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{
    claimed, enqueued, fetched, history_of, job, job_in, job_of, leased, pass, time,
};

const NINE_SECONDS: std::time::Duration = std::time::Duration::from_secs(9);

behaviours! {
    emits queue_history_tests from queue::history;

    /// A job that nobody claimed has no history, in whatever state it is.
    async fn a_job_that_nobody_claimed_has_no_history(t: &Workflows) {
        let states =
            [JobState::Blocked, JobState::Scheduled, JobState::Available, JobState::Cancelled];
        for state in states {
            let id = job_in(t, job("k"), state).await.id;
            assert!(history_of(t, id).await.is_empty());
        }
    }

    /// A job that nobody knows has none either: it is not found.
    async fn an_unknown_job_has_no_history(t: &Workflows) {
        assert_not_found(t.store.job_history(JobId::mint()).await);
    }

    /// While a worker holds a job, the last entry is open.
    async fn the_last_entry_is_open_while_a_worker_holds_the_job(t: &Workflows) {
        pass(t, 7);
        let lease = leased(t, job("k")).await.lease;
        let open = Assignment {
            worker: "worker".into(),
            epoch: lease.epoch,
            started_at: time("12:00:07"),
            ended_at: None,
            outcome: None,
            error: None,
        };
        let entries = history_of(t, lease.job_id).await;
        assert_eq!(entries, [open]);
        pass(t, 5);
        t.store.heartbeat_jobs(from_ref(&lease), NINE_SECONDS).await.unwrap();
        t.store.report_progress(&lease, json!(1)).await.unwrap();
        t.store.cancel_job(lease.job_id, "r").await.unwrap();
        assert_eq!(history_of(t, lease.job_id).await, entries);
    }

    /// Each way to end a worker's time with a job has its outcome.
    async fn each_end_has_its_outcome(t: &Workflows) {
        let (store, later) = (&t.store, time("20:00:00"));
        let outcomes = [
            (AssignmentOutcome::Succeeded, None),
            (AssignmentOutcome::Failed, Some("späße 🎉")),
            (AssignmentOutcome::Failed, Some("dead")),
            (AssignmentOutcome::Snoozed, None),
            (AssignmentOutcome::Released, None),
            (AssignmentOutcome::Waited, None),
            (AssignmentOutcome::Cancelled, None),
        ];
        for (number, (outcome, error)) in outcomes.into_iter().enumerate() {
            let lease = leased(t, job_of(&number.to_string(), "k")).await.lease;
            let started_at = store_core::Clock::now(&t.clock);
            pass(t, 5);
            match number {
                0 => store.complete_job(&lease, None).await.unwrap(),
                1 => store.fail_job(&lease, "späße 🎉", Retry::At(later)).await.unwrap(),
                2 => store.fail_job(&lease, "dead", Retry::Never).await.unwrap(),
                3 => store.snooze_job(&lease, later).await.unwrap(),
                4 => store.release_job(&lease).await.unwrap(),
                5 => store.wait_for_event(&lease, "e").await.unwrap(),
                _ => {
                    store.cancel_job(lease.job_id, "r").await.unwrap();
                    store.release_job(&lease).await.unwrap()
                }
            };
            let expected = Assignment {
                worker: "worker".into(),
                epoch: lease.epoch,
                started_at,
                ended_at: Some(store_core::Clock::now(&t.clock)),
                outcome: Some(outcome),
                error: error.map(str::to_owned),
            };
            assert_eq!(history_of(t, lease.job_id).await, [expected]);
        }
    }

    /// A lease that ran out has its outcome, both when the job goes on and when it is dead.
    async fn a_lease_that_ran_out_has_its_outcome(t: &Workflows) {
        let id = enqueued(t, NewJob { max_attempts: 2, ..job("k") }).await.id;
        for worker in ["a", "b"] {
            claimed(t, worker).await;
            pass(t, 90);
            t.store.reap_jobs(10).await.unwrap();
        }
        assert_eq!(fetched(t, id).await.state, JobState::Dead);
        let history = history_of(t, id).await;
        let ends: Vec<_> = history.iter().map(|one| (one.outcome, one.ended_at)).collect();
        let expired = Some(AssignmentOutcome::Expired);
        assert_eq!(ends, [(expired, Some(time("12:01:30"))), (expired, Some(time("12:03:00")))]);
    }

    /// A worker that stops a job because it was asked to says why it failed.
    async fn a_worker_that_stops_says_what_happened(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        t.store.cancel_job(lease.job_id, "r").await.unwrap();
        t.store.fail_job(&lease, "interrupted", Retry::ByPolicy).await.unwrap();
        let history = history_of(t, lease.job_id).await;
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].outcome, Some(AssignmentOutcome::Cancelled));
        assert_eq!(history[0].error.as_deref(), Some("interrupted"));
    }

    /// A job keeps all of its history, the oldest first, also when it is finished.
    async fn a_job_keeps_all_of_its_history(t: &Workflows) {
        let id = enqueued(t, NewJob { max_attempts: 1000, ..job("k") }).await.id;
        let mut expected = Vec::new();
        for number in 0..30 {
            let worker = format!("worker {}", 30 - number);
            let claimed = claimed(t, &worker).await;
            let started_at = store_core::Clock::now(&t.clock);
            pass(t, 1);
            let now = store_core::Clock::now(&t.clock);
            let error = format!("failure {number}");
            let last = number == 29;
            if last {
                t.store.complete_job(&claimed.lease, None).await.unwrap();
            } else {
                t.store.fail_job(&claimed.lease, &error, Retry::At(now)).await.unwrap();
            }
            let failed = (AssignmentOutcome::Failed, Some(error));
            let (outcome, error) =
                if last { (AssignmentOutcome::Succeeded, None) } else { failed };
            expected.push(Assignment {
                worker,
                epoch: claimed.lease.epoch,
                started_at,
                ended_at: Some(now),
                outcome: Some(outcome),
                error,
            });
            assert_eq!(history_of(t, id).await, expected);
        }
        assert!(expected.windows(2).all(|pair| pair[0].epoch < pair[1].epoch));
        assert_eq!(t.reopened().await.job_history(id).await.unwrap(), expected);
    }

    /// Histories of different jobs are apart.
    async fn histories_of_different_jobs_are_apart(t: &Workflows) {
        let first = leased(t, job_of("a", "k")).await.lease;
        t.store.release_job(&first).await.unwrap();
        let second = leased(t, job_of("b", "k")).await.lease;
        assert_eq!(history_of(t, first.job_id).await.len(), 1);
        let open = history_of(t, second.job_id).await;
        assert_eq!((open.len(), open[0].started_at, open[0].ended_at), (1, noon(), None));
    }
}
