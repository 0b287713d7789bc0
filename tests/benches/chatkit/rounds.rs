//! Setting the sides up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use store_chatkit::Limits;
use store_chatkit::postgres::PostgresChatKitStore;
use store_chatkit::sqlite::SqliteChatKitStore;
use store_core::json::JsonPolicy;
use store_core::{SystemClock, postgres, sqlite};
use store_tests::fixture;

use crate::common::Result;
use crate::common::args::{Measured as _, Plan};
use crate::common::load::Figures;
use crate::common::postgres::{connect, in_schema};
use crate::common::rounds::{Line, Outcome, bench_directory, take_turns};
use crate::operation::Operation;
use crate::raw_postgres::RawPostgres;
use crate::raw_sqlite::RawSqlite;
use crate::store::StoreSide;

/// Measures PostgreSQL, each side in a schema of its own, so that neither pays for what the other
/// leaves in the index of words.
pub(crate) async fn postgres(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    in_schema(async |ours| in_schema(async |raw| measure_postgres(plan, ours, raw).await).await)
        .await
}

async fn measure_postgres(
    plan: &Plan<Operation>,
    ours: &str,
    theirs: &str,
) -> Result<Vec<Outcome>> {
    let store = postgres_store(ours).await?;
    drop(postgres_store(theirs).await?);
    let raw = RawPostgres::connect(theirs).await?;
    measure("postgres", plan, &store, async |operation, callers, round| {
        raw.measure(operation, callers, round).await
    })
    .await
}

/// A store on PostgreSQL with its data, as autovacuum leaves it after a while.
async fn postgres_store(schema: &str) -> Result<StoreSide> {
    let db = postgres::Database::open(fixture::postgres::options(schema)).await?;
    db.migrate(&store_chatkit::postgres::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let store = PostgresChatKitStore::new(db, json, Limits::default(), clock);
    let side = StoreSide::new(Arc::new(store)).await?;
    let client = connect(schema).await?;
    client.batch_execute("VACUUM (ANALYZE) chatkit_threads, chatkit_items").await?;
    Ok(side)
}

/// Measures SQLite, each side on a file of its own, so that neither pays for the other's log.
pub(crate) async fn sqlite(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    let directory = tempfile::Builder::new().prefix("chatkit-").tempdir_in(bench_directory()?)?;
    let (db, store) = sqlite_store(directory.path().join("store.sqlite")).await?;
    let path = directory.path().join("raw.sqlite");
    let (unused, _) = sqlite_store(path.clone()).await?;
    unused.close().await;
    let raw = RawSqlite::open(&path)?;
    let measured = measure("sqlite", plan, &store, async |operation, callers, round| {
        raw.measure(operation, callers, round).await
    })
    .await;
    db.close().await;
    measured
}

async fn sqlite_store(path: PathBuf) -> Result<(sqlite::Database, StoreSide)> {
    let db = sqlite::Database::open(sqlite::Options::new(path)).await?;
    db.migrate(&store_chatkit::sqlite::SCHEMA).await?;
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let store = SqliteChatKitStore::new(db.clone(), json, Limits::default(), clock);
    Ok((db, StoreSide::new(Arc::new(store)).await?))
}

async fn measure(
    backend: &'static str,
    plan: &Plan<Operation>,
    store: &StoreSide,
    raw: impl AsyncFn(Operation, usize, Duration) -> Result<Figures>,
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
