//! Setting the sides up.

use std::path::PathBuf;
use std::sync::Arc;

use store_checkpoints::{postgres, sqlite};
use store_core::SystemClock;
use store_core::checkpoints::CheckpointStore;
use store_core::checkpoints::graph::GraphCheckpointer;
use store_core::json::JsonPolicy;
use store_core::postgres::Database as PostgresDatabase;
use store_core::sqlite::{Database as SqliteDatabase, Options};
use store_tests::fixture;

use crate::common::Result;
use crate::common::args::{Measured as _, Plan};
use crate::common::postgres::in_schema;
use crate::common::rounds::{Line, Outcome, bench_directory, take_turns};
use crate::graph;
use crate::operation::{self, Operation};
use crate::raw_postgres::RawPostgres;
use crate::raw_sqlite::RawSqlite;
use crate::store::StoreSide;

/// Measures PostgreSQL in a schema of its own.
pub(crate) async fn postgres(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    in_schema(async |schema| measure_postgres(plan, schema).await).await
}

async fn measure_postgres(plan: &Plan<Operation>, schema: &str) -> Result<Vec<Outcome>> {
    let side = postgres_store(schema).await?;
    let raw = RawPostgres::connect(schema).await?;
    let mut outcomes = Vec::new();
    for (operation, callers) in plan.combinations() {
        let measured = |round| side.measure(operation, callers, round);
        let beside = |round| raw.measure(operation, callers, round);
        let line = line("postgres", operation, callers);
        outcomes.push(take_turns(line, plan.rounds, measured, beside).await?);
    }
    Ok(outcomes)
}

/// A store on PostgreSQL, as `store_checkpoints::open` makes it, with its data.
async fn postgres_store(schema: &str) -> Result<StoreSide> {
    let db = PostgresDatabase::open(fixture::postgres::options(schema)).await?;
    db.migrate(&postgres::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let store: Arc<dyn CheckpointStore> =
        Arc::new(postgres::PostgresCheckpointStore::new(db.clone(), json, clock.clone()));
    let graph: Arc<dyn GraphCheckpointer> =
        Arc::new(postgres::PostgresGraphCheckpointer::new(db, json, clock, None));
    seeded(store, graph).await
}

/// Measures SQLite, each side on a file of its own, so that neither pays for the other's log.
pub(crate) async fn sqlite(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    let directory =
        tempfile::Builder::new().prefix("checkpoints-").tempdir_in(bench_directory()?)?;
    let (side, db) = sqlite_store(directory.path().join("store.sqlite")).await?;
    let path = directory.path().join("raw.sqlite");
    let (_, seeded) = sqlite_store(path.clone()).await?;
    seeded.close().await;
    let raw = RawSqlite::open(&path)?;
    let mut outcomes = Vec::new();
    for (operation, callers) in plan.combinations() {
        let measured = |round| side.measure(operation, callers, round);
        let beside = |round| raw.measure(operation, callers, round);
        let line = line("sqlite", operation, callers);
        outcomes.push(take_turns(line, plan.rounds, measured, beside).await?);
    }
    db.close().await;
    Ok(outcomes)
}

async fn sqlite_store(path: PathBuf) -> Result<(StoreSide, SqliteDatabase)> {
    let db = SqliteDatabase::open(Options::new(path)).await?;
    db.migrate(&sqlite::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let store: Arc<dyn CheckpointStore> =
        Arc::new(sqlite::SqliteCheckpointStore::new(db.clone(), json, clock.clone()));
    let graph: Arc<dyn GraphCheckpointer> =
        Arc::new(sqlite::SqliteGraphCheckpointer::new(db.clone(), json, clock, None));
    Ok((seeded(store, graph).await?, db))
}

async fn seeded(
    store: Arc<dyn CheckpointStore>,
    graph: Arc<dyn GraphCheckpointer>,
) -> Result<StoreSide> {
    operation::seed(&store).await?;
    graph::seed(&graph).await?;
    Ok(StoreSide { store, graph, steps: Arc::default() })
}

fn line(backend: &'static str, operation: Operation, callers: usize) -> Line {
    Line { backend, operation: operation.name(), callers, processes: 1 }
}
