//! Which jobs a worker carries out, how many at a time, and until when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use store_core::PageRequest;
use store_core::queue::{
    AssignmentOutcome, ClaimRequest, Dependency, DependencyCondition, Job, JobState, NewJob,
};
use store_core::workflow::{RetryPolicy, RunStatus};
use store_workflow::worker::{JobContext, JobError, Worker, WorkerBuilder};
use tokio::sync::mpsc;

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{ada, pending, runnable};

/// A worker with the shortest lease.
pub(super) fn worker(t: &Workflows) -> WorkerBuilder {
    Worker::builder(Arc::clone(&t.store)).id("w").lease(Duration::from_secs(1))
}

/// Enqueues a job of the kind `k` with a payload.
pub(super) async fn enqueued(t: &Workflows, payload: Value) -> Job {
    t.store.enqueue(NewJob::new("k", payload)).await.unwrap().job
}

/// Reads a job again.
pub(super) async fn read(t: &Workflows, job: &Job) -> Job {
    t.store.fetch_job(job.id).await.unwrap()
}

/// How the attempts at a job ended.
pub(super) async fn outcomes(t: &Workflows, job: &Job) -> Vec<Option<AssignmentOutcome>> {
    let history = t.store.job_history(job.id).await.unwrap();
    history.into_iter().map(|assignment| assignment.outcome).collect()
}

/// Lets a worker carry out all that there is.
pub(super) async fn until_idle(worker: WorkerBuilder) {
    worker.build().unwrap().run_until_idle().await.unwrap();
}

