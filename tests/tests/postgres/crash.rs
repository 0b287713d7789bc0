//! A server that goes away in the middle of a load of appends, and comes back.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use serde_json::json;
use store_core::history::{RunHistoryStore, Step};
use store_core::{Databases, Error, Failure};
use store_tests::server::{Server, Setup};
use store_tests::{run, samples};
use tokio::net::TcpListener;

use crate::support::{settings, until};

const TASKS: usize = 50;
/// Appends that are acknowledged before the server goes, and again after it is back.
const ENOUGH: usize = 500;
const POOL_TIMEOUT: Duration = Duration::from_secs(20);

/// Callers that append until they are told to stop, and what became of each append.
struct Load {
    store: Arc<dyn RunHistoryStore>,
    stop: AtomicBool,
    acknowledged: Mutex<Vec<(i64, String)>>,
    failed: Mutex<Vec<(String, Error)>>,
}

impl Load {
    async fn append_until_told_to_stop(self: Arc<Self>, task: usize) {
        let id = samples::id("e");
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("{task}-{number}");
            match self.store.append_step(&id, samples::step(json!(name))).await {
                Ok(step) => self.acknowledged.lock().unwrap().push((step.index, name)),
                Err(error) => self.failed.lock().unwrap().push((name, error)),
            }
        }
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    async fn acknowledges(&self, more: usize) {
        let wanted = self.acknowledged() + more;
        until("appends are acknowledged", || async { self.acknowledged() >= wanted }).await;
    }
}

/// Runs a load while the server goes away in some way and is started again.
async fn survives(goes_away: fn(&mut Server)) {
    let mut server = Setup::default().fsync().start();
    let settings = settings(&server.url()).postgres_pool_timeout(POOL_TIMEOUT).build().unwrap();
    let store = store_history::open(&Databases::new(settings)).await.unwrap();
    store.start(samples::execution("e")).await.unwrap();
    let load = Arc::new(Load {
        store: Arc::clone(&store),
        stop: AtomicBool::new(false),
        acknowledged: Mutex::default(),
        failed: Mutex::default(),
    });
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(Arc::clone(&load).append_until_told_to_stop(task)))
        .collect();
    for _round in 0..2 {
        load.acknowledges(ENOUGH).await;
        goes_away(&mut server);
        server.start();
        let back = Instant::now();
        load.acknowledges(ENOUGH).await;
        let took = back.elapsed();
        assert!(took < POOL_TIMEOUT, "the pool recovered only after {took:?}");
    }
    load.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let stored: Vec<Step> = store.stream_steps(&samples::id("e")).try_collect().await.unwrap();
    check(&load, &stored);
    store.succeed(&samples::id("e")).await.unwrap();
}

fn check(load: &Load, stored: &[Step]) {
    for (index, step) in stored.iter().enumerate() {
        assert_eq!(step.index, i64::try_from(index).unwrap(), "a gap");
    }
    let name = |step: &Step| step.payload.as_str().unwrap().to_owned();
    let names: BTreeSet<_> = stored.iter().map(name).collect();
    assert_eq!(names.len(), stored.len(), "a step is stored twice");
    for (index, acknowledged) in &*load.acknowledged.lock().unwrap() {
        let step = usize::try_from(*index).ok().and_then(|index| stored.get(index));
        assert_eq!(step.map(name).as_ref(), Some(acknowledged), "step {index} is lost");
    }
    let mut unknown = 0;
    for (name, error) in &*load.failed.lock().unwrap() {
        match error.failure() {
            Some(Failure::Unavailable { outcome_unknown: true }) => unknown += 1,
            Some(Failure::Unavailable { outcome_unknown: false }) => {
                assert!(!names.contains(name), "{name} is stored, but {error}");
            }
            _ => panic!("{name}: {error:?}"),
        }
    }
    let known = load.acknowledged();
    assert!((known..=known + unknown).contains(&stored.len()), "{} are stored", stored.len());
}

#[test]
fn appends_survive_a_server_that_is_killed() {
    run(survives(Server::kill));
}

#[test]
fn appends_survive_a_server_that_is_restarted() {
    run(survives(Server::stop));
}

#[test]
fn a_pool_asks_for_a_server_that_is_away_several_times_a_second() {
    run(async {
        let mut server = Setup::default().start();
        let settings = settings(&server.url()).postgres_pool_timeout(POOL_TIMEOUT).build().unwrap();
        let store = store_history::open(&Databases::new(settings)).await.unwrap();
        server.kill();
        let gone = TcpListener::bind(("127.0.0.1", server.port())).await.unwrap();
        let reader = tokio::spawn(async move { store.find(&samples::id("e")).await });
        // Pauses that doubled would come to a dozen in that time, with two connections in the making.
        let asked = async {
            for _ in 0..25 {
                drop(gone.accept().await.unwrap());
            }
        };
        let asked = tokio::time::timeout(POOL_TIMEOUT, asked).await;
        reader.abort();
        assert!(asked.is_ok(), "a server that is back is not noticed for seconds");
    });
}
