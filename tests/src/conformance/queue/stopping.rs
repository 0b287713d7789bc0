//! How a worker stops a handler: because of its job, its lease, or the worker itself.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use store_core::Clock as _;
use store_core::queue::{AssignmentOutcome, Job, JobState, NewJob};
use store_workflow::worker::{JobContext, JobError, StopReason, WorkerBuilder};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinHandle;

use super::running::{enqueued, outcomes, read, worker};
use crate::behaviours;
use crate::fixture::Workflows;

const SHORT: Duration = Duration::from_millis(20);

/// Counts the handlers that were dropped or ended.
#[derive(Clone, Default)]
struct Ends(Arc<AtomicUsize>);

impl Ends {
    fn counted(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

struct Guard(Ends);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A worker whose handler tells that it begins, and never ends.
fn endless(t: &Workflows) -> (WorkerBuilder, UnboundedReceiver<JobContext>, Ends) {
    let (told, begun) = mpsc::unbounded_channel();
    let ends = Ends::default();
    let kept = ends.clone();
    let handler = move |job: JobContext| {
        let (told, guard) = (told.clone(), Guard(kept.clone()));
        async move {
            let _guard = guard;
            told.send(job)?;
            pending::<Result<(), JobError>>().await
        }
    };
    (worker(t).handler("k", handler), begun, ends)
}

fn until_idle(worker: WorkerBuilder) -> JoinHandle<()> {
    let worker = worker.build().unwrap();
    tokio::spawn(async move { worker.run_until_idle().await.unwrap() })
}

/// Takes the lease on a job back, however often its worker extends it meanwhile.
async fn take_back(t: &Workflows) {
    loop {
        t.clock.advance(Duration::from_secs(2)).unwrap();
        if t.store.reap_jobs(1).await.unwrap().requeued == 1 {
            return;
        }
    }
}

async fn ended(t: &Workflows, job: &Job) -> (JobState, Option<String>, Option<Value>) {
    let job = read(t, job).await;
    (job.state, job.last_error, job.result)
}

behaviours! {
    emits queue_stopping_tests from queue::stopping;

    /// A handler that takes longer than its job allows is dropped, and the attempt failed.
    async fn a_job_that_takes_too_long_fails(t: &Workflows) {
        let new = NewJob { timeout: Some(SHORT), ..NewJob::new("k", json!(null)) };
        let job = t.store.enqueue(new).await.unwrap().job;
        let (worker, mut begun, ends) = endless(t);
        until_idle(worker).await.unwrap();
        assert_eq!(ends.counted(), 1);
        assert!(begun.recv().await.unwrap().deadline().is_some());
        let (state, error, _) = ended(t, &job).await;
        assert_eq!((state, error.as_deref()), (JobState::Scheduled, Some("timed out after 20ms")));
    }

    /// A handler learns that its job was cancelled, and ends as it likes.
    async fn a_handler_learns_that_its_job_was_cancelled(t: &Workflows) {
        let (told, mut begun) = mpsc::unbounded_channel();
        let handler = move |job: JobContext| {
            let told = told.clone();
            async move {
                assert!(!job.is_cancelled());
                told.send(job.job().id)?;
                let reason = job.cancelled().await;
                assert!(job.is_cancelled());
                assert_eq!(reason, StopReason::Cancelled("too dear".into()));
                match job.job().payload.as_bool() {
                    Some(true) => Ok(json!("done all the same")),
                    _ => Err(JobError::new(reason)),
                }
            }
        };
        let (stops, goes_on) = (enqueued(t, json!(false)).await, enqueued(t, json!(true)).await);
        let running = until_idle(worker(t).handler("k", handler));
        for _ in 0..2 {
            let id = begun.recv().await.unwrap();
            assert_eq!(t.store.cancel_job(id, "too dear").await.unwrap(), JobState::Leased);
        }
        running.await.unwrap();
        let (state, error, _) = ended(t, &stops).await;
        let error = error.as_deref();
        assert_eq!((state, error), (JobState::Cancelled, Some("cancelled: too dear")));
        let (state, _, result) = ended(t, &goes_on).await;
        assert_eq!((state, result), (JobState::Succeeded, Some(json!("done all the same"))));
    }

    /// A handler that does not end when its job is cancelled is dropped after the grace period.
    async fn a_handler_that_ignores_the_cancellation_is_dropped(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let (worker, mut begun, ends) = endless(t);
        let running = until_idle(worker.cancel_grace(SHORT));
        let id = begun.recv().await.unwrap().job().id;
        t.store.cancel_job(id, "too dear").await.unwrap();
        running.await.unwrap();
        assert_eq!(ends.counted(), 1);
        let job = read(t, &job).await;
        assert_eq!((job.state, job.cancel_reason.as_deref()), (JobState::Cancelled, Some("too dear")));
        assert_eq!(outcomes(t, &job).await, [Some(AssignmentOutcome::Cancelled)]);
    }

    /// A handler whose lease was lost is dropped, and nothing is written of it.
    async fn a_handler_whose_lease_was_lost_is_dropped(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let (told, mut begun) = mpsc::unbounded_channel();
        let ends = Ends::default();
        let kept = ends.clone();
        let handler = move |job: JobContext| {
            let (told, guard) = (told.clone(), Guard(kept.clone()));
            async move {
                let _guard = guard;
                if job.job().attempt == 1 {
                    told.send(job)?;
                    pending::<()>().await;
                }
                Ok(json!("by the second"))
            }
        };
        let running = until_idle(worker(t).concurrency(1).without_reaping().handler("k", handler));
        let first = begun.recv().await.unwrap();
        take_back(t).await;
        assert_eq!(first.cancelled().await, StopReason::LeaseLost);
        running.await.unwrap();
        assert_eq!(ends.counted(), 2);
        let (state, error, result) = ended(t, &job).await;
        assert_eq!((state, result), (JobState::Succeeded, Some(json!("by the second"))));
        assert_eq!(error.as_deref(), Some("lease expired"));
        let expected = [Some(AssignmentOutcome::Expired), Some(AssignmentOutcome::Succeeded)];
        assert_eq!(outcomes(t, &job).await, expected);
        assert!(first.progress(json!(1)).await.is_err(), "the attempt is over");
    }

    /// A handler that goes on keeps its lease.
    async fn a_lease_lasts_as_long_as_its_handler(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let (worker, mut begun, ends) = endless(t);
        let worker = worker.shutdown_grace(Duration::ZERO).build().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let running = tokio::spawn(async move { worker.run(async { drop(stopped.await) }).await });
        let first = begun.recv().await.unwrap();
        for _ in 0..3 {
            let before = t.clock.now();
            t.clock.advance(Duration::from_millis(900)).unwrap();
            while read(t, &job).await.lease.unwrap().expires_at <= before.plus(SHORT * 60).unwrap() {
                tokio::task::yield_now().await;
            }
            assert_eq!(t.store.reap_jobs(1).await.unwrap().requeued, 0);
        }
        assert_eq!((ends.counted(), first.is_cancelled()), (0, false));
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
        let epoch = t.store.job_history(job.id).await.unwrap().len();
        assert_eq!(epoch, 1);
    }

    /// A worker that is told to stop waits for its handlers, and claims nothing more.
    async fn a_worker_that_stops_waits_for_its_handlers(t: &Workflows) {
        let (first, second) = (enqueued(t, json!(1)).await, enqueued(t, json!(2)).await);
        let (told, mut begun) = mpsc::unbounded_channel();
        let handler = move |job: JobContext| {
            let told = told.clone();
            async move {
                told.send(())?;
                for _ in 0..20 {
                    job.store().fetch_job(job.job().id).await?;
                }
                Ok(())
            }
        };
        let worker = worker(t).concurrency(1).handler("k", handler).build().unwrap();
        worker.run(async { begun.recv().await.unwrap() }).await.unwrap();
        assert_eq!(read(t, &first).await.state, JobState::Succeeded);
        assert_eq!(read(t, &second).await.state, JobState::Available);
    }

    /// A handler that is not done after the grace period is dropped, and its job is given back.
    async fn a_worker_that_stops_gives_back_what_is_not_done(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let (worker, mut begun, ends) = endless(t);
        let worker = worker.shutdown_grace(SHORT).build().unwrap();
        let context = std::sync::Mutex::new(None);
        let shutdown = async { *context.lock().unwrap() = begun.recv().await };
        worker.run(shutdown).await.unwrap();
        assert_eq!(ends.counted(), 1);
        let job = read(t, &job).await;
        assert_eq!((job.state, job.attempt, job.lease.is_none()), (JobState::Available, 0, true));
        assert_eq!(outcomes(t, &job).await, [Some(AssignmentOutcome::Released)]);
        assert!(context.into_inner().unwrap().unwrap().is_cancelled());
    }

    /// Dropping a worker drops its handlers; their jobs stay leased until the leases run out.
    async fn dropping_a_worker_drops_its_handlers(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let (worker, mut begun, ends) = endless(t);
        let running = until_idle(worker);
        let context = begun.recv().await.unwrap();
        running.abort();
        running.await.unwrap_err();
        assert_eq!(context.cancelled().await, StopReason::LeaseLost);
        while ends.counted() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(read(t, &job).await.state, JobState::Leased);
    }
}
