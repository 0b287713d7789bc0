//! A table of steps that is partitioned or is going to be, and what is in which partition.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use store_core::history::{MaintenanceRequest, RunHistoryStore as _};
use store_core::json::JsonPolicy;
use store_core::postgres::Database;
use store_core::{Clock, ManualClock};
use store_history::postgres::{PartitionReport, PartitionRequest, PostgresRunHistoryStore, SCHEMA};
use store_tests::fixture::noon;
use store_tests::fixture::postgres::{Place, options};
use store_tests::samples::{at, execution, id, keyed, step};

/// How long a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store on a schema of this test, and its clock: it is March 2026.
pub(crate) struct Partitions {
    pub(crate) store: PostgresRunHistoryStore,
    pub(crate) clock: ManualClock,
    pub(crate) place: Place,
}

impl Partitions {
    /// A table that is not partitioned yet.
    pub(crate) async fn plain() -> Self {
        let clock = ManualClock::new(noon());
        let place = Place::fresh(&SCHEMA).await;
        Self { store: store(&place.db, &clock), clock, place }
    }

    /// A table that was partitioned while it was empty.
    pub(crate) async fn partitioned() -> Self {
        Self::partitioned_in("2026-03-01T00:00:00Z").await
    }

    /// The same at another instant.
    pub(crate) async fn partitioned_in(instant: &str) -> Self {
        let t = Self::plain().await;
        t.clock.set(at(instant));
        t.partition().await;
        t
    }

    /// Partitions the table.
    pub(crate) async fn partition(&self) -> PartitionReport {
        self.store.partition_steps(&PartitionRequest::default()).await.unwrap()
    }

    /// Opens the schema as another process would.
    pub(crate) async fn another(&self) -> PostgresRunHistoryStore {
        let db = Database::open(options(&self.place.schemas[0])).await.unwrap();
        store(&db, &self.clock)
    }

    /// Starts an execution at an instant, with steps under the keys 0, 1, 2 …
    pub(crate) async fn started(&self, name: &str, instant: &str, steps: usize) {
        self.clock.set(at(instant));
        self.store.start(execution(name)).await.unwrap();
        let steps = (0..steps).map(|n| keyed(&n.to_string(), json!({ "n": n }))).collect();
        self.store.append_steps(&id(name), steps).await.unwrap();
    }

    /// The same, and finishes it at once.
    pub(crate) async fn finished(&self, name: &str, instant: &str, steps: usize) {
        self.started(name, instant, steps).await;
        self.store.succeed(&id(name)).await.unwrap();
    }

    /// How many steps an execution has, counted by reading them.
    pub(crate) async fn steps(&self, name: &str) -> usize {
        let whole = self.store.fetch_with_steps(&id(name)).await.unwrap();
        assert!((0..).zip(&whole.steps).all(|(index, step)| step.index == index));
        whole.steps.len()
    }

    /// Appends one more step.
    pub(crate) async fn append(&self, name: &str) {
        self.store.append_step(&id(name), step(json!(1))).await.unwrap();
    }

    /// Makes the partitions of three months ahead; returns their names and how many steps moved.
    pub(crate) async fn maintained(&self) -> (Vec<String>, u64) {
        let report = self.store.maintain(&MaintenanceRequest::default()).await.unwrap();
        (report.partitions, report.steps_moved)
    }

    /// The partitions there are, with the number of steps in each.
    pub(crate) async fn counts(&self) -> Vec<(String, i64)> {
        let names = self
            .column(
                "SELECT inhrelid::regclass FROM pg_inherits \
                 WHERE inhparent = 'history_steps'::regclass ORDER BY inhrelid::regclass::text",
            )
            .await;
        let mut counts = Vec::new();
        for name in names {
            let count = self.number(&format!("SELECT count(*) FROM {name}")).await;
            counts.push((name.replace("history_steps_", ""), count));
        }
        counts
    }

    /// The names of the partitions, without what they have in common.
    pub(crate) async fn names(&self) -> Vec<String> {
        self.counts().await.into_iter().map(|(name, _)| name).collect()
    }

    /// The first column of a query.
    pub(crate) async fn column(&self, query: &str) -> Vec<String> {
        self.place.rows(query).await.into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// The one number a query gives.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.column(query).await[0].parse().unwrap()
    }

    /// A connection whose names are those of the schema, for what is held open.
    pub(crate) async fn client(&self) -> tokio_postgres::Client {
        let client = store_tests::fixture::postgres::connect().await;
        let path = format!("SET search_path = \"{}\"", self.place.schemas[0]);
        client.batch_execute(&path).await.unwrap();
        client
    }

    pub(crate) async fn finish(self) {
        self.place.finish().await;
    }
}

/// Makes a store on a database.
pub(crate) fn store(db: &Database, clock: &ManualClock) -> PostgresRunHistoryStore {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    PostgresRunHistoryStore::new(db.clone(), JsonPolicy::default(), clock)
}

/// Waits until something is true.
pub(crate) async fn until<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
