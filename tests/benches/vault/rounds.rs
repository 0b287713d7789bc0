//! Setting the sides up.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::vault::VaultStore;
use store_core::{SystemClock, postgres, sqlite};
use store_tests::fixture;
use store_vault::postgres::PostgresCredentialVault;
use store_vault::sqlite::SqliteCredentialVault;

use crate::common::Result;
use crate::common::args::{Measured as _, Plan};
use crate::common::load::Figures;
use crate::common::postgres::in_schema;
use crate::common::rounds::{Line, Outcome, bench_directory, take_turns};
use crate::operation::{Operation, keys};
use crate::raw_postgres::RawPostgres;
use crate::raw_sqlite::RawSqlite;
use crate::store::{Open, StoreSide};

/// Measures PostgreSQL in two schemas of its own.
pub(crate) async fn postgres(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    in_schema(async |schema| {
        in_schema(async |turned| measure_postgres(plan, schema, turned).await).await
    })
    .await
}

async fn measure_postgres(
    plan: &Plan<Operation>,
    schema: &str,
    turned: &str,
) -> Result<Vec<Outcome>> {
    let vault = postgres_vault(&postgres_database(schema).await?, [1, 2]).await?;
    let db = postgres_database(turned).await?;
    let open: Open = Arc::new(move |turn| {
        let db = db.clone();
        Box::pin(async move { postgres_vault(&db, turn).await })
    });
    let store = StoreSide::new(vault, open).await?;
    let raw = RawPostgres::connect(schema, turned, Arc::clone(&store.seeded)).await?;
    raw.analyze().await?;
    measure("postgres", plan, &store, async |operation, callers, round| {
        raw.measure(operation, callers, round).await
    })
    .await
}

async fn postgres_database(schema: &str) -> Result<postgres::Database> {
    let db = postgres::Database::open(fixture::postgres::options(schema)).await?;
    db.migrate(&store_vault::postgres::SCHEMA).await?;
    Ok(db)
}

async fn postgres_vault(db: &postgres::Database, turn: [u8; 2]) -> Result<Arc<dyn VaultStore>> {
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let keys = keys(turn);
    Ok(Arc::new(PostgresCredentialVault::new(db.clone(), json, clock, &keys).await?))
}

/// Measures SQLite, each side on files of its own, so that neither pays for the other's log.
pub(crate) async fn sqlite(plan: &Plan<Operation>) -> Result<Vec<Outcome>> {
    let directory = tempfile::Builder::new().prefix("vault-").tempdir_in(bench_directory()?)?;
    let (databases, store) = sqlite_side(directory.path(), "store").await?;
    let (unused, seeded) = sqlite_side(directory.path(), "raw").await?;
    for db in unused {
        db.close().await;
    }
    let [path, turned] = files(directory.path(), "raw");
    let raw = RawSqlite::open(&path, &turned, Arc::clone(&seeded.seeded))?;
    let measured = measure("sqlite", plan, &store, async |operation, callers, round| {
        raw.measure(operation, callers, round).await
    })
    .await;
    for db in databases {
        db.close().await;
    }
    measured
}

fn files(directory: &Path, side: &str) -> [PathBuf; 2] {
    [directory.join(format!("{side}.sqlite")), directory.join(format!("{side}-turned.sqlite"))]
}

async fn sqlite_side(directory: &Path, side: &str) -> Result<([sqlite::Database; 2], StoreSide)> {
    let [path, turned] = files(directory, side);
    let [db, turned] = [sqlite_database(path).await?, sqlite_database(turned).await?];
    let vault = sqlite_vault(&db, [1, 2]).await?;
    let rewrapped = turned.clone();
    let open: Open = Arc::new(move |turn| {
        let db = rewrapped.clone();
        Box::pin(async move { sqlite_vault(&db, turn).await })
    });
    Ok(([db, turned], StoreSide::new(vault, open).await?))
}

async fn sqlite_database(path: PathBuf) -> Result<sqlite::Database> {
    let db = sqlite::Database::open(sqlite::Options::new(path)).await?;
    db.migrate(&store_vault::sqlite::SCHEMA).await?;
    Ok(db)
}

async fn sqlite_vault(db: &sqlite::Database, turn: [u8; 2]) -> Result<Arc<dyn VaultStore>> {
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    let keys = keys(turn);
    Ok(Arc::new(SqliteCredentialVault::new(db.clone(), json, clock, &keys).await?))
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
