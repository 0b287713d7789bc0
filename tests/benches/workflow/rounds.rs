//! Setting the sides up.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::workflow::WorkflowStore;
use store_core::{SystemClock, postgres, sqlite};
use store_tests::fixture;
use store_workflow::postgres::PostgresWorkflowRepository;
use store_workflow::sqlite::SqliteWorkflowRepository;

use crate::common::Result;
use crate::common::args::{Measured as _, Plan};
use crate::common::postgres::in_schema;
use crate::common::rounds::{Line, Outcome, bench_directory, take_turns};
use crate::operation::{self, Operation, STORED, Seeded};
use crate::raw::Raw;
use crate::raw_postgres::RawPostgres;
use crate::raw_sqlite::RawSqlite;
use crate::side::Side;
use crate::store::StoreSide;

/// How many statements one call sends.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) backend: &'static str,
    pub(crate) operation: Operation,
    pub(crate) statements: u64,
}

type Measurements = (Vec<Outcome>, Vec<Counted>);

/// Measures PostgreSQL in a schema of its own.
pub(crate) async fn postgres(plan: &Plan<Operation>) -> Result<Measurements> {
    in_schema(async |schema| measure_postgres(plan, schema).await).await
}

async fn measure_postgres(plan: &Plan<Operation>, schema: &str) -> Result<Measurements> {
    let db = postgres::Database::open(fixture::postgres::options(schema)).await?;
    db.migrate(&store_workflow::postgres::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let repository = PostgresWorkflowRepository::new(db.clone(), json, clock, None);
    let repository: Arc<dyn WorkflowStore> = Arc::new(repository);
    let seeded = seed(repository.as_ref(), plan).await?;
    let raw = Arc::new(RawPostgres::connect(schema, &seeded).await?);
    raw.add_runs(seeded.listed, STORED).await?;
    raw.analyze().await?;
    let count = Arc::new(move || db.statements());
    let store = StoreSide::new(repository, count, seeded.clone());
    let stocked = seeded.active[0];
    let store = Side::new(Some(store), Arc::clone(&raw) as Arc<dyn Raw>, stocked);
    measure("postgres", plan, &store, &Side::new(None, raw, stocked)).await
}

/// Measures SQLite, each side on a file of its own, so that neither pays for the other's log.
pub(crate) async fn sqlite(plan: &Plan<Operation>) -> Result<Measurements> {
    let directory = tempfile::Builder::new().prefix("workflow-").tempdir_in(bench_directory()?)?;
    let path = directory.path().join("store.sqlite");
    let (repository, db, seeded) = sqlite_store(path.clone(), plan).await?;
    let beside = sqlite_raw(&path, &seeded).await?;
    let counting = db.clone();
    let count = Arc::new(move || counting.statements());
    let store = StoreSide::new(repository, count, seeded.clone());
    let store = Side::new(Some(store), beside, seeded.active[0]);

    let path = directory.path().join("raw.sqlite");
    let (_, unused, seeded) = sqlite_store(path.clone(), plan).await?;
    unused.close().await;
    let raw = Side::new(None, sqlite_raw(&path, &seeded).await?, seeded.active[0]);

    let measured = measure("sqlite", plan, &store, &raw).await;
    db.close().await;
    measured
}

async fn sqlite_store(
    path: PathBuf,
    plan: &Plan<Operation>,
) -> Result<(Arc<dyn WorkflowStore>, sqlite::Database, Seeded)> {
    let db = sqlite::Database::open(sqlite::Options::new(path)).await?;
    db.migrate(&store_workflow::sqlite::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let repository = SqliteWorkflowRepository::new(db.clone(), json, clock, None);
    let seeded = seed(&repository, plan).await?;
    Ok((Arc::new(repository), db, seeded))
}

async fn sqlite_raw(path: &Path, seeded: &Seeded) -> Result<Arc<RawSqlite>> {
    let raw = RawSqlite::open(path, seeded.clone())?;
    raw.add_runs(seeded.listed, STORED).await?;
    Ok(Arc::new(raw))
}

async fn seed(store: &dyn WorkflowStore, plan: &Plan<Operation>) -> Result<Seeded> {
    operation::seed(store, plan.operations.contains(&Operation::Dispatch)).await
}

async fn measure(
    backend: &'static str,
    plan: &Plan<Operation>,
    store: &Side,
    raw: &Side,
) -> Result<Measurements> {
    let mut outcomes = Vec::new();
    for (operation, callers) in plan.combinations() {
        let measured = |round| store.round(operation, callers, round);
        let beside = |round| raw.round(operation, callers, round);
        let line = Line { backend, operation: operation.name(), callers, processes: 1 };
        outcomes.push(take_turns(line, plan.rounds, measured, beside).await?);
    }
    let mut counts = Vec::new();
    for operation in [Operation::Dispatch, Operation::StartSucceed] {
        if plan.operations.contains(&operation) {
            let statements = store.statements(operation).await?;
            counts.extend(statements.map(|statements| Counted { backend, operation, statements }));
        }
    }
    Ok((outcomes, counts))
}
