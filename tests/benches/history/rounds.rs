//! Setting the sides up.

use std::path::PathBuf;
use std::sync::Arc;

use store_core::SystemClock;
use store_core::json::JsonPolicy;
use store_core::postgres::Database;
use store_core::sqlite;
use store_history::postgres::PostgresRunHistoryStore;
use store_history::sqlite::SqliteRunHistoryStore;
use store_tests::fixture;

use crate::common::Result;
use crate::common::args::{Measured as _, Plan};
use crate::common::postgres::in_schema;
use crate::common::rounds::{Line, Outcome, bench_directory, take_turns};
use crate::operation::{self, Operation};
use crate::processes;
use crate::raw_postgres::RawPostgres;
use crate::raw_sqlite::RawSqlite;
use crate::store::StoreSide;

/// Measures PostgreSQL in a schema of its own.
pub(crate) async fn postgres(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    in_schema(async |schema| measure_postgres(plan, schema).await).await
}

async fn measure_postgres(plan: &Plan<Operation>, schema: &str) -> Result<Vec<Outcome>> {
    let store = postgres_store(schema).await;
    operation::seed(store.store.as_ref()).await?;
    let raw = RawPostgres::connect(schema).await?;
    let mut outcomes = Vec::new();
    for (operation, callers) in plan.combinations() {
        let measured = |round| store.measure(operation, callers, round);
        let beside = |round| raw.measure(operation, callers, round);
        let line = line("postgres", operation, callers);
        outcomes.push(take_turns(line, plan.rounds, measured, beside).await?);
    }
    if plan.operations.contains(&Operation::AppendStep) && plan.callers.contains(&100) {
        let operation = Operation::AppendStep;
        let measured = |round| processes::measure(schema, round);
        let beside = |round| raw.measure(operation, 100, round);
        let line = Line { processes: 2, ..line("postgres", operation, 100) };
        outcomes.push(take_turns(line, plan.rounds, measured, beside).await?);
    }
    Ok(outcomes)
}

/// A store on PostgreSQL, as `store_history::open` makes it.
pub(crate) async fn postgres_store(schema: &str) -> StoreSide {
    let db: Database = fixture::postgres::open(fixture::postgres::options(schema)).await;
    let clock = Arc::new(SystemClock);
    StoreSide::new(Arc::new(PostgresRunHistoryStore::new(db, JsonPolicy::default(), clock)))
}

/// Measures SQLite, each side on a file of its own, so that neither pays for the other's log.
pub(crate) async fn sqlite(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    let directory = tempfile::Builder::new().prefix("history-").tempdir_in(bench_directory()?)?;
    let (store, db) = sqlite_store(directory.path().join("store.sqlite")).await?;
    let path = directory.path().join("raw.sqlite");
    let (_, seeded) = sqlite_store(path.clone()).await?;
    seeded.close().await;
    let raw = RawSqlite::open(&path)?;
    let mut outcomes = Vec::new();
    for (operation, callers) in plan.combinations() {
        let measured = |round| store.measure(operation, callers, round);
        let beside = |round| raw.measure(operation, callers, round);
        let line = line("sqlite", operation, callers);
        outcomes.push(take_turns(line, plan.rounds, measured, beside).await?);
    }
    db.close().await;
    Ok(outcomes)
}

async fn sqlite_store(path: PathBuf) -> Result<(StoreSide, sqlite::Database)> {
    let db = fixture::sqlite::open(path).await;
    let clock = Arc::new(SystemClock);
    let store = SqliteRunHistoryStore::new(db.clone(), JsonPolicy::default(), clock);
    let side = StoreSide::new(Arc::new(store));
    operation::seed(side.store.as_ref()).await?;
    Ok((side, db))
}

fn line(backend: &'static str, operation: Operation, callers: usize) -> Line {
    Line { backend, operation: operation.name(), callers, processes: 1 }
}
