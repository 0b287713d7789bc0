//! Heartbeats: which leases are extended, which are lost, and who is asked to stop.

use std::slice::from_ref;
use std::time::Duration;

use store_core::queue::{ClaimRequest, Heartbeat, JobLease, JobState, Reaped};
use store_core::{Clock as _, JobId};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    claimed, claimed_up_to, enqueued_all, fetched, job, later, leased, pass, queue_rows, time,
};

const MINUTE: Duration = Duration::from_secs(60);

async fn beat(t: &Workflows, leases: &[JobLease]) -> Vec<Heartbeat> {
    t.store.heartbeat_jobs(leases, MINUTE).await.unwrap()
}

behaviours! {
    emits queue_heartbeats_tests from queue::heartbeats;

    /// A heartbeat extends the lease from now on and keeps its epoch.
    async fn a_heartbeat_extends_the_lease(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        pass(t, 45);
        let answer = t.store.heartbeat_jobs(from_ref(&claimed.lease), MINUTE * 2).await.unwrap();
        let extended = JobLease { expires_at: time("12:02:45"), ..claimed.lease };
        assert_eq!(answer, [Heartbeat::Extended(extended.clone())]);
        let read = fetched(t, claimed.job.id).await;
        assert_eq!(read.lease, Some(extended));
        assert_eq!(read.updated_at, claimed.job.updated_at, "a heartbeat is no change");
    }

    /// A heartbeat can also shorten a lease: it counts from now.
    async fn a_heartbeat_counts_from_now(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let second = Duration::from_secs(1);
        t.store.heartbeat_jobs(from_ref(&lease), second).await.unwrap();
        assert_eq!(fetched(t, lease.job_id).await.lease.unwrap().expires_at, time("12:00:01"));
    }

    /// A job whose worker goes on with its heartbeats is never taken away.
    async fn a_job_with_heartbeats_is_never_taken_away(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        for _ in 0..100 {
            pass(t, 59);
            assert_eq!(t.store.reap_jobs(10).await.unwrap(), Reaped::default());
            assert!(claimed_up_to(t, "thief", 1).await.is_empty());
            let answer = beat(t, from_ref(&lease)).await;
            assert!(matches!(answer[0], Heartbeat::Extended(_)), "{answer:?}");
        }
        assert_eq!(t.store.complete_job(&lease, None).await.unwrap(), JobState::Succeeded);
    }

    /// Each lease is answered in its place.
    async fn each_lease_is_answered_in_its_place(t: &Workflows) {
        enqueued_all(t, (0..6).map(|_| job("k")).collect()).await;
        let leases: Vec<_> =
            claimed_up_to(t, "w", 6).await.into_iter().map(|one| one.lease).collect();
        t.store.complete_job(&leases[1], None).await.unwrap();
        t.store.cancel_job(leases[3].job_id, "späße 🎉").await.unwrap();
        t.store.release_job(&leases[4]).await.unwrap();
        pass(t, 30);
        let unknown = JobLease { job_id: JobId::mint(), ..leases[0].clone() };
        let asked: Vec<JobLease> = [5, 4, 3, 2, 1, 0]
            .map(|index: usize| leases[index].clone())
            .into_iter()
            .chain([unknown.clone()])
            .collect();
        let extended =
            |index: usize| JobLease { expires_at: time("12:01:30"), ..leases[index].clone() };
        let expected = [
            Heartbeat::Extended(extended(5)),
            Heartbeat::Lost(leases[4].job_id),
            Heartbeat::CancelRequested { lease: extended(3), reason: "späße 🎉".into() },
            Heartbeat::Extended(extended(2)),
            Heartbeat::Lost(leases[1].job_id),
            Heartbeat::Extended(extended(0)),
            Heartbeat::Lost(unknown.job_id),
        ];
        assert_eq!(beat(t, &asked).await, expected);
    }

    /// A lease that somebody else has by now is lost, and theirs is not extended.
    async fn a_lease_that_was_taken_over_is_lost(t: &Workflows) {
        let old = leased(t, job("k")).await.lease;
        pass(t, 60);
        t.store.reap_jobs(10).await.unwrap();
        let new = claimed(t, "w").await.lease;
        pass(t, 10);
        let before = queue_rows(t).await;
        let forged = [
            old.clone(),
            JobLease { owner: "other".into(), ..new.clone() },
            JobLease { epoch: new.epoch + 1, ..new.clone() },
            JobLease { epoch: -1, ..new.clone() },
            JobLease { epoch: i64::MAX, ..new.clone() },
        ];
        let lost = vec![Heartbeat::Lost(old.job_id); forged.len()];
        assert_eq!(beat(t, &forged).await, lost);
        assert_eq!(queue_rows(t).await, before);
    }

    /// The same lease twice in one call is answered twice.
    async fn a_lease_that_is_named_twice_is_answered_twice(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let old = JobLease { epoch: 0, ..lease.clone() };
        pass(t, 10);
        let answer = beat(t, &[lease.clone(), old, lease.clone()]).await;
        let extended = Heartbeat::Extended(JobLease { expires_at: later(t, 60), ..lease.clone() });
        assert_eq!(answer, [extended.clone(), Heartbeat::Lost(lease.job_id), extended]);
    }

    /// The question to stop is repeated with every heartbeat until the job ends.
    async fn the_question_to_stop_is_repeated(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        t.store.cancel_job(lease.job_id, "first").await.unwrap();
        t.store.cancel_job(lease.job_id, "second").await.unwrap();
        for _ in 0..2 {
            pass(t, 10);
            let extended = JobLease { expires_at: later(t, 60), ..lease.clone() };
            let reason = "first".to_owned();
            let expected = Heartbeat::CancelRequested { lease: extended, reason };
            assert_eq!(beat(t, from_ref(&lease)).await, [expected]);
        }
    }

    /// A thousand leases are extended in one statement.
    async fn a_thousand_leases_are_extended_at_once(t: &Workflows) {
        enqueued_all(t, (0..1000).map(|_| job("k")).collect()).await;
        let leases: Vec<_> =
            claimed_up_to(t, "w", 1000).await.into_iter().map(|one| one.lease).collect();
        assert_eq!(leases.len(), 1000);
        pass(t, 30);
        beat(t, &leases[..1]).await;
        let before = t.statements();
        beat(t, &leases[..1]).await;
        let one = t.statements() - before;
        let answer = beat(t, &leases).await;
        assert_eq!(t.statements() - before - one, one, "as many statements as for one");
        assert_eq!(answer.len(), 1000);
        for (beat, lease) in answer.into_iter().zip(leases) {
            let expires_at = time("12:01:30");
            assert_eq!(beat, Heartbeat::Extended(JobLease { expires_at, ..lease }));
        }
    }

    /// More than 1000 leases, and times outside 1 second to 1 day, are `Invalid`.
    async fn a_heartbeat_that_breaks_a_rule_is_invalid(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let before = queue_rows(t).await;
        let many = vec![lease.clone(); 1001];
        assert_invalid(t.store.heartbeat_jobs(&many, MINUTE).await, "leases");
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        let tick = Duration::from_millis(1);
        for time in [Duration::ZERO, second - tick, day + tick, Duration::MAX] {
            assert_invalid(t.store.heartbeat_jobs(from_ref(&lease), time).await, "lease");
        }
        assert_eq!(queue_rows(t).await, before);
        t.store.heartbeat_jobs(from_ref(&lease), day).await.unwrap();
        let expires_at = t.clock.now().plus(day).unwrap();
        assert_eq!(fetched(t, lease.job_id).await.lease, Some(JobLease { expires_at, ..lease }));
    }

    /// A heartbeat for no leases answers nothing.
    async fn a_heartbeat_for_no_leases_answers_nothing(t: &Workflows) {
        assert!(beat(t, &[]).await.is_empty());
    }

    /// A lease that ran out is extended as long as nobody reaped it.
    async fn a_lease_that_ran_out_is_extended_until_it_is_reaped(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        pass(t, 3600);
        let expires_at = later(t, 60);
        let expected = Heartbeat::Extended(JobLease { expires_at, ..lease.clone() });
        assert_eq!(beat(t, from_ref(&lease)).await, [expected]);
        assert_eq!(t.store.reap_jobs(10).await.unwrap(), Reaped::default());
        pass(t, 3600);
        assert_eq!(t.store.reap_jobs(10).await.unwrap().requeued, 1);
        assert_eq!(beat(t, from_ref(&lease)).await, [Heartbeat::Lost(lease.job_id)]);
        assert_eq!(t.store.claim_jobs(&ClaimRequest::new("v")).await.unwrap().len(), 1);
    }
}
