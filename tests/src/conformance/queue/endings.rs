//! Completing jobs, one by one and many at once.

use serde_json::json;
use store_core::queue::{Completion, Job, JobLease, JobState, Retry};
use store_core::{Clock as _, JobId};

use super::{assert_invalid, assert_lost};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at_once, claimed_ids, claimed_up_to, enqueued_all, everything, fetched, job, leased, pass,
    queue_rows, state_of,
};

fn done(lease: &JobLease, result: Option<serde_json::Value>) -> Completion {
    Completion { lease: lease.clone(), result }
}

async fn leases(t: &Workflows, count: usize) -> Vec<JobLease> {
    enqueued_all(t, (0..count).map(|_| job("k")).collect()).await;
    claimed_up_to(t, "w", 1000).await.into_iter().map(|one| one.lease).collect()
}

/// How many rows the hot table and the table of finished jobs have for a job.
async fn places(t: &Workflows, id: JobId) -> (i64, i64) {
    let count = async |table: &str| {
        t.count(&format!("SELECT count(*) FROM {table} WHERE id = '{id}'")).await
    };
    (count("jobs").await, count("job_history").await)
}

behaviours! {
    emits queue_endings_tests from queue::endings;

    /// A job that is done has succeeded, at that instant, and nobody holds it.
    async fn a_job_that_is_done_has_succeeded(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        pass(t, 7);
        let state = t.store.complete_job(&claimed.lease, None).await.unwrap();
        assert_eq!(state, JobState::Succeeded);
        let now = t.clock.now();
        let expected = Job {
            state: JobState::Succeeded,
            lease: None,
            updated_at: now,
            finished_at: Some(now),
            ..claimed.job
        };
        assert_eq!(fetched(t, expected.id).await, expected);
    }

    /// The result comes back as it was returned, whatever JSON it is, and none.
    async fn a_result_round_trips(t: &Workflows) {
        let results = [
            None, Some(everything()), Some(json!(null)), Some(json!([1])), Some(json!("text")),
            Some(json!(-0.5)), Some(json!(u64::MAX)),
        ];
        for result in results {
            let lease = leased(t, job("k")).await.lease;
            t.store.complete_job(&lease, result.clone()).await.unwrap();
            assert_eq!(fetched(t, lease.job_id).await.result, result);
        }
    }

    /// A finished job leaves the table that workers look at.
    async fn a_finished_job_leaves_the_hot_table(t: &Workflows) {
        let ids: Vec<JobId> = leases(t, 3).await.iter().map(|lease| lease.job_id).collect();
        let held: Vec<Job> =
            [fetched(t, ids[0]).await, fetched(t, ids[1]).await, fetched(t, ids[2]).await].into();
        let lease = |index: usize| held[index].lease.clone().unwrap();
        assert_eq!(places(t, ids[0]).await, (1, 0));
        t.store.complete_job(&lease(0), None).await.unwrap();
        t.store.fail_job(&lease(1), "boom", Retry::Never).await.unwrap();
        t.store.cancel_job(ids[2], "r").await.unwrap();
        assert_eq!(places(t, ids[2]).await, (1, 0));
        t.store.release_job(&lease(2)).await.unwrap();
        for id in ids {
            assert_eq!(places(t, id).await, (0, 1));
        }
        let waiting = crate::samples::enqueued(t, job("k")).await.id;
        t.store.cancel_job(waiting, "r").await.unwrap();
        assert_eq!(places(t, waiting).await, (0, 1));
    }

    /// A job that is finished cannot be finished again.
    async fn a_job_is_finished_once(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        t.store.complete_job(&lease, Some(json!("first"))).await.unwrap();
        let before = queue_rows(t).await;
        assert_lost(t.store.complete_job(&lease, Some(json!("second"))).await);
        assert_lost(t.store.fail_job(&lease, "boom", Retry::Never).await);
        assert_eq!(queue_rows(t).await, before);
    }

    /// Of many that finish one job at once, in different ways, one succeeds.
    async fn of_concurrent_ends_one_succeeds(t: &Workflows) {
        for _ in 0..5 {
            let lease = leased(t, job("k")).await.lease;
            let id = lease.job_id;
            let ended = at_once(t, 20, move |number, store| {
                let lease = lease.clone();
                async move {
                    match number % 3 {
                        0 => store.complete_job(&lease, Some(json!(number))).await,
                        1 => store.fail_job(&lease, "boom", Retry::Never).await,
                        _ => {
                            let answer = store.complete_jobs(vec![done(&lease, None)]).await;
                            answer.unwrap().remove(0)
                        }
                    }
                }
            });
            let (won, lost): (Vec<_>, Vec<_>) = ended.await.into_iter().partition(Result::is_ok);
            assert_eq!(won.len(), 1);
            lost.into_iter().for_each(assert_lost);
            assert_eq!(&state_of(t, id).await, won[0].as_ref().unwrap());
        }
    }

    /// Many jobs are completed in one call, each with its result.
    async fn many_jobs_are_completed_at_once(t: &Workflows) {
        let leases = leases(t, 1000).await;
        let result = |index: usize| (!index.is_multiple_of(3)).then(|| json!({ "index": index }));
        let batch = leases.iter().enumerate().map(|(index, lease)| done(lease, result(index)));
        pass(t, 3);
        let answers = t.store.complete_jobs(batch.collect()).await.unwrap();
        assert_eq!(answers.len(), 1000);
        assert!(answers.iter().all(|one| matches!(one, Ok(JobState::Succeeded))));
        for index in [0, 1, 499, 998, 999] {
            let job = fetched(t, leases[index].job_id).await;
            assert_eq!((job.state, job.result), (JobState::Succeeded, result(index)));
            assert_eq!(job.finished_at, Some(t.clock.now()));
        }
        assert_eq!(t.count("SELECT count(*) FROM jobs").await, 0);
        assert_eq!(t.count("SELECT count(*) FROM job_history").await, 1000);
    }

    /// Each completion is answered in its place: those that lost their lease do not stop others.
    async fn each_completion_is_answered_in_its_place(t: &Workflows) {
        let leases = leases(t, 5).await;
        t.store.release_job(&leases[1]).await.unwrap();
        t.store.fail_job(&leases[3], "boom", Retry::Never).await.unwrap();
        let unknown = JobLease { job_id: JobId::mint(), ..leases[0].clone() };
        let stale = JobLease { epoch: 9, ..leases[4].clone() };
        let batch = [&leases[4], &leases[3], &unknown, &leases[2], &leases[1], &stale, &leases[0]];
        let batch = batch.map(|lease| done(lease, Some(json!(1)))).to_vec();
        let answers = t.store.complete_jobs(batch).await.unwrap();
        let won: Vec<bool> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(won, [true, false, false, true, false, false, true]);
        answers.into_iter().filter(Result::is_err).for_each(assert_lost);
        let states = [
            JobState::Succeeded, JobState::Available, JobState::Succeeded, JobState::Dead,
            JobState::Succeeded,
        ];
        for (lease, state) in leases.iter().zip(states) {
            assert_eq!(state_of(t, lease.job_id).await, state);
        }
    }

    /// The same lease twice in one call completes the job once.
    async fn a_lease_named_twice_completes_its_job_once(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let batch = vec![done(&lease, Some(json!(1))), done(&lease, Some(json!(2)))];
        let mut answers = t.store.complete_jobs(batch).await.unwrap();
        assert_lost(answers.remove(1));
        assert_eq!(answers.remove(0).unwrap(), JobState::Succeeded);
        assert_eq!(fetched(t, lease.job_id).await.result, Some(json!(1)));
        assert_eq!(t.count("SELECT count(*) FROM job_history").await, 1);
    }

    /// A call with one result that breaks a rule, or without jobs, completes none.
    async fn a_bad_batch_completes_nothing(t: &Workflows) {
        let leases = leases(t, 3).await;
        let before = queue_rows(t).await;
        let mut batch: Vec<_> = leases.iter().map(|lease| done(lease, None)).collect();
        batch[1].result = Some(json!({"a": "\0"}));
        assert_invalid(t.store.complete_jobs(batch).await, "result");
        assert_invalid(t.store.complete_jobs(Vec::new()).await, "done");
        let many = vec![done(&leases[0], None); 1001];
        assert_invalid(t.store.complete_jobs(many).await, "done");
        assert_eq!(queue_rows(t).await, before);
    }

    /// A job that was asked to stop and is completed all the same has succeeded.
    async fn a_job_that_is_done_before_it_stops_has_succeeded(t: &Workflows) {
        let leases = leases(t, 2).await;
        for lease in &leases {
            t.store.cancel_job(lease.job_id, "too late").await.unwrap();
        }
        let state = t.store.complete_job(&leases[0], None).await.unwrap();
        assert_eq!(state, JobState::Succeeded);
        let answers = t.store.complete_jobs(vec![done(&leases[1], None)]).await.unwrap();
        assert!(matches!(answers[0], Ok(JobState::Succeeded)), "{answers:?}");
        for lease in leases {
            assert_eq!(state_of(t, lease.job_id).await, JobState::Succeeded);
        }
    }

    /// Batches that are completed at once by two handles complete each job once.
    async fn concurrent_batches_complete_each_job_once(t: &Workflows) {
        let leases = leases(t, 60).await;
        let batches = at_once(t, 12, |number, store| {
            // Every lease is in three of the batches, in different orders.
            let mut mine: Vec<_> = leases
                .iter()
                .enumerate()
                .filter(|(index, _)| index % 4 == number % 4)
                .map(|(_, lease)| done(lease, Some(json!(number))))
                .collect();
            if number.is_multiple_of(2) {
                mine.reverse();
            }
            async move { store.complete_jobs(mine).await.unwrap() }
        });
        let answers: Vec<_> = batches.await.into_iter().flatten().collect();
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (60, 120));
        lost.into_iter().for_each(assert_lost);
        assert!(claimed_ids(t).await.is_empty());
        assert_eq!(t.count("SELECT count(*) FROM job_history").await, 60);
    }

    /// A stale lease beside the current one of its job is answered as lost, whichever is first.
    async fn a_stale_lease_beside_the_current_one_is_lost(t: &Workflows) {
        for stale_first in [true, false] {
            let lease = leased(t, job("k")).await.lease;
            let stale = JobLease { epoch: lease.epoch - 1, ..lease.clone() };
            let other = JobLease { owner: "other".into(), ..lease.clone() };
            let mut batch = vec![
                done(&stale, Some(json!("stale"))),
                done(&other, Some(json!("other"))),
                done(&lease, Some(json!("good"))),
            ];
            if !stale_first {
                batch.reverse();
            }
            let answers = t.store.complete_jobs(batch).await.unwrap();
            let won: Vec<bool> = answers.iter().map(Result::is_ok).collect();
            assert_eq!(won, [!stale_first, false, stale_first]);
            assert_eq!(fetched(t, lease.job_id).await.result, Some(json!("good")));
        }
    }
}
