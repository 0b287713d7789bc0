//! What a worker makes of what its handlers return.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use store_core::queue::{AssignmentOutcome, JobState, NewJob};
use store_workflow::worker::{JobContext, JobError};

use super::running::{enqueued, outcomes, read, until_idle, worker};
use crate::behaviours;
use crate::fixture::{Workflows, noon};

behaviours! {
    emits queue_handling_tests from queue::handling;

    /// A handler reads the payload of its job, and what it returns is the result.
    async fn a_worker_stores_what_its_handler_returns(t: &Workflows) {
        let job = enqueued(t, json!({"number": 20})).await;
        let nothing = t.store.enqueue(NewJob::new("nothing", json!(null))).await.unwrap().job;
        let handler = async |job: JobContext| {
            let payload: Map<String, Value> = job.payload_as()?;
            let number = payload["number"].as_u64().ok_or(JobError::new("no number"))?;
            Ok(json!(number + 1))
        };
        until_idle(worker(t).handler("k", handler).handler("nothing", async |_| Ok(()))).await;
        let job = read(t, &job).await;
        assert_eq!((job.state, job.result), (JobState::Succeeded, Some(json!(21))));
        let nothing = read(t, &nothing).await;
        assert_eq!((nothing.state, nothing.result), (JobState::Succeeded, None));
        let history = t.store.job_history(job.id).await.unwrap();
        assert_eq!((history.len(), history[0].worker.as_str()), (1, "w"));
    }

    /// A handler that fails is called again after a delay, and its error is kept until then.
    async fn a_handler_that_fails_is_called_again(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let handler = async |job: JobContext| {
            let word = if job.job().attempt == 1 { "seven" } else { "7" };
            Ok(json!(word.parse::<u32>()?))
        };
        let worker = worker(t).handler("k", handler).build().unwrap();
        worker.run_until_idle().await.unwrap();
        let failed = read(t, &job).await;
        assert_eq!((failed.state, failed.attempt), (JobState::Scheduled, 1));
        assert_eq!(failed.last_error.as_deref(), Some("invalid digit found in string"));
        t.clock.advance(Duration::from_secs(2)).unwrap();
        worker.run_until_idle().await.unwrap();
        let job = read(t, &job).await;
        assert_eq!((job.state, job.attempt, job.result), (JobState::Succeeded, 2, Some(json!(7))));
    }

    /// A handler decides what becomes of a job that it did not do.
    async fn a_handler_decides_when_its_job_goes_on(t: &Workflows) {
        let later = noon().plus(Duration::from_secs(3600)).unwrap();
        let (dead, again) = (enqueued(t, json!("dead")).await, enqueued(t, json!("again")).await);
        let (off, waits) = (enqueued(t, json!("off")).await, enqueued(t, json!("waits")).await);
        let unreadable = enqueued(t, json!("unreadable")).await;
        let handler = move |job: JobContext| async move {
            Err::<(), _>(match job.job().payload.as_str() {
                Some("dead") => JobError::permanent("hopeless"),
                Some("again") => JobError::retry_at("busy", later),
                Some("off") => JobError::snooze(later),
                Some("waits") => JobError::wait_for_event("paid"),
                _ => job.payload_as::<u64>().unwrap_err(),
            })
        };
        until_idle(worker(t).handler("k", handler)).await;
        let dead = read(t, &dead).await;
        assert_eq!((dead.state, dead.last_error.as_deref()), (JobState::Dead, Some("hopeless")));
        let again = read(t, &again).await;
        assert_eq!((again.state, again.attempt, again.run_at), (JobState::Scheduled, 1, later));
        let off = read(t, &off).await;
        assert_eq!((off.state, off.attempt, off.run_at), (JobState::Scheduled, 0, later));
        let waits = read(t, &waits).await;
        assert_eq!((waits.state, waits.event_token.as_deref()), (JobState::Blocked, Some("paid")));
        assert_eq!(read(t, &unreadable).await.state, JobState::Dead);
    }

    /// A job that waited for an event is handled again with what the event brought.
    async fn a_job_that_waited_is_handled_with_its_event(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let handler = async |job: JobContext| match job.job().event.clone() {
            Some(event) => Ok(event),
            None => Err(JobError::wait_for_event("paid")),
        };
        let worker = worker(t).handler("k", handler).build().unwrap();
        worker.run_until_idle().await.unwrap();
        t.store.deliver_event("paid", json!({"cents": 700})).await.unwrap();
        worker.run_until_idle().await.unwrap();
        let job = read(t, &job).await;
        assert_eq!((job.state, job.attempt), (JobState::Succeeded, 1));
        assert_eq!(job.result, Some(json!({"cents": 700})));
        let expected = [Some(AssignmentOutcome::Waited), Some(AssignmentOutcome::Succeeded)];
        assert_eq!(outcomes(t, &job).await, expected);
    }

    /// A second job that waits for the same event is dead: it would never get it.
    async fn a_job_that_waits_for_a_taken_event_is_dead(t: &Workflows) {
        let handler = async |_| Err::<(), _>(JobError::wait_for_event("paid"));
        let first = enqueued(t, json!(1)).await;
        until_idle(worker(t).handler("k", handler)).await;
        let second = enqueued(t, json!(2)).await;
        until_idle(worker(t).handler("k", handler)).await;
        assert_eq!(read(t, &first).await.state, JobState::Blocked);
        let second = read(t, &second).await;
        assert_eq!(second.state, JobState::Dead);
        assert!(second.last_error.unwrap().contains("paid"));
    }

    /// A handler that panics fails its job, and no other.
    async fn a_panic_fails_one_job(t: &Workflows) {
        let (bad, good) = (enqueued(t, json!(0)).await, enqueued(t, json!(1)).await);
        let handler = async |job: JobContext| {
            let divisor: u64 = job.payload_as()?;
            assert_ne!(divisor, 0, "no division by {divisor}");
            Ok(())
        };
        until_idle(worker(t).handler("k", handler)).await;
        let bad = read(t, &bad).await;
        assert_eq!((bad.state, bad.attempt), (JobState::Scheduled, 1));
        let error = bad.last_error.unwrap();
        assert!(error.starts_with("panicked: ") && error.contains("no division by 0"), "{error}");
        assert_eq!(read(t, &good).await.state, JobState::Succeeded);
    }

    /// A kind without a handler fails and can be tried by another worker; a fallback takes it.
    async fn a_kind_without_a_handler_is_left_to_the_fallback(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        until_idle(worker(t).handler("other", async |_| Ok(()))).await;
        let failed = read(t, &job).await;
        assert_eq!((failed.state, failed.attempt), (JobState::Scheduled, 1));
        assert_eq!(failed.last_error.as_deref(), Some("no handler for kind `k`"));
        t.clock.advance(Duration::from_secs(2)).unwrap();
        until_idle(worker(t).fallback(async |job: JobContext| Ok(json!(job.job().kind)))).await;
        assert_eq!(read(t, &job).await.result, Some(json!("k")));
    }

    /// What cannot be stored fails its job alone, also among jobs that are done at the same time.
    async fn a_result_that_is_refused_fails_one_job(t: &Workflows) {
        let mut jobs = Vec::new();
        for number in 0..10 {
            jobs.push(enqueued(t, json!(number)).await);
        }
        let barrier = Arc::new(tokio::sync::Barrier::new(10));
        let handler = move |job: JobContext| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                Ok(json!(if job.job().payload == json!(4) { "a\0b" } else { "fine" }))
            }
        };
        until_idle(worker(t).handler("k", handler)).await;
        for job in &jobs {
            let job = read(t, job).await;
            if job.payload == json!(4) {
                assert_eq!(job.state, JobState::Scheduled);
                assert!(job.last_error.unwrap().starts_with("the result was refused: "));
            } else {
                assert_eq!((job.state, job.result), (JobState::Succeeded, Some(json!("fine"))));
            }
        }
    }

    /// Any text of a failure can be stored.
    async fn a_failure_with_nul_or_without_end_is_stored(t: &Workflows) {
        let (nul, long) = (enqueued(t, json!("a\u{1}b")).await, enqueued(t, json!("x")).await);
        let handler = async |job: JobContext| {
            let text: String = job.payload_as()?;
            Err::<(), _>(JobError::permanent(text.replace('\u{1}', "\0").repeat(1 << 21)))
        };
        until_idle(worker(t).handler("k", handler)).await;
        for job in [nul, long] {
            let job = read(t, &job).await;
            assert_eq!(job.state, JobState::Dead);
            let length = job.last_error.unwrap().len();
            assert!((1 << 20) - 4 < length && length <= 1 << 20, "{length}");
        }
    }
}
