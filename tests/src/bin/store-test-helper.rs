//! A second process for tests: it opens a store as an application does, and works on it.
//!
//! `store-test-helper COMMAND DSN [--schema NAME] [--execution ID] [--workflow ID] [--runs ID,ID]
//! [--lock NAME] [--file PATH] [--seconds N] [--tasks N] [--each N] [--times N]`, where the DSN is `sqlite:PATH` or a PostgreSQL URL.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use store_core::history::{NewStep, RunHistoryStore};
use store_core::queue::LockGuard;
use store_core::workflow::{WorkflowStore, WorkflowUpdate};
use store_core::{Actor, Backend, Databases, Error as StoreError, ExecutionId, RunId, Settings};
use store_core::{Result as StoreResult, Subsystem, WorkflowId};
use store_tests::fixture::graph::keys;
use store_workflow::locking::with_lock;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let (line, code) = match run() {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(error) => (json!({"error": error.to_string()}), ExitCode::FAILURE),
    };
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => code,
        Err(_nobody_listens) => ExitCode::FAILURE,
    }
}

fn run() -> Outcome<Value> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(carry_out(&arguments))
}

async fn carry_out(arguments: &Arguments) -> Outcome<Value> {
    let settings = arguments.settings()?;
    if arguments.command == "start" {
        return start(&settings, arguments.number("--times")?).await;
    }
    let databases = Databases::new(settings);
    let answer = match arguments.command.as_str() {
        "start-runs" | "rename" => on_workflows(&databases, arguments).await,
        "contend" | "hold" => on_locks(&databases, arguments).await,
        _ => on_history(&databases, arguments).await,
    };
    databases.close().await;
    answer
}

async fn on_history(databases: &Databases, arguments: &Arguments) -> Outcome<Value> {
    let store = store_history::open(databases).await?;
    let id = ExecutionId::new(arguments.text("--execution")?)?;
    match arguments.command.as_str() {
        "append" => {
            let (tasks, each) = (arguments.number("--tasks")?, arguments.number("--each")?);
            append(&store, &id, tasks, Some(each)).await
        }
        "append-forever" => append(&store, &id, arguments.number("--tasks")?, None).await,
        "read" => read(store.as_ref(), &id).await,
        other => Err(format!("unknown command `{other}`").into()),
    }
}

async fn on_workflows(databases: &Databases, arguments: &Arguments) -> Outcome<Value> {
    let store = store_workflow::open(databases).await?;
    if arguments.command == "start-runs" {
        let runs = arguments.text("--runs")?.split(',').map(str::parse);
        return start_runs(&store, runs.collect::<StoreResult<_>>()?).await;
    }
    let id: WorkflowId = arguments.text("--workflow")?.parse()?;
    let (tasks, each) = (arguments.number("--tasks")?, arguments.number("--each")?);
    let tasks: Vec<_> = (0..tasks)
        .map(|task| tokio::spawn(rename_one_by_one(Arc::clone(&store), id, task, each)))
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(json!({}))
}

