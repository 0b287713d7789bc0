//! Attempts that fail: when the job is tried again, and when it is dead.

use serde_json::json;
use store_core::queue::{Job, JobState, NewJob, Retry};
use store_core::{Clock as _, Timestamp};

use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{at, claimed, claimed_ids, enqueued, fetched, job, leased, pass, time};

/// Fails every attempt of a job by policy, and returns the delays in seconds.
async fn delays(t: &Workflows, max_attempts: u32) -> Vec<f64> {
    let id = enqueued(t, NewJob { max_attempts, ..job("k") }).await.id;
    let mut delays = Vec::new();
    loop {
        let claimed = claimed(t, "w").await;
        assert_eq!(claimed.job.id, id);
        match t.store.fail_job(&claimed.lease, "boom", Retry::ByPolicy).await.unwrap() {
            JobState::Scheduled => {
                let run_at = fetched(t, id).await.run_at;
                delays.push(run_at.since(t.clock.now()).as_secs_f64());
                t.clock.set(run_at);
            }
            state => {
                assert_eq!(state, JobState::Dead);
                return delays;
            }
        }
    }
}

/// What a job says about its last failure.
fn verdict(job: &Job) -> (JobState, u32, Option<&str>) {
    (job.state, job.attempt, job.last_error.as_deref())
}

