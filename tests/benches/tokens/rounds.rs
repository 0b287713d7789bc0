//! Setting the sides up.

use std::path::PathBuf;
use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::{SystemClock, postgres, sqlite};
use store_tests::fixture;
use store_tokens::postgres::PostgresServiceTokenRepository;
use store_tokens::sqlite::SqliteServiceTokenRepository;

use crate::common::Result;
use crate::common::args::{Measured as _, Plan};
use crate::common::load::Figures;
use crate::common::postgres::in_schema;
use crate::common::rounds::{Line, Outcome, bench_directory, take_turns};
use crate::operation::Operation;
use crate::raw_postgres::RawPostgres;
use crate::raw_sqlite::RawSqlite;
use crate::store::StoreSide;

/// Measures PostgreSQL in a schema of its own.
pub(crate) async fn postgres(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    in_schema(async |schema| measure_postgres(plan, schema).await).await
}

async fn measure_postgres(plan: &Plan<Operation>, schema: &str) -> Result<Vec<Outcome>> {
    let db = postgres::Database::open(fixture::postgres::options(schema)).await?;
    db.migrate(&store_tokens::postgres::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let repository = Arc::new(PostgresServiceTokenRepository::new(db, json, clock));
    let store = StoreSide::new(repository).await?;
    let raw = RawPostgres::connect(schema, Arc::clone(&store.seeded)).await?;
    raw.analyze().await?;
    measure("postgres", plan, &store, async |operation, callers, round| {
        raw.measure(operation, callers, round).await
    })
    .await
}

/// Measures SQLite, each side on a file of its own, so that neither pays for the other's log.
pub(crate) async fn sqlite(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    let directory = tempfile::Builder::new().prefix("tokens-").tempdir_in(bench_directory()?)?;
    let (db, store) = sqlite_store(directory.path().join("store.sqlite")).await?;
    let path = directory.path().join("raw.sqlite");
    let (unused, seeded) = sqlite_store(path.clone()).await?;
    unused.close().await;
    let raw = RawSqlite::open(&path, Arc::clone(&seeded.seeded))?;
    let measured = measure("sqlite", plan, &store, async |operation, callers, round| {
        raw.measure(operation, callers, round).await
    })
    .await;
    db.close().await;
    measured
}

async fn sqlite_store(path: PathBuf) -> Result<(sqlite::Database, StoreSide)> {
    let db = sqlite::Database::open(sqlite::Options::new(path)).await?;
    db.migrate(&store_tokens::sqlite::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let repository = Arc::new(SqliteServiceTokenRepository::new(db.clone(), json, clock));
    Ok((db, StoreSide::new(repository).await?))
}

async fn measure(
    backend: &'static str,
    plan: &Plan<Operation>,
    store: &StoreSide,
    raw: impl AsyncFn(Operation, usize, std::time::Duration) -> Result<Figures>,
) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for (operation, callers) in plan.combinations() {
        let measured = |round| store.measure(operation, callers, round);
        let beside = |round| raw(operation, callers, round);
        let line = Line { backend, operation: operation.name(), callers, processes: 1 };
        outcomes.push(take_turns(line, plan.rounds, measured, beside).await?);
    }
    Ok(outcomes)
}
