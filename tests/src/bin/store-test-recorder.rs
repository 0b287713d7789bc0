//! A second process for tests: many recorders of training checkpoints on the same database.
//!
//! `store-test-recorder RECORDERS EACH WORKFLOW DSN [SCHEMA]`, where the DSN is `sqlite:PATH` or a
//! PostgreSQL URL. It says `ready`, waits for a line, and then records so many checkpoints from
//! each of so many recorders at once; every third one is the best. The answer is one line of JSON:
//! the list of the versions they got.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;
use store_core::checkpoints::{CheckpointStore, Metrics, NewCheckpoint};
use store_core::{Backend, Databases, Settings};
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recorders, each, workflow, dsn, schema @ ..] = arguments.as_slice() else {
        return Err("recorders, each, a workflow and a DSN are missing".into());
    };
    let settings = settings(dsn, schema.first())?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(record_all(settings, recorders.parse()?, each.parse()?, workflow))
}

fn settings(dsn: &str, schema: Option<&String>) -> Outcome<Settings> {
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

async fn record_all(settings: Settings, recorders: u32, each: u32, workflow: &str) -> Outcome<()> {
    let databases = Databases::new(settings);
    let store = store_checkpoints::open(&databases).await?;
    tell("ready")?;
    std::io::stdin().read_line(&mut String::new())?;
    let mut tasks = JoinSet::new();
    for recorder in 0..recorders {
        tasks.spawn(record(Arc::clone(&store), recorder, each, workflow.to_owned()));
    }
    let mut versions = Vec::new();
    while let Some(task) = tasks.join_next().await {
        versions.extend(task??);
    }
    tell(&json!(versions).to_string())?;
    databases.close().await;
    Ok(())
}

async fn record(
    store: Arc<dyn CheckpointStore>,
    recorder: u32,
    each: u32,
    workflow: String,
) -> Outcome<Vec<i32>> {
    let mut versions = Vec::new();
    for number in 0..each {
        let new = NewCheckpoint {
            is_best: (recorder + number).is_multiple_of(3),
            metrics: Metrics::new().with("number", f64::from(number))?,
            ..NewCheckpoint::new(&workflow)
        };
        versions.push(store.record(new).await?.config_version);
    }
    Ok(versions)
}

/// Prints a line at once.
fn tell(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