behaviours! {
    emits queue_retrying_tests from queue::retrying;

    /// An attempt that failed is tried again later, and says why it failed.
    async fn a_failed_attempt_is_tried_again_later(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        pass(t, 5);
        let state = t.store.fail_job(&claimed.lease, "späße 🎉", Retry::ByPolicy).await.unwrap();
        assert_eq!(state, JobState::Scheduled);
        let read = fetched(t, claimed.job.id).await;
        let expected = Job {
            state: JobState::Scheduled,
            last_error: Some("späße 🎉".into()),
            run_at: read.run_at,
            updated_at: time("12:00:05"),
            lease: None,
            ..claimed.job
        };
        assert_eq!(read, expected);
        assert!(claimed_ids(t).await.is_empty());
        t.clock.set(read.run_at);
        let again = crate::samples::claimed(t, "w").await;
        assert_eq!((again.job.attempt, again.job.last_error.as_deref()), (2, Some("späße 🎉")));
    }

    /// The first delay is a second, each one after it twice as long, up to an hour.
    async fn delays_double_up_to_an_hour_within_a_tenth(t: &Workflows) {
        let delays = delays(t, 16).await;
        assert_eq!(delays.len(), 15);
        for (index, delay) in delays.iter().enumerate() {
            let exact = 2_f64.powi(i32::try_from(index).unwrap()).min(3600.0);
            assert!((delay - exact).abs() <= exact * 0.1 + 2e-6, "{index}: {delay} of {exact}");
        }
    }

    /// Jobs that fail together do not come back together, and come early as well as late.
    async fn delays_are_spread_both_ways(t: &Workflows) {
        let mut delays = Vec::new();
        for _ in 0..60 {
            let lease = leased(t, job("k")).await.lease;
            t.store.fail_job(&lease, "boom", Retry::ByPolicy).await.unwrap();
            let delay = fetched(t, lease.job_id).await.run_at.since(noon()).as_secs_f64();
            delays.push(delay);
        }
        // Of 60 even draws, all on one side is out of the question.
        assert!(delays.iter().any(|delay| *delay < 1.0), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay > 1.0), "{delays:?}");
    }

    /// At an instant: scheduled when it is ahead, available when it has passed.
    async fn a_job_can_be_tried_again_at_an_instant(t: &Workflows) {
        let cases = [
            (time("12:00:01"), JobState::Scheduled),
            (at("9999-12-31T23:59:59Z"), JobState::Scheduled),
            (noon(), JobState::Available),
            (Timestamp::EPOCH, JobState::Available),
        ];
        for (instant, expected) in cases {
            let lease = leased(t, job("k")).await.lease;
            let state = t.store.fail_job(&lease, "boom", Retry::At(instant)).await.unwrap();
            let read = fetched(t, lease.job_id).await;
            assert_eq!((state, read.state), (expected, expected));
            if expected == JobState::Scheduled {
                assert_eq!(read.run_at, instant);
            } else {
                assert_eq!(claimed_ids(t).await, [read.id]);
            }
        }
    }

    /// A job that is not to be tried again is dead.
    async fn a_job_that_is_never_tried_again_is_dead(t: &Workflows) {
        let claimed = leased(t, job("k")).await;
        t.store.report_progress(&claimed.lease, json!(9)).await.unwrap();
        pass(t, 5);
        let state = t.store.fail_job(&claimed.lease, "fatal", Retry::Never).await.unwrap();
        assert_eq!(state, JobState::Dead);
        let now = Some(t.clock.now());
        let expected = Job {
            state: JobState::Dead,
            last_error: Some("fatal".into()),
            progress: Some(json!(9)),
            lease: None,
            updated_at: time("12:00:05"),
            finished_at: now,
            ..claimed.job
        };
        assert_eq!(fetched(t, expected.id).await, expected);
        assert!(claimed_ids(t).await.is_empty());
    }

    /// A job whose attempts are used up is dead, whatever its worker asks for.
    async fn a_job_whose_attempts_are_used_up_is_dead(t: &Workflows) {
        for retry in [Retry::ByPolicy, Retry::At(time("12:00:00")), Retry::Never] {
            let new = NewJob { max_attempts: 2, ..job("k") };
            let first = leased(t, new).await.lease;
            let now = Retry::At(noon());
            let state = t.store.fail_job(&first, "first", now).await.unwrap();
            assert_eq!(state, JobState::Available);
            let second = claimed(t, "w").await.lease;
            let state = t.store.fail_job(&second, "second", retry).await.unwrap();
            assert_eq!(state, JobState::Dead);
            let read = fetched(t, first.job_id).await;
            assert_eq!(verdict(&read), (JobState::Dead, 2, Some("second")));
        }
    }

    /// A job with one attempt is dead at its first failure.
    async fn a_job_with_one_attempt_is_not_tried_again(t: &Workflows) {
        assert!(delays(t, 1).await.is_empty());
    }

    /// A job that was asked to stop is cancelled when it fails, and tells both.
    async fn a_job_that_was_asked_to_stop_is_cancelled_when_it_fails(t: &Workflows) {
        for retry in [Retry::ByPolicy, Retry::At(noon()), Retry::Never] {
            let lease = leased(t, job("k")).await.lease;
            t.store.cancel_job(lease.job_id, "why").await.unwrap();
            let state = t.store.fail_job(&lease, "stopped", retry).await.unwrap();
            assert_eq!(state, JobState::Cancelled);
            let read = fetched(t, lease.job_id).await;
            assert_eq!(verdict(&read), (JobState::Cancelled, 1, Some("stopped")));
            assert_eq!(read.cancel_reason.as_deref(), Some("why"));
        }
    }

    /// An error may be empty, long and in any language.
    async fn an_error_round_trips(t: &Workflows) {
        for text in ["", "späße 🎉\n\tat line 1", &"x".repeat(1024 * 1024)] {
            for retry in [Retry::Never, Retry::At(time("13:00:00"))] {
                let lease = leased(t, job("k")).await.lease;
                t.store.fail_job(&lease, text, retry).await.unwrap();
                let read = fetched(t, lease.job_id).await;
                assert_eq!(read.last_error.as_deref(), Some(text));
            }
        }
    }

    /// A job that succeeds after failures keeps what the last one said.
    async fn a_job_that_succeeds_keeps_its_last_error(t: &Workflows) {
        let first = leased(t, job("k")).await.lease;
        t.store.fail_job(&first, "boom", Retry::At(noon())).await.unwrap();
        let second = claimed(t, "w").await.lease;
        t.store.complete_job(&second, None).await.unwrap();
        let read = fetched(t, first.job_id).await;
        assert_eq!(verdict(&read), (JobState::Succeeded, 2, Some("boom")));
    }
}
