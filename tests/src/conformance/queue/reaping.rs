//! Leases that run out: whose jobs are taken back, and what becomes of them.

use std::collections::BTreeSet;
use std::time::Duration;

use store_core::JobId;
use store_core::queue::{
    AssignmentOutcome, ClaimRequest, DependencyCondition, Job, JobState, NewJob, Reaped,
};

use super::assert_lost;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at_once, claimed, claimed_ids, claimed_up_to, dependent, enqueued, enqueued_all, fetched,
    history_of, job, leased, pass, state_of, time,
};

/// Claims the next job for so many seconds.
async fn claimed_for(t: &Workflows, seconds: u64) -> JobId {
    let lease = Duration::from_secs(seconds);
    let request = ClaimRequest { lease, ..ClaimRequest::new("w") };
    t.store.claim_jobs(&request).await.unwrap().remove(0).job.id
}

fn requeued(requeued: u32) -> Reaped {
    Reaped { requeued, ..Reaped::default() }
}

behaviours! {
    emits queue_reaping_tests from queue::reaping;

    /// A job whose lease ran out is available again, and its attempt counts.
    async fn a_job_whose_lease_ran_out_is_available_again(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        pass(t, 60);
        assert_eq!(t.store.reap_jobs(10).await.unwrap(), requeued(1));
        let read = fetched(t, claimed.job.id).await;
        let expected = Job {
            state: JobState::Available,
            attempt: 1,
            lease: None,
            run_at: read.run_at,
            updated_at: time("12:01:00"),
            last_error: read.last_error.clone(),
            ..claimed.job
        };
        assert_eq!(read, expected);
        let again = crate::samples::claimed(t, "v").await;
        assert_eq!((again.job.id, again.job.attempt), (read.id, 2));
        assert!(again.lease.epoch > claimed.lease.epoch);
    }

    /// A lease that has not run out is not reaped, to the microsecond.
    async fn a_lease_that_lasts_is_not_reaped(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let micros = lease.expires_at.as_micros();
        t.clock.set(store_core::Timestamp::from_micros(micros - 1).unwrap());
        assert_eq!(t.store.reap_jobs(10).await.unwrap(), Reaped::default());
        t.clock.set(lease.expires_at);
        assert_eq!(t.store.reap_jobs(10).await.unwrap(), requeued(1));
        assert_eq!(t.store.reap_jobs(10).await.unwrap(), Reaped::default());
    }

    /// A job whose attempts are used up is dead, with the error `lease expired`.
    async fn a_job_whose_last_lease_ran_out_is_dead(t: &Workflows) {
        let id = enqueued(t, NewJob { max_attempts: 3, ..job("k") }).await.id;
        for expected in [requeued(1), requeued(1), Reaped { dead: 1, ..Reaped::default() }] {
            claimed(t, "w").await;
            pass(t, 60);
            assert_eq!(t.store.reap_jobs(10).await.unwrap(), expected);
        }
        let read = fetched(t, id).await;
        assert_eq!((read.state, read.attempt), (JobState::Dead, 3));
        assert_eq!(read.last_error.as_deref(), Some("lease expired"));
        assert_eq!(read.finished_at, Some(time("12:03:00")));
        assert!(claimed_ids(t).await.is_empty());
    }

    /// A job that was asked to stop is cancelled, whatever attempts it has left.
    async fn a_job_that_was_asked_to_stop_is_cancelled(t: &Workflows) {
        let plenty = leased(t, job("k")).await.lease;
        let last = leased(t, NewJob { max_attempts: 1, ..job("k") }).await.lease;
        for lease in [&plenty, &last] {
            t.store.cancel_job(lease.job_id, "why").await.unwrap();
        }
        pass(t, 60);
        let reaped = t.store.reap_jobs(10).await.unwrap();
        assert_eq!(reaped, Reaped { cancelled: 2, ..Reaped::default() });
        for lease in [plenty, last] {
            let read = fetched(t, lease.job_id).await;
            assert_eq!(read.state, JobState::Cancelled);
            assert_eq!(read.cancel_reason.as_deref(), Some("why"));
            assert_lost(t.store.complete_job(&lease, None).await);
        }
    }

    /// One call tells apart what became of the jobs.
    async fn one_call_tells_apart_what_became_of_the_jobs(t: &Workflows) {
        for number in 0..6 {
            let max_attempts = if number < 2 { 1 } else { 5 };
            let lease = leased(t, NewJob { max_attempts, ..job("k") }).await.lease;
            if number == 5 {
                t.store.cancel_job(lease.job_id, "why").await.unwrap();
            }
        }
        pass(t, 60);
        let reaped = t.store.reap_jobs(1000).await.unwrap();
        assert_eq!(reaped, Reaped { requeued: 3, dead: 2, cancelled: 1 });
    }

    /// The leases that ran out first are reaped first, up to the limit.
    async fn the_oldest_leases_are_reaped_first(t: &Workflows) {
        enqueued_all(t, (0..5).map(|_| job("k")).collect()).await;
        let mut by_expiry = Vec::new();
        for seconds in [50, 10, 40, 20, 30] {
            by_expiry.push((seconds, claimed_for(t, seconds).await));
        }
        by_expiry.sort_unstable();
        pass(t, 100);
        for pair in by_expiry.chunks(2) {
            let expected: BTreeSet<JobId> = pair.iter().map(|(_, id)| *id).collect();
            let count = u32::try_from(pair.len()).unwrap();
            assert_eq!(t.store.reap_jobs(2).await.unwrap(), requeued(count));
            assert_eq!(claimed_ids(t).await.into_iter().collect::<BTreeSet<_>>(), expected);
        }
        assert_eq!(t.store.reap_jobs(2).await.unwrap(), Reaped::default());
    }

    /// A job of any queue is reaped, paused or not.
    async fn jobs_of_all_queues_are_reaped(t: &Workflows) {
        for queue in ["a", "b", "späße"] {
            leased(t, crate::samples::job_of(queue, "k")).await;
        }
        t.store.pause_queue("a").await.unwrap();
        pass(t, 60);
        assert_eq!(t.store.reap_jobs(10).await.unwrap(), requeued(3));
    }

    /// The history says that the lease expired.
    async fn the_history_says_that_the_lease_expired(t: &Workflows) {
        let id = enqueued(t, NewJob { max_attempts: 2, ..job("k") }).await.id;
        for worker in ["a", "b"] {
            claimed(t, worker).await;
            pass(t, 60);
            t.store.reap_jobs(10).await.unwrap();
        }
        let history = history_of(t, id).await;
        let seen: Vec<_> =
            history.iter().map(|one| (one.worker.as_str(), one.outcome.unwrap())).collect();
        let expired = AssignmentOutcome::Expired;
        assert_eq!(seen, [("a", expired), ("b", expired)]);
        assert_eq!(history[0].ended_at, Some(time("12:01:00")));
        assert_eq!(history[1].ended_at, Some(time("12:02:00")));
    }

    /// A job that is dead because its workers vanished ends the wait of others.
    async fn a_reaped_job_that_is_dead_ends_the_wait_of_others(t: &Workflows) {
        let parent = leased(t, NewJob { max_attempts: 1, ..job("k") }).await.job.id;
        let failure = dependent(&[parent], DependencyCondition::Failure);
        let failure = enqueued(t, failure).await.id;
        let success = dependent(&[parent], DependencyCondition::Success);
        let success = enqueued(t, success).await.id;
        pass(t, 60);
        assert_eq!(t.store.reap_jobs(10).await.unwrap().dead, 1);
        assert_eq!(state_of(t, failure).await, JobState::Available);
        assert_eq!(state_of(t, success).await, JobState::Cancelled);
    }

    /// Many processes that reap at once share the work: each lease is reaped once.
    async fn concurrent_reapers_share_the_work(t: &Workflows) {
        let new = |number: u32| NewJob { max_attempts: 1 + number % 2, ..job("k") };
        enqueued_all(t, (0..200).map(new).collect()).await;
        assert_eq!(claimed_up_to(t, "w", 1000).await.len(), 200);
        pass(t, 60);
        let shares = at_once(t, 8, |_, store| async move {
            let (mut all, mut misses) = (Reaped::default(), 0);
            while misses < 2 {
                let one = store.reap_jobs(7).await.unwrap();
                misses += u32::from(one == Reaped::default());
                all = Reaped {
                    requeued: all.requeued + one.requeued,
                    dead: all.dead + one.dead,
                    cancelled: all.cancelled + one.cancelled,
                };
            }
            all
        })
        .await;
        let rest = t.store.reap_jobs(1000).await.unwrap();
        let sum = |part: fn(&Reaped) -> u32| {
            shares.iter().map(part).sum::<u32>() + part(&rest)
        };
        assert_eq!((sum(|one| one.requeued), sum(|one| one.dead)), (100, 100));
        assert_eq!(sum(|one| one.cancelled), 0);
        let entries = t.count("SELECT count(*) FROM job_assignments").await;
        assert_eq!(entries, 100, "one for each job that is back");
    }

    /// While reapers take leases back, a worker that is late either ends its job or loses it.
    async fn a_late_worker_ends_its_job_or_loses_it(t: &Workflows) {
        enqueued_all(t, (0..60).map(|_| NewJob { max_attempts: 1, ..job("k") }).collect()).await;
        let leases = claimed_up_to(t, "w", 1000).await;
        pass(t, 60);
        let ended = at_once(t, 30, |number, store| {
            let mine = leases[number * 2..number * 2 + 2].to_vec();
            async move {
                let (mut won, mut dead) = (0, 0);
                for one in mine {
                    match store.complete_job(&one.lease, None).await {
                        Ok(_) => won += 1,
                        lost => assert_lost(lost),
                    }
                    dead += store.reap_jobs(1).await.unwrap().dead;
                }
                (won, dead)
            }
        })
        .await;
        let rest = t.store.reap_jobs(1000).await.unwrap().dead;
        let won: u32 = ended.iter().map(|(won, _)| won).sum();
        let dead: u32 = rest + ended.iter().map(|(_, dead)| dead).sum::<u32>();
        assert_eq!(won + dead, 60);
        let succeeded = "SELECT count(*) FROM job_history WHERE state = 'succeeded'";
        assert_eq!(t.count(succeeded).await, i64::from(won));
    }
}
