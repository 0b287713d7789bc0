//! What a worker does with a lease besides ending the job: progress, putting off, giving back.

use serde_json::json;
use store_core::queue::{AssignmentOutcome, Job, JobState, NewJob, Retry};

use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at, claimed, claimed_ids, enqueued, everything, fetched, history_of, job, leased, pass, time,
};

behaviours! {
    emits queue_leases_tests from queue::leases;

    /// The last progress stands, whatever JSON it is, and nothing else changes.
    async fn the_last_progress_stands(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        for progress in [json!(1), everything(), json!([]), json!("half"), json!(null)] {
            pass(t, 1);
            t.store.report_progress(&claimed.lease, progress.clone()).await.unwrap();
            let read = fetched(t, claimed.job.id).await;
            let expected = Job {
                progress: Some(progress),
                updated_at: store_core::Clock::now(&t.clock),
                ..claimed.job.clone()
            };
            assert_eq!(read, expected);
        }
    }

    /// Progress stays when the job is tried again, and when it is finished.
    async fn progress_outlives_the_lease(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        t.store.report_progress(&lease, json!({"row": 7})).await.unwrap();
        t.store.release_job(&lease).await.unwrap();
        let again = claimed(t, "w").await;
        assert_eq!(again.job.progress, Some(json!({"row": 7})));
        t.store.complete_job(&again.lease, None).await.unwrap();
        assert_eq!(fetched(t, lease.job_id).await.progress, Some(json!({"row": 7})));
    }

    /// A job that is put off is scheduled, and the attempt is not counted.
    async fn a_job_that_is_put_off_is_scheduled(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        let (id, until) = (claimed.job.id, time("12:30:00"));
        let state = t.store.snooze_job(&claimed.lease, until).await.unwrap();
        assert_eq!(state, JobState::Scheduled);
        let read = fetched(t, id).await;
        let expected = Job {
            state: JobState::Scheduled, run_at: until, attempt: 0, lease: None, ..claimed.job
        };
        assert_eq!(read, expected);
        assert!(claimed_ids(t).await.is_empty());
        t.clock.set(until);
        let again = crate::samples::claimed(t, "w").await;
        assert_eq!((again.job.id, again.job.attempt), (id, 1));
        assert!(again.lease.epoch > claimed.lease.epoch);
    }

    /// A job can be put off however often: its attempts are never used up by that.
    async fn putting_off_never_uses_up_attempts(t: &Workflows) {
        let id = enqueued(t, NewJob { max_attempts: 1, ..job("k") }).await.id;
        for _ in 0..5 {
            let claimed = claimed(t, "w").await;
            assert_eq!(claimed.job.attempt, 1);
            let until = crate::samples::later(t, 10);
            t.store.snooze_job(&claimed.lease, until).await.unwrap();
            pass(t, 10);
        }
        let lease = claimed(t, "w").await.lease;
        assert_eq!(t.store.complete_job(&lease, None).await.unwrap(), JobState::Succeeded);
        assert_eq!(history_of(t, id).await.len(), 6);
    }

    /// A job can be put off beyond any time at which a worker looks.
    async fn a_job_can_be_put_off_for_millennia(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        let until = at("9999-12-31T23:59:59Z");
        assert_eq!(t.store.snooze_job(&lease, until).await.unwrap(), JobState::Scheduled);
        assert_eq!(fetched(t, lease.job_id).await.run_at, until);
    }

    /// A job that is given back is available at once, and the attempt is not counted.
    async fn a_job_that_is_given_back_is_available(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        pass(t, 5);
        let state = t.store.release_job(&claimed.lease).await.unwrap();
        assert_eq!(state, JobState::Available);
        let read = fetched(t, claimed.job.id).await;
        let expected = Job {
            state: JobState::Available,
            attempt: 0,
            lease: None,
            run_at: read.run_at,
            updated_at: time("12:00:05"),
            ..claimed.job
        };
        assert_eq!(read, expected);
        assert!(read.run_at <= time("12:00:05"));
        assert_eq!(claimed_ids(t).await, [read.id]);
    }

    /// A job that is given back keeps its place in the order.
    async fn a_job_that_is_given_back_keeps_its_place(t: &Workflows) {
        let first = leased(t, job("first")).await;
        pass(t, 5);
        let second = enqueued(t, job("second")).await.id;
        t.store.release_job(&first.lease).await.unwrap();
        assert_eq!(claimed_ids(t).await, [first.job.id, second]);
    }

    /// Giving back counts neither the attempt nor those before it anew.
    async fn only_the_attempt_that_is_given_back_is_not_counted(t: &Workflows) {
        let first = leased(t, job("k")).await.lease;
        t.store.fail_job(&first, "boom", Retry::At(time("12:00:00"))).await.unwrap();
        let second = claimed(t, "w").await;
        assert_eq!(second.job.attempt, 2);
        t.store.release_job(&second.lease).await.unwrap();
        let read = fetched(t, first.job_id).await;
        assert_eq!((read.attempt, read.last_error.as_deref()), (1, Some("boom")));
    }

    /// A lease that has run out can still be used in every way until it is reaped.
    async fn a_lease_that_ran_out_can_be_used_until_it_is_reaped(t: &Workflows) {
        let (store, later) = (&t.store, time("23:00:00"));
        let mut leases = Vec::new();
        for number in 0..6 {
            leases.push(leased(t, job(&number.to_string())).await.lease);
        }
        t.clock.set(time("15:00:00"));
        store.report_progress(&leases[0], json!(1)).await.unwrap();
        assert_eq!(store.complete_job(&leases[0], None).await.unwrap(), JobState::Succeeded);
        let failed = store.fail_job(&leases[1], "boom", Retry::Never).await.unwrap();
        assert_eq!(failed, JobState::Dead);
        assert_eq!(store.snooze_job(&leases[2], later).await.unwrap(), JobState::Scheduled);
        assert_eq!(store.wait_for_event(&leases[3], "e").await.unwrap(), JobState::Blocked);
        let minute = std::time::Duration::from_secs(60);
        let answer = store.heartbeat_jobs(&leases[4..5], minute).await.unwrap();
        assert!(matches!(answer[0], store_core::queue::Heartbeat::Extended(_)), "{answer:?}");
        assert_eq!(store.release_job(&leases[5]).await.unwrap(), JobState::Available);
        assert_eq!(store.reap_jobs(10).await.unwrap(), store_core::queue::Reaped::default());
    }

    /// The expiry of a lease does not matter to its holder, only owner and epoch do.
    async fn the_expiry_in_a_lease_is_not_compared(t: &Workflows) {
        let mut lease = leased(t, job("k")).await.lease;
        lease.expires_at = at("1970-01-01T00:00:00Z");
        t.store.report_progress(&lease, json!(1)).await.unwrap();
        assert_eq!(t.store.complete_job(&lease, None).await.unwrap(), JobState::Succeeded);
    }

    /// What a worker does is in the history of the job.
    async fn putting_off_and_giving_back_are_in_the_history(t: &Workflows) {
        let id = enqueued(t, job("k")).await.id;
        let lease = claimed(t, "a").await.lease;
        t.store.snooze_job(&lease, time("12:00:00")).await.unwrap();
        let lease = claimed(t, "b").await.lease;
        t.store.release_job(&lease).await.unwrap();
        let history = history_of(t, id).await;
        let outcomes: Vec<_> = history.iter().map(|one| one.outcome.unwrap()).collect();
        assert_eq!(outcomes, [AssignmentOutcome::Snoozed, AssignmentOutcome::Released]);
        assert!(history.iter().all(|one| one.error.is_none()));
    }

    /// A job that is put off to an instant that has passed can be claimed at once.
    async fn a_job_put_off_to_the_past_can_be_claimed_at_once(t: &Workflows) {
        let lease = leased(t, job("k")).await.lease;
        t.store.snooze_job(&lease, time("11:00:00")).await.unwrap();
        assert_eq!(claimed_ids(t).await, [lease.job_id]);
    }
}
