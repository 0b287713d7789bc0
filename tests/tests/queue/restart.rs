//! A server that goes away in the middle of the work of a hundred, and comes back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use store_core::queue::{Assignment, AssignmentOutcome, JobFilter, JobState, NewJob};
use store_core::workflow::WorkflowStore;
use store_core::{Backend, Databases, JobId, PageRequest, Settings};
use store_tests::run;
use store_tests::server::{Server, Setup};
use store_workflow::worker::{JobContext, Worker};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::until;

const JOBS: usize = 2000;
const WORKERS: usize = 10;
const PLACES: usize = 10;
/// Jobs that are done before the server goes, and again after it is back.
const ENOUGH: usize = 200;
const LEASE: Duration = Duration::from_secs(2);

/// What the handlers did: how often each job was handled.
#[derive(Default)]
struct Handled {
    count: AtomicUsize,
    jobs: Mutex<BTreeMap<JobId, usize>>,
}

impl Handled {
    fn one(&self, job: JobId) {
        *self.jobs.lock().unwrap().entry(job).or_default() += 1;
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    async fn more(&self, number: usize) {
        let wanted = (self.count.load(Ordering::SeqCst) + number).min(JOBS);
        let enough = || async { (self.count.load(Ordering::SeqCst) >= wanted).then_some(()) };
        until("jobs are handled", enough).await;
    }
}

fn worker(store: &Arc<dyn WorkflowStore>, handled: &Arc<Handled>) -> Worker {
    let handled = Arc::clone(handled);
    let handler = move |job: JobContext| {
        let handled = Arc::clone(&handled);
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            handled.one(job.job().id);
            Ok(())
        }
    };
    let builder = Worker::builder(Arc::clone(store)).concurrency(PLACES).lease(LEASE);
    builder.handler("k", handler).build().unwrap()
}

async fn survives(goes_away: fn(&mut Server)) {
    let mut server = Setup::default().fsync().start();
    let settings = Settings::builder()
        .backend(Backend::Postgres)
        .sqlite_path("unused.sqlite")
        .postgres_dsn(&server.url())
        .postgres_pool_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let store = store_workflow::open(&Databases::new(settings)).await.unwrap();
    let mut jobs = Vec::new();
    for _ in 0..JOBS / 1000 {
        let new = (0..1000).map(|number| NewJob::new("k", json!(number))).collect();
        jobs.extend(store.enqueue_many(new).await.unwrap().into_iter().map(|one| one.job.id));
    }
    let handled = Arc::new(Handled::default());
    let (stop, stopped) = watch::channel(false);
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (worker, mut stopped) = (worker(&store, &handled), stopped.clone());
        workers
            .spawn(async move { worker.run(async { drop(stopped.wait_for(|s| *s).await) }).await });
    }
    for _round in 0..2 {
        handled.more(ENOUGH).await;
        goes_away(&mut server);
        server.start();
        handled.more(ENOUGH).await;
    }
    none_left(store.as_ref()).await;
    stop.send_replace(true);
    while let Some(ended) = workers.join_next().await {
        ended.unwrap().unwrap();
    }
    for job in jobs {
        assert_done_once(store.as_ref(), job).await;
    }
    assert_eq!(handled.jobs.lock().unwrap().len(), JOBS, "nothing is lost");
}

/// Waits until all jobs have ended.
async fn none_left(store: &dyn WorkflowStore) {
    let (unfinished, page) = (JobFilter::default(), PageRequest::first(1));
    let look = || async {
        let left = store.list_jobs(&unfinished, &page).await.unwrap();
        left.items.is_empty().then_some(())
    };
    until("all jobs have ended", look).await;
}

/// Asserts that a job succeeded with its last attempt, and that those before it only ran out.
async fn assert_done_once(store: &dyn WorkflowStore, id: JobId) {
    let job = store.fetch_job(id).await.unwrap();
    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.last_error);
    let history = store.job_history(id).await.unwrap();
    let (last, before) = history.split_last().unwrap();
    assert_eq!(last.outcome, Some(AssignmentOutcome::Succeeded));
    let lost = |one: &Assignment| one.outcome == Some(AssignmentOutcome::Expired);
    assert!(before.iter().all(lost), "{history:?}");
}

#[test]
fn nothing_is_lost_or_done_twice_when_the_server_is_restarted() {
    run(survives(Server::stop));
}

#[test]
fn nothing_is_lost_or_done_twice_when_the_server_is_killed() {
    run(survives(Server::kill));
}
