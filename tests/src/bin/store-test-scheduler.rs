//! A second process for tests: several schedulers of the same database.
//!
//! `store-test-scheduler SCHEDULERS DSN [SCHEMA]`, where the DSN is `sqlite:PATH` or a PostgreSQL
//! URL. It reads instants, one per line. At each, all its schedulers dispatch at once what is due,
//! and whoever got a run brings it to its end; the answer is one line of JSON: a list of
//! `[workflow, occurrence]`.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};
use store_core::workflow::WorkflowStore;
use store_core::{Actor, Backend, Databases, Settings, Timestamp};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let told = writeln!(std::io::stderr(), "{error}");
            if told.is_ok() { ExitCode::FAILURE } else { ExitCode::from(2) }
        }
    }
}

fn run() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let schedulers: u32 = arguments.next().ok_or("a number of schedulers is missing")?.parse()?;
    let dsn = arguments.next().ok_or("a DSN is missing")?;
    let settings = settings(&dsn, arguments.next())?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(answer_instants(settings, schedulers))
}

fn settings(dsn: &str, schema: Option<String>) -> Outcome<Settings> {
    let builder = match dsn.strip_prefix("sqlite:") {
        Some(path) => Settings::builder().backend(Backend::Sqlite).sqlite_path(path),
        None => Settings::builder()
            .backend(Backend::Postgres)
            .sqlite_path("unused.sqlite")
            .postgres_dsn(dsn)
            .postgres_schema(schema.ok_or("a schema is missing")?),
    };
    Ok(builder.build()?)
}

async fn answer_instants(settings: Settings, schedulers: u32) -> Outcome<()> {
    let databases = Databases::new(settings);
    let store = store_workflow::open(&databases).await?;
    for line in std::io::stdin().lock().lines() {
        let now: Timestamp = line?.parse()?;
        let mut tasks = JoinSet::new();
        for _ in 0..schedulers {
            tasks.spawn(dispatch(Arc::clone(&store), now));
        }
        let mut fired = Vec::new();
        while let Some(task) = tasks.join_next().await {
            fired.extend(task??);
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", Value::Array(fired))?;
        out.flush()?;
    }
    databases.close().await;
    Ok(())
}

/// Starts what is due, ends it, and returns it.
async fn dispatch(store: Arc<dyn WorkflowStore>, now: Timestamp) -> Outcome<Vec<Value>> {
    let worker = Actor::new("worker")?;
    let mut fired = Vec::new();
    for run in store.dispatch_due_cron(now, 1000, None).await? {
        store.start_run(&worker, run.id).await?;
        store.succeed_run(&worker, run.id, None).await?;
        fired.push(json!([run.workflow_id, run.input["scheduled_for"]]));
    }
    Ok(fired)
}
