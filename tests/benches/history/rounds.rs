//! Setting the sides up, and letting them take turns.

use std::env;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use store_core::SystemClock;
use store_core::json::JsonPolicy;
use store_core::postgres::Database;
use store_core::sqlite;
use store_history::postgres::PostgresRunHistoryStore;
use store_history::sqlite::SqliteRunHistoryStore;
use store_tests::fixture;

use crate::load::{Figures, median};
use crate::operation::{self, Operation};
use crate::raw_postgres::RawPostgres;
use crate::raw_sqlite::RawSqlite;
use crate::store::StoreSide;
use crate::{Plan, Result, processes};

/// One line of the table: medians over the rounds, and the median of the ratios of each round.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) backend: &'static str,
    pub(crate) operation: Operation,
    pub(crate) callers: usize,
    pub(crate) processes: usize,
    pub(crate) store: Figures,
    pub(crate) raw: Figures,
    pub(crate) ratio: f64,
}

/// Measures PostgreSQL in a schema of its own.
pub(crate) async fn postgres(plan: &Plan) -> Result<Vec<Outcome>> {
    let client = fixture::postgres::connect().await;
    let fsync: String = client.query_one("SHOW fsync", &[]).await?.try_get(0)?;
    let commit: String = client.query_one("SHOW synchronous_commit", &[]).await?.try_get(0)?;
    if (fsync.as_str(), commit.as_str()) != ("on", "on") {
        let found = format!("fsync is {fsync}, synchronous_commit is {commit}");
        return Err(format!("{found}: without durable commits the numbers mean nothing").into());
    }
    let schema = fixture::postgres::unique_schema();
    let outcome = measure_postgres(plan, &schema).await;
    client.batch_execute(&format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE")).await?;
    outcome
}

async fn measure_postgres(plan: &Plan, schema: &str) -> Result<Vec<Outcome>> {
    let store = postgres_store(schema).await;
    operation::seed(store.store.as_ref()).await?;
    let raw = RawPostgres::connect(schema).await?;
    let mut outcomes = Vec::new();
    for (operation, callers) in combinations(plan) {
        let measured = |round| store.measure(operation, callers, round);
        let beside = |round| raw.measure(operation, callers, round);
        let (store, raw, ratio) = take_turns(plan, measured, beside).await?;
        outcomes.push(Outcome {
            backend: "postgres",
            operation,
            callers,
            processes: 1,
            store,
            raw,
            ratio,
        });
        tell(outcomes.last());
    }
    if plan.operations.contains(&Operation::AppendStep) && plan.callers.contains(&100) {
        let operation = Operation::AppendStep;
        let measured = |round| processes::measure(schema, round);
        let beside = |round| raw.measure(operation, 100, round);
        let (store, raw, ratio) = take_turns(plan, measured, beside).await?;
        outcomes.push(Outcome {
            backend: "postgres",
            operation,
            callers: 100,
            processes: 2,
            store,
            raw,
            ratio,
        });
        tell(outcomes.last());
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
pub(crate) async fn sqlite(plan: &Plan) -> Result<Vec<Outcome>> {
    let directory = tempfile::Builder::new().prefix("history-").tempdir_in(bench_directory()?)?;
    let (store, db) = sqlite_store(directory.path().join("store.sqlite")).await?;
    let path = directory.path().join("raw.sqlite");
    let (_, seeded) = sqlite_store(path.clone()).await?;
    seeded.close().await;
    let raw = RawSqlite::open(&path)?;
    let mut outcomes = Vec::new();
    for (operation, callers) in combinations(plan) {
        let measured = |round| store.measure(operation, callers, round);
        let beside = |round| raw.measure(operation, callers, round);
        let (store, raw, ratio) = take_turns(plan, measured, beside).await?;
        outcomes.push(Outcome {
            backend: "sqlite",
            operation,
            callers,
            processes: 1,
            store,
            raw,
            ratio,
        });
        tell(outcomes.last());
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

/// `bench` in the directory Cargo built this in: a real disk, where /tmp may be memory.
fn bench_directory() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let built_in = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    let directory = built_in.ok_or("this program is in no target directory")?.join("bench");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn combinations(plan: &Plan) -> impl Iterator<Item = (Operation, usize)> + '_ {
    let callers = &plan.callers;
    plan.operations.iter().flat_map(|operation| callers.iter().map(|n| (*operation, *n)))
}

/// Warms both sides up and lets them take turns; each begins every other round.
async fn take_turns<S, R>(
    plan: &Plan,
    store: impl Fn(Duration) -> S,
    raw: impl Fn(Duration) -> R,
) -> Result<(Figures, Figures, f64)>
where
    S: Future<Output = Result<Figures>>,
    R: Future<Output = Result<Figures>>,
{
    let warm_up = plan.round.min(Duration::from_millis(500));
    store(warm_up).await?;
    raw(warm_up).await?;
    let (mut stores, mut raws) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        if round % 2 == 0 {
            stores.push(store(plan.round).await?);
            raws.push(raw(plan.round).await?);
        } else {
            raws.push(raw(plan.round).await?);
            stores.push(store(plan.round).await?);
        }
    }
    // The single rounds: medians hide a machine that is not quiet.
    let rates = |rounds: &[Figures]| {
        rounds.iter().map(|one| format!("{:.0}", one.rate)).collect::<Vec<_>>().join(" ")
    };
    eprintln!("  ops/s by round: store {}; raw {}", rates(&stores), rates(&raws));
    let ratios = stores.iter().zip(&raws).map(|(store, raw)| store.rate / raw.rate).collect();
    Ok((Figures::median(&stores), Figures::median(&raws), median(ratios)))
}

fn tell(outcome: Option<&Outcome>) {
    let Some(Outcome { backend, operation, callers, processes, ratio, .. }) = outcome else {
        return;
    };
    eprintln!(
        "  {backend} {} {processes} x {} callers: ratio {ratio:.2}",
        operation.name(),
        callers / processes
    );
}