behaviours! {
    emits queue_running_tests from queue::running;

    /// No more jobs are carried out at the same time than allowed, and all of them in the end.
    async fn a_worker_keeps_to_its_concurrency(t: &Workflows) {
        let jobs = (0..50).map(|number| NewJob::new("k", json!(number))).collect();
        let jobs = t.store.enqueue_many(jobs).await.unwrap();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let peak = Arc::clone(&most);
        let handler = move |_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        };
        until_idle(worker(t).concurrency(4).handler("k", handler)).await;
        let peak = peak.load(Ordering::SeqCst);
        assert!((1..=4).contains(&peak), "{peak}");
        for enqueued in jobs {
            assert_eq!(read(t, &enqueued.job).await.state, JobState::Succeeded);
        }
    }

    /// A worker goes on with jobs that waited for those it did.
    async fn a_worker_follows_dependencies(t: &Workflows) {
        let mut jobs = vec![NewJob::new("k", json!(0))];
        for number in 1..5 {
            let job_id = jobs[number - 1].id;
            let depends_on = vec![Dependency { job_id, on: DependencyCondition::Success }];
            jobs.push(NewJob { depends_on, ..NewJob::new("k", json!(number)) });
        }
        let jobs = t.store.enqueue_many(jobs).await.unwrap();
        let (told, mut order) = mpsc::unbounded_channel();
        let handler = move |job: JobContext| {
            let told = told.clone();
            async move { Ok(told.send(job.payload_as::<u64>()?)?) }
        };
        until_idle(worker(t).handler("k", handler)).await;
        let last = read(t, &jobs[4].job).await;
        assert_eq!(last.state, JobState::Succeeded);
        for number in 0..5 {
            assert_eq!(order.recv().await, Some(number));
        }
    }

    /// What a handler reports is stored while it goes on, and can be read by anybody.
    async fn progress_is_stored_while_a_handler_goes_on(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let handler = async |job: JobContext| {
            job.progress(json!({"percent": 50})).await?;
            let read = job.store().fetch_job(job.job().id).await?;
            assert_eq!(read.state, JobState::Leased);
            Ok(read.progress)
        };
        until_idle(worker(t).handler("k", handler)).await;
        assert_eq!(read(t, &job).await.result, Some(json!({"percent": 50})));
    }

    /// Jobs of other queues, and those that need what the worker cannot do, are left alone.
    async fn a_worker_takes_what_it_is_made_for(t: &Workflows) {
        let gpu = |queue: &str| NewJob {
            queue: queue.into(),
            capabilities: vec!["gpu".into()],
            ..NewJob::new("k", json!(null))
        };
        let (mine, other) = (gpu("training"), gpu("default"));
        let (mine, other) =
            (t.store.enqueue(mine).await.unwrap().job, t.store.enqueue(other).await.unwrap().job);
        let plain = |queue: &str| worker(t).queues([queue]).handler("k", async |_| Ok(()));
        until_idle(plain("training")).await;
        assert_eq!(read(t, &mine).await.state, JobState::Available);
        until_idle(plain("training").capabilities(["gpu", "tpu"])).await;
        assert_eq!(read(t, &mine).await.state, JobState::Succeeded);
        assert_eq!(read(t, &other).await.state, JobState::Available);
    }

    /// A run is started, carried out, and ended with what its handler returns.
    async fn a_worker_carries_out_runs(t: &Workflows) {
        let workflow = runnable(t).await;
        let policy = RetryPolicy::default();
        t.store.configure_retry(&ada(), workflow.id, policy).await.unwrap();
        let (good, bad) = (pending(t, workflow.id).await, pending(t, workflow.id).await);
        let failing = bad.id;
        let handler = move |job: JobContext| async move {
            let id = job.job().run_id.ok_or(JobError::permanent("no run"))?;
            assert_eq!(job.store().fetch_run(id).await?.status, RunStatus::Running);
            if id == failing {
                return Err(JobError::permanent("the ledger does not answer"));
            }
            Ok(json!({"answered": 3}))
        };
        until_idle(worker(t).handler("run", handler)).await;
        let good = t.store.fetch_run(good.id).await.unwrap();
        assert_eq!((good.status, good.output), (RunStatus::Succeeded, Some(json!({"answered": 3}))));
        let bad = t.store.fetch_run(bad.id).await.unwrap();
        assert_eq!(bad.status, RunStatus::Failed);
        assert_eq!(bad.error.as_deref(), Some("the ledger does not answer"));
        let retries = "SELECT COUNT(*) FROM workflow_runs WHERE attempt = 2";
        assert_eq!(t.count(retries).await, 1, "it is retried by the policy of its workflow");
    }

    /// Workers on several handles share a queue: each job is carried out once.
    async fn workers_share_a_queue(t: &Workflows) {
        let jobs = (0..200).map(|number| NewJob::new("k", json!(number))).collect();
        let jobs = t.store.enqueue_many(jobs).await.unwrap();
        let mut tasks = Vec::new();
        for number in 0..4 {
            let store = if number % 2 == 0 { t.store.clone() } else { t.reopened().await };
            let worker = Worker::builder(store).id(format!("w{number}")).concurrency(10);
            let worker = worker.handler("k", async |_| Ok(())).build().unwrap();
            tasks.push(tokio::spawn(async move { worker.run_until_idle().await }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        for enqueued in jobs {
            let once = [Some(AssignmentOutcome::Succeeded)];
            assert_eq!(outcomes(t, &enqueued.job).await, once);
        }
    }

    /// A worker that has nothing to do begins when something is enqueued.
    async fn a_worker_waits_for_work(t: &Workflows) {
        let (told, mut done) = mpsc::unbounded_channel();
        let handler = move |job: JobContext| {
            let told = told.clone();
            async move { Ok(told.send(job.job().id)?) }
        };
        let worker = worker(t).handler("k", handler).build().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let running = tokio::spawn(async move { worker.run(async { drop(stopped.await) }).await });
        for number in 0..3 {
            let job = enqueued(t, json!(number)).await;
            assert_eq!(done.recv().await, Some(job.id));
        }
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
    }

    /// A worker is registered while it runs.
    async fn a_worker_is_registered_while_it_runs(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let handler = async |job: JobContext| {
            let workers = job.store().list_workers(None, &PageRequest::first(10)).await?.items;
            let told = workers.into_iter().map(|w| json!([w.id, w.capabilities, w.metadata["queues"]]));
            Ok(Value::Array(told.collect()))
        };
        until_idle(worker(t).capabilities(["gpu"]).handler("k", handler)).await;
        let told = read(t, &job).await.result;
        assert_eq!(told, Some(json!([["w", ["gpu"], ["default"]]])));
        let left = t.store.list_workers(None, &PageRequest::first(10)).await.unwrap();
        assert!(left.items.is_empty());
    }

    /// What a worker vanished with is done by another one.
    async fn a_worker_takes_back_what_another_vanished_with(t: &Workflows) {
        let job = enqueued(t, json!(null)).await;
        let claimed = t.store.claim_jobs(&ClaimRequest::new("vanished")).await.unwrap();
        assert_eq!(claimed.len(), 1);
        t.clock.advance(Duration::from_secs(60)).unwrap();
        let (told, mut done) = mpsc::unbounded_channel();
        let handler = move |_| {
            let told = told.clone();
            async move { Ok(told.send(())?) }
        };
        let worker = worker(t).reap_every(Duration::from_millis(10)).handler("k", handler);
        worker.build().unwrap().run(async { done.recv().await.unwrap() }).await.unwrap();
        let job = read(t, &job).await;
        assert_eq!((job.state, job.attempt), (JobState::Succeeded, 2));
        let expected = [Some(AssignmentOutcome::Expired), Some(AssignmentOutcome::Succeeded)];
        assert_eq!(outcomes(t, &job).await, expected);
    }

    /// What a worker is to be is checked before it begins.
    async fn the_description_of_a_worker_is_checked(t: &Workflows) {
        let sound = || worker(t).handler("k", async |_| Ok(()));
        sound().build().unwrap();
        assert_invalid(sound().id("").build(), "id");
        assert_invalid(sound().queues([""; 0]).build(), "queues");
        assert_invalid(sound().queues(["q"; 65]).build(), "queues");
        assert_invalid(sound().queues(["a\0b"]).build(), "queues");
        assert_invalid(sound().capabilities([""]).build(), "capabilities");
        for jobs in [0, 10_001] {
            assert_invalid(sound().concurrency(jobs).build(), "concurrency");
        }
        for seconds in [0, 86_401] {
            assert_invalid(sound().lease(Duration::from_secs(seconds)).build(), "lease");
        }
        assert_invalid(sound().reap_every(Duration::ZERO).build(), "reap_every");
        assert_invalid(sound().handler("k", async |_| Ok(())).build(), "handler");
        assert_invalid(sound().handler("", async |_| Ok(())).build(), "handler");
        assert_invalid(worker(t).build(), "handler");
    }
}
