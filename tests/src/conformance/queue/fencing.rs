//! What a lease that is no longer the current one cannot do: anything.

use serde_json::json;
use store_core::JobId;
use store_core::queue::{Completion, DependencyCondition, JobLease, JobState, NewJob, Retry};

use super::assert_lost;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    claimed, dependent, enqueued, fetched, job, job_in, job_of, leased, pass, queue_rows, time,
};

/// Asserts that a lease lets nothing be written, and that nothing was.
async fn assert_powerless(t: &Workflows, lease: &JobLease) {
    let (store, before) = (&t.store, queue_rows(t).await);
    assert_lost(store.complete_job(lease, Some(json!("stale"))).await);
    let done = vec![Completion { lease: lease.clone(), result: None }];
    let mut answers = store.complete_jobs(done).await.unwrap();
    assert_eq!(answers.len(), 1);
    assert_lost(answers.remove(0));
    for retry in [Retry::ByPolicy, Retry::At(time("13:00:00")), Retry::Never] {
        assert_lost(store.fail_job(lease, "stale", retry).await);
    }
    assert_lost(store.snooze_job(lease, time("13:00:00")).await);
    assert_lost(store.release_job(lease).await);
    assert_lost(store.report_progress(lease, json!("stale")).await);
    assert_lost(store.wait_for_event(lease, "stale").await);
    assert_eq!(queue_rows(t).await, before);
}

/// A job whose lease ran out, and that another worker has now: the old lease and the new one.
async fn taken_over(t: &Workflows) -> (JobLease, JobLease) {
    let old = leased(t, job("k")).await.lease;
    pass(t, 60);
    assert_eq!(t.store.reap_jobs(10).await.unwrap().requeued, 1);
    (old, claimed(t, "successor").await.lease)
}

behaviours! {
    emits queue_fencing_tests from queue::fencing;

    /// Who lost a job to another worker changes nothing; the other worker can.
    async fn a_lease_that_was_taken_over_is_powerless(t: &Workflows) {
        let (old, new) = taken_over(t).await;
        assert_powerless(t, &old).await;
        assert_eq!(t.store.complete_job(&new, None).await.unwrap(), JobState::Succeeded);
        assert_powerless(t, &old).await;
        assert_powerless(t, &new).await;
    }

    /// Who lost a job and claims it again has a new epoch: the old one stays lost.
    async fn a_lost_epoch_stays_lost_when_its_owner_is_back(t: &Workflows) {
        let (old, new) = taken_over(t).await;
        t.store.release_job(&new).await.unwrap();
        let back = claimed(t, &old.owner).await.lease;
        assert_eq!((&back.owner, back.job_id), (&old.owner, old.job_id));
        assert!(back.epoch > new.epoch && new.epoch > old.epoch);
        assert_powerless(t, &old).await;
        assert_powerless(t, &new).await;
        t.store.complete_job(&back, None).await.unwrap();
    }

    /// The current epoch in another name is no lease, and none is an epoch to come.
    async fn another_owner_or_epoch_is_no_lease(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        for owner in ["other", "Worker", "worker "] {
            assert_powerless(t, &JobLease { owner: owner.into(), ..lease.clone() }).await;
        }
        for epoch in [0, lease.epoch + 1, -1, i64::MIN, i64::MAX] {
            assert_powerless(t, &JobLease { epoch, ..lease.clone() }).await;
        }
        t.store.complete_job(&lease, None).await.unwrap();
    }

    /// A lease of one job is none of another.
    async fn a_lease_is_of_one_job(t: &Workflows) {
        let lease = leased(t, job("a")).await.lease;
        let waiting = enqueued(t, job("b")).await.id;
        for job_id in [waiting, JobId::mint()] {
            assert_powerless(t, &JobLease { job_id, ..lease.clone() }).await;
        }
    }

    /// A lease ends with whatever ends the worker's time with the job.
    async fn a_lease_ends_with_the_time_of_its_worker(t: &Workflows) {
        let (store, later) = (&t.store, time("23:00:00"));
        for number in 0..8 {
            let lease = leased(t, job_of(&number.to_string(), "k")).await.lease;
            match number {
                0 => store.complete_job(&lease, None).await.unwrap(),
                1 => store.fail_job(&lease, "boom", Retry::Never).await.unwrap(),
                2 => store.fail_job(&lease, "boom", Retry::ByPolicy).await.unwrap(),
                3 => store.fail_job(&lease, "boom", Retry::At(later)).await.unwrap(),
                4 => store.snooze_job(&lease, later).await.unwrap(),
                5 => store.release_job(&lease).await.unwrap(),
                6 => store.wait_for_event(&lease, "e").await.unwrap(),
                _ => {
                    store.cancel_job(lease.job_id, "r").await.unwrap();
                    store.release_job(&lease).await.unwrap()
                }
            };
            assert_powerless(t, &lease).await;
        }
    }

    /// A lease that was reaped is lost, also before anybody claims the job again.
    async fn a_reaped_lease_is_powerless(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let last = leased(t, NewJob { max_attempts: 1, ..job_of("q", "k") }).await.lease;
        pass(t, 60);
        let reaped = t.store.reap_jobs(10).await.unwrap();
        assert_eq!((reaped.requeued, reaped.dead), (1, 1));
        assert_powerless(t, &lease).await;
        assert_powerless(t, &last).await;
    }

    /// A stale completion releases no job that waits.
    async fn a_stale_completion_releases_nobody(t: &Workflows) {
        let (old, new) = taken_over(t).await;
        let child = enqueued(t, dependent(&[old.job_id], DependencyCondition::Any)).await.id;
        assert_powerless(t, &old).await;
        assert_eq!(fetched(t, child).await.state, JobState::Blocked);
        t.store.complete_job(&new, None).await.unwrap();
        assert_eq!(fetched(t, child).await.state, JobState::Available);
    }

    /// A job that is finished is out of reach for any lease.
    async fn a_finished_job_has_no_lease(t: &Workflows) {
        for state in crate::samples::FINISHED {
            let job = job_in(t, job_of(state.as_str(), "k"), state).await;
            assert_eq!(job.lease, None);
            for epoch in 0..3 {
                let (owner, expires_at) = ("worker".to_owned(), time("13:00:00"));
                let lease = JobLease { job_id: job.id, owner, epoch, expires_at };
                assert_powerless(t, &lease).await;
            }
        }
    }
}