/// Starts all runs at once; those that somebody else started are left out.
async fn start_runs(store: &Arc<dyn WorkflowStore>, runs: Vec<RunId>) -> Outcome<Value> {
    let actor = Actor::new(format!("process-{}", std::process::id()))?;
    let starts = runs.into_iter().map(|id| {
        let (store, actor) = (Arc::clone(store), actor.clone());
        tokio::spawn(async move { store.start_run(&actor, id).await })
    });
    let mut started = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        match start.await? {
            Ok(run) => started.push(run.id),
            Err(StoreError::InvalidState { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(json!({ "started": started }))
}

async fn rename_one_by_one(
    store: Arc<dyn WorkflowStore>,
    id: WorkflowId,
    task: u64,
    each: u64,
) -> Outcome<()> {
    let actor = Actor::new(format!("process-{}", std::process::id()))?;
    for n in 0..each {
        let name = Some(format!("{actor}-{task}-{n}"));
        store.update_workflow(&actor, id, WorkflowUpdate { name, ..Default::default() }).await?;
    }
    Ok(())
}

async fn on_locks(databases: &Databases, arguments: &Arguments) -> Outcome<Value> {
    let store = store_workflow::open(databases).await?;
    let lock = arguments.text("--lock")?;
    if arguments.command == "hold" {
        return hold(store.as_ref(), lock, arguments.number("--seconds")?).await;
    }
    let (tasks, each) = (arguments.number("--tasks")?, arguments.number("--each")?);
    let file = arguments.text("--file")?;
    let tasks = (0..tasks).map(|task| {
        let (store, lock, file) = (Arc::clone(&store), lock.to_owned(), file.to_owned());
        tokio::spawn(async move { contend(store.as_ref(), &lock, task, each, &file).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(json!({}))
}

/// Takes a lock as often as asked, and writes its tokens to a file while it is held.
async fn contend(
    store: &dyn WorkflowStore,
    lock: &str,
    task: u64,
    each: u64,
    file: &str,
) -> Outcome<()> {
    const TTL: Duration = Duration::from_secs(60);
    let owner = format!("process-{}-{task}", std::process::id());
    for _ in 0..each {
        let work = async |guard: LockGuard| {
            let written = write_line(file, &format!("begin {}", guard.epoch));
            // Long enough that others would come between, if they could.
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(written.and_then(|()| write_line(file, &format!("end {}", guard.epoch))))
        };
        loop {
            match with_lock(store, lock, &owner, TTL, work).await? {
                Some(written) => break written?,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
    Ok(())
}

/// Adds a line to a file by one write, which no other one divides.
fn write_line(file: &str, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Holds a lock until the process is killed.
async fn hold(store: &dyn WorkflowStore, lock: &str, seconds: u64) -> Outcome<Value> {
    let owner = format!("process-{}", std::process::id());
    let work = async |guard: LockGuard| {
        let mut out = std::io::stdout().lock();
        let told = writeln!(out, "holds {}", guard.epoch).and_then(|()| out.flush());
        drop(out);
        if told.is_ok() {
            std::future::pending::<()>().await;
        }
        Ok(())
    };
    with_lock(store, lock, &owner, Duration::from_secs(seconds), work).await?;
    Err("the lock is held by somebody else".into())
}

/// Opens and migrates as often as asked, each time as a process does that starts.
async fn start(settings: &Settings, times: u64) -> Outcome<Value> {
    for _ in 0..times {
        let databases = Databases::new(settings.clone());
        drop(store_chatkit::open(&databases).await?);
        drop(store_checkpoints::open(&databases).await?);
        drop(store_history::open(&databases).await?);
        drop(store_tokens::open(&databases).await?);
        drop(store_vault::open_with(&databases, &keys(1)).await?);
        drop(store_workflow::open(&databases).await?);
        databases.close().await;
    }
    Ok(json!({ "started": times }))
}

/// Appends from several tasks at once. Without an end, every acknowledged step is shown at once.
async fn append(
    store: &Arc<dyn RunHistoryStore>,
    id: &ExecutionId,
    tasks: u64,
    each: Option<u64>,
) -> Outcome<Value> {
    let tasks: Vec<_> = (0..tasks)
        .map(|task| tokio::spawn(append_one_by_one(Arc::clone(store), id.clone(), task, each)))
        .collect();
    let mut indices = Vec::new();
    for task in tasks {
        indices.extend(task.await??);
    }
    Ok(json!({ "indices": indices }))
}

async fn append_one_by_one(
    store: Arc<dyn RunHistoryStore>,
    id: ExecutionId,
    task: u64,
    each: Option<u64>,
) -> Outcome<Vec<i64>> {
    let pid = std::process::id();
    let mut indices = Vec::new();
    for n in 0..each.unwrap_or(u64::MAX) {
        let payload = json!({"pid": pid, "task": task, "n": n});
        let step = store.append_step(&id, NewStep::new(payload)).await?;
        match each {
            Some(_) => indices.push(step.index),
            // One write for the line, so that a kill never cuts it in two.
            None => {
                let line = format!("{pid}-{task}-{n} {}\n", step.index);
                let mut out = std::io::stdout().lock();
                out.write_all(line.as_bytes())?;
                out.flush()?;
            }
        }
    }
    Ok(indices)
}

async fn read(store: &dyn RunHistoryStore, id: &ExecutionId) -> Outcome<Value> {
    let steps: Vec<_> = store.stream_steps(id).try_collect().await?;
    Ok(steps.into_iter().map(|step| json!([step.index, step.payload])).collect())
}

struct Arguments {
    command: String,
    dsn: String,
    options: HashMap<String, String>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let command = arguments.next().ok_or("a command is missing")?;
        let dsn = arguments.next().ok_or("a DSN is missing")?;
        let mut options = HashMap::new();
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} has no value"))?;
            options.insert(name, value);
        }
        Ok(Self { command, dsn, options })
    }

    fn text(&self, name: &str) -> Outcome<&str> {
        Ok(self.options.get(name).ok_or_else(|| format!("{name} is missing"))?)
    }

    fn number(&self, name: &str) -> Outcome<u64> {
        Ok(self.text(name)?.parse()?)
    }

    fn settings(&self) -> Outcome<Settings> {
        let builder = match self.dsn.strip_prefix("sqlite:") {
            Some(path) => Settings::builder().backend(Backend::Sqlite).sqlite_path(path),
            None => Settings::builder()
                .backend(Backend::Postgres)
                .subsystem_backend(Subsystem::Vault, Backend::Postgres)
                .sqlite_path("unused.sqlite")
                .postgres_dsn(&self.dsn)
                .postgres_schema(self.text("--schema")?),
        };
        Ok(builder.build()?)
    }
}
