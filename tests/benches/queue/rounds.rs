//! Setting the sides up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use store_core::json::JsonPolicy;
use store_core::workflow::WorkflowStore;
use store_core::{SystemClock, postgres, sqlite};
use store_tests::fixture;
use store_workflow::postgres::PostgresWorkflowRepository;
use store_workflow::sqlite::SqliteWorkflowRepository;

use crate::common::Result;
use crate::common::args::Measured as _;
use crate::common::args::Plan;
use crate::common::load::Figures;
use crate::common::postgres::in_schema;
use crate::common::rounds::{Line, Outcome, bench_directory, take_turns};
use crate::held::{self, Held};
use crate::operation::Operation;
use crate::pickup;
use crate::raw_postgres::RawPostgres;
use crate::raw_sqlite::RawSqlite;
use crate::side::Side;

/// What is measured, with how many workers, and for how long a transaction is held open.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) plan: Plan<Operation>,
    pub(crate) workers: Vec<usize>,
    pub(crate) held: Duration,
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    pub(crate) outcomes: Vec<Outcome>,
    /// How long a job waited for an idle worker, by backend.
    pub(crate) pickups: Vec<(&'static str, Figures)>,
    pub(crate) held: Vec<Held>,
}

impl Measurements {
    pub(crate) fn append(&mut self, other: Self) {
        self.outcomes.extend(other.outcomes);
        self.pickups.extend(other.pickups);
        self.held.extend(other.held);
    }
}

/// Two handles of one store: on PostgreSQL, as two processes would open it.
type Handles = [Arc<dyn WorkflowStore>; 2];

/// Measures PostgreSQL in a schema of its own.
pub(crate) async fn postgres(asked: &Asked) -> Result<Measurements> {
    in_schema(async |schema| {
        let handles = [postgres_store(schema).await?, postgres_store(schema).await?];
        let raw = Arc::new(RawPostgres::connect(schema).await?);
        let store = Side::new(Some(Arc::clone(&handles[0])), Arc::clone(&raw) as _);
        measure("postgres", asked, &handles, &store, &Side::new(None, raw)).await
    })
    .await
}

async fn postgres_store(schema: &str) -> Result<Arc<dyn WorkflowStore>> {
    let db = postgres::Database::open(fixture::postgres::options(schema)).await?;
    db.migrate(&store_workflow::postgres::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    Ok(Arc::new(PostgresWorkflowRepository::new(db, json, clock, None)))
}

/// Measures SQLite, each side on a file of its own, so that neither pays for the other's log.
pub(crate) async fn sqlite(asked: &Asked) -> Result<Measurements> {
    let directory = tempfile::Builder::new().prefix("queue-").tempdir_in(bench_directory()?)?;
    let path = directory.path().join("raw.sqlite");
    let (_, unused) = sqlite_store(&path).await?;
    unused.close().await;
    let raw = Side::new(None, Arc::new(RawSqlite::open(&path)?));

    let path = directory.path().join("store.sqlite");
    let (repository, db) = sqlite_store(&path).await?;
    let beside = Arc::new(RawSqlite::open(&path)?);
    let store = Side::new(Some(Arc::clone(&repository)), beside);
    let handles = [Arc::clone(&repository), repository];
    let measured = measure("sqlite", asked, &handles, &store, &raw).await;
    db.close().await;
    measured
}

async fn sqlite_store(path: &Path) -> Result<(Arc<dyn WorkflowStore>, sqlite::Database)> {
    let db = sqlite::Database::open(sqlite::Options::new(path)).await?;
    db.migrate(&store_workflow::sqlite::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let repository = SqliteWorkflowRepository::new(db.clone(), json, clock, None);
    Ok((Arc::new(repository), db))
}

async fn measure(
    backend: &'static str,
    asked: &Asked,
    handles: &Handles,
    store: &Side,
    raw: &Side,
) -> Result<Measurements> {
    let plan = &asked.plan;
    let mut measured = Measurements::default();
    for (operation, callers) in asked.combinations() {
        let line = Line { backend, operation: operation.name(), callers, processes: 1 };
        let of_store = |round| store.round(operation, callers, round);
        let of_raw = |round| raw.round(operation, callers, round);
        measured.outcomes.push(take_turns(line, plan.rounds, of_store, of_raw).await?);
    }
    if plan.operations.contains(&Operation::Pickup) {
        store.raw.clear().await?;
        let time = plan.rounds.length * u32::try_from(plan.rounds.count)?;
        let [waiting, enqueuing] = handles;
        let figures = pickup::measure(Arc::clone(waiting), enqueuing.as_ref(), time).await?;
        measured.pickups.push((backend, figures));
    }
    if plan.operations.contains(&Operation::Held) {
        measured.held.push(held::measure(backend, store, plan.rounds.length, asked.held).await?);
    }
    Ok(measured)
}

impl Asked {
    /// Each operation with each number of those who carry it out at once.
    fn combinations(&self) -> Vec<(Operation, usize)> {
        let of = |workers: bool, callers: &[usize]| {
            let chosen = |operation: &Operation| operation.is_of_workers() == workers;
            let operations = self.plan.operations.iter().copied().filter(chosen).collect();
            let plan = Plan { operations, callers: callers.to_vec(), rounds: self.plan.rounds };
            plan.combinations().collect::<Vec<_>>()
        };
        [of(false, &self.plan.callers), of(true, &self.workers)].concat()
    }
}
