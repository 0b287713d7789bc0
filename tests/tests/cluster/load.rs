//! Callers that write until they are told to stop, and what became of each write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use serde_json::json;
use store_core::history::{RunHistoryStore, Step};
use store_core::queue::NewJob;
use store_core::settings::SettingsBuilder;
use store_core::workflow::WorkflowStore;
use store_core::{Databases, Error, Failure, JobId};
use store_tests::samples;
use tokio::task::JoinHandle;

use crate::support::until;

/// Callers of each kind: those that append, those that append under a key, those that enqueue.
const CALLERS: usize = 15;

#[derive(Debug, Default)]
struct Outcomes {
    stop: AtomicBool,
    acknowledged: AtomicUsize,
    /// The index that each step got, by its name.
    steps: Mutex<BTreeMap<String, i64>>,
    /// Steps of which nobody can know.
    unknown: Mutex<Vec<String>>,
    keyed: Mutex<BTreeMap<String, i64>>,
    jobs: Mutex<Vec<JobId>>,
    /// Writes that were repeated because their outcome was unknown.
    repeated: AtomicUsize,
}

/// Callers of the stores of one process.
pub(crate) struct Load {
    databases: Databases,
    history: Arc<dyn RunHistoryStore>,
    workflows: Arc<dyn WorkflowStore>,
    outcomes: Arc<Outcomes>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) async fn start(settings: SettingsBuilder) -> Self {
        let databases = Databases::new(settings.build().unwrap());
        let history = store_history::open(&databases).await.unwrap();
        let workflows = store_workflow::open(&databases).await.unwrap();
        history.start(samples::execution("e")).await.unwrap();
        let (outcomes, callers) = (Arc::<Outcomes>::default(), Vec::new());
        let mut load = Self { databases, history, workflows, outcomes, callers };
        for caller in 0..CALLERS {
            let (history, outcomes) = (Arc::clone(&load.history), Arc::clone(&load.outcomes));
            load.callers.push(tokio::spawn(append(history, outcomes, caller)));
            let (history, outcomes) = (Arc::clone(&load.history), Arc::clone(&load.outcomes));
            load.callers.push(tokio::spawn(append_keyed(history, outcomes, caller)));
            let (workflows, outcomes) = (Arc::clone(&load.workflows), Arc::clone(&load.outcomes));
            load.callers.push(tokio::spawn(enqueue(workflows, outcomes, caller)));
        }
        load
    }

    pub(crate) fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Waits until more writes are acknowledged.
    pub(crate) async fn acknowledges(&self, more: usize) {
        let acknowledged = || self.outcomes.acknowledged.load(Ordering::Relaxed);
        let wanted = acknowledged() + more;
        until("writes are acknowledged", || async { acknowledged() >= wanted }).await;
    }

    /// Ends the load and compares what is stored with what the callers were told.
    pub(crate) async fn stop_and_check(self) {
        self.outcomes.stop.store(true, Ordering::Relaxed);
        for caller in join_all(self.callers).await {
            caller.unwrap();
        }
        let id = samples::id("e");
        let stored: Vec<Step> = self.history.stream_steps(&id).try_collect().await.unwrap();
        check_steps(&self.outcomes, &stored);
        let jobs = std::mem::take(&mut *self.outcomes.jobs.lock().unwrap());
        for job in jobs {
            self.workflows.fetch_job(job).await.unwrap();
        }
        self.history.succeed(&id).await.unwrap();
    }
}

async fn append(history: Arc<dyn RunHistoryStore>, outcomes: Arc<Outcomes>, caller: usize) {
    for number in 0.. {
        if outcomes.stop.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("{caller}-{number}");
        match history.append_step(&samples::id("e"), samples::step(json!(name))).await {
            Ok(step) => {
                outcomes.steps.lock().unwrap().insert(name, step.index);
                outcomes.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                assert_unknown(&error);
                outcomes.unknown.lock().unwrap().push(name);
            }
        }
    }
}

async fn append_keyed(history: Arc<dyn RunHistoryStore>, outcomes: Arc<Outcomes>, caller: usize) {
    for number in 0.. {
        if outcomes.stop.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("key {caller}-{number}");
        let step = loop {
            let step = samples::keyed(&key, json!(key));
            match history.append_step(&samples::id("e"), step).await {
                Ok(step) => break step,
                Err(error) => repeat(&outcomes, &error),
            }
        };
        outcomes.keyed.lock().unwrap().insert(key, step.index);
        outcomes.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

async fn enqueue(workflows: Arc<dyn WorkflowStore>, outcomes: Arc<Outcomes>, caller: usize) {
    while !outcomes.stop.load(Ordering::Relaxed) {
        let job: NewJob = samples::job(&format!("job of {caller}"));
        loop {
            match workflows.enqueue(job.clone()).await {
                Ok(_enqueued) => break,
                // Its id says that it is there: the first attempt was carried out.
                Err(Error::Conflict { .. }) => break,
                Err(error) => repeat(&outcomes, &error),
            }
        }
        outcomes.jobs.lock().unwrap().push(job.id);
        outcomes.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whoever can repeat a write does so, and only when nobody knows how it went.
fn repeat(outcomes: &Outcomes, error: &Error) {
    assert_unknown(error);
    outcomes.repeated.fetch_add(1, Ordering::Relaxed);
}

/// Anything else should have been overcome within the deadline.
fn assert_unknown(error: &Error) {
    let unknown = Some(Failure::Unavailable { outcome_unknown: true });
    assert_eq!(error.failure(), unknown, "{error:?}");
}

fn check_steps(outcomes: &Outcomes, stored: &[Step]) {
    let mut found = BTreeMap::new();
    for (nth, step) in stored.iter().enumerate() {
        assert_eq!(step.index, i64::try_from(nth).unwrap(), "a gap");
        let name = step.payload.as_str().unwrap();
        let second = found.insert(name.to_owned(), step.index);
        assert_eq!(second, None, "{name} is stored twice");
    }
    let steps = outcomes.steps.lock().unwrap();
    let keyed = outcomes.keyed.lock().unwrap();
    for (name, index) in steps.iter().chain(keyed.iter()) {
        assert_eq!(found.remove(name), Some(*index), "{name} was acknowledged");
    }
    let unknown = outcomes.unknown.lock().unwrap();
    for name in found.keys() {
        assert!(unknown.contains(name), "{name} is stored, and nobody was told");
    }
}
