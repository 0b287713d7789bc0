//! A second process for tests: a worker of the same database, or somebody who enqueues.
//!
//! `store-test-worker DSN SCHEMA COMMAND …`, where the DSN is `sqlite:PATH` (the schema is then
//! `-`) or a PostgreSQL URL. Every line it prints is a JSON list.
//!
//! - `run ID CONCURRENCY LEASE_MS` carries out jobs until its standard input ends;
//! - `drain ID CONCURRENCY LEASE_MS` does so until none is left;
//! - `hold LEASE_MS` claims a job, waits for a line, and tries everything that a lease allows;
//! - `enqueue KEY COUNT` waits for a line, and enqueues a job with a unique key so many times;
//! - `enqueue-each KIND COUNT` enqueues so many jobs, one after the other.
//!
//! The kinds of jobs it knows: `record` tells that it was handled; `nap` first takes as many
//! milliseconds as its payload says; `die` kills the process; `gate` counts in the database how
//! many of its key, and of all, are handled at the same time.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use store_core::queue::{ClaimRequest, JobLease, NewJob, Retry, UniqueKey, UniquePolicy};
use store_core::workflow::WorkflowStore;
use store_core::{Backend, Databases, Error as StoreError, Settings, Timestamp};
use store_workflow::worker::{JobContext, JobError, Worker};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Store = Arc<dyn WorkflowStore>;

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
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [dsn, schema, command @ ..] = arguments.as_slice() else {
        return Err("a DSN and a schema are missing".into());
    };
    let settings = settings(dsn, schema)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(carry_out(settings, command))
}

fn settings(dsn: &str, schema: &str) -> Outcome<Settings> {
    let builder = match dsn.strip_prefix("sqlite:") {
        Some(path) => Settings::builder().backend(Backend::Sqlite).sqlite_path(path),
        None => Settings::builder()
            .backend(Backend::Postgres)
            .sqlite_path("unused.sqlite")
            .postgres_dsn(dsn)
            .postgres_schema(schema),
    };
    Ok(builder.build()?)
}

async fn carry_out(settings: Settings, command: &[&str]) -> Outcome<()> {
    let databases = Databases::new(settings);
    let store = store_workflow::open(&databases).await?;
    match command {
        ["run", worker @ ..] => self::worker(&store, worker)?.run(input_ended()).await?,
        ["drain", worker @ ..] => self::worker(&store, worker)?.run_until_idle().await?,
        ["hold", lease] => hold(store.as_ref(), millis(lease)?).await?,
        ["enqueue", key, count] => enqueue(&store, key, count.parse()?).await?,
        ["enqueue-each", kind, count] => {
            for _ in 0..count.parse::<u32>()? {
                let job = store.enqueue(NewJob::new(*kind, Value::Null)).await?.job;
                tell(&json!([job.id]))?;
            }
        }
        _ => return Err("an unknown command".into()),
    }
    databases.close().await;
    Ok(())
}

fn worker(store: &Store, arguments: &[&str]) -> Outcome<Worker> {
    let [id, concurrency, lease] = arguments else { return Err("a worker needs three".into()) };
    let builder = Worker::builder(Arc::clone(store))
        .id(*id)
        .concurrency(concurrency.parse()?)
        .lease(millis(lease)?);
    Ok(builder
        .handler("record", async |job: JobContext| told(&job, &json!(null)))
        .handler("nap", async |job: JobContext| {
            tell(&json!(["begun", job.job().id, job.lease().epoch]))?;
            tokio::time::sleep(Duration::from_millis(job.payload_as()?)).await;
            told(&job, &json!(null))
        })
        .handler("die", async |job: JobContext| {
            told(&job, &json!(null))?;
            let me = std::process::id().to_string();
            std::process::Command::new("kill").args(["-KILL", &me]).status()?;
            std::future::pending::<Result<(), JobError>>().await
        })
        .handler("gate", gate)
        .build()?)
}

/// Counts who is inside together with this job.
async fn gate(job: JobContext) -> Result<(), JobError> {
    let key = job.job().concurrency_key.clone().ok_or(JobError::permanent("no key"))?;
    let (store, key) = (job.store(), format!("inside/{key}"));
    let of_key = store.increment_counter(&key, 1).await?;
    let of_all = store.increment_counter("inside", 1).await?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    store.increment_counter("inside", -1).await?;
    store.increment_counter(&key, -1).await?;
    told(&job, &json!([of_key, of_all]))
}

/// Tells that a job was handled.
fn told(job: &JobContext, what: &Value) -> Result<(), JobError> {
    Ok(tell(&json!(["handled", job.job().id, job.lease().epoch, what]))?)
}

async fn hold(store: &dyn WorkflowStore, lease: Duration) -> Outcome<()> {
    let request = ClaimRequest { lease, ..ClaimRequest::new("holder") };
    let claimed = store.claim_jobs(&request).await?.pop().ok_or("there is no job")?;
    tell(&json!(["claimed", claimed.job.id]))?;
    line().await?;
    let lease = &claimed.lease;
    let heartbeat = store.heartbeat_jobs(std::slice::from_ref(lease), request.lease).await?;
    tell(&json!(["heartbeat", format!("{heartbeat:?}").split('(').next()]))?;
    for (name, answer) in writes(store, lease).await {
        let lost = matches!(answer, Err(StoreError::LeaseLost { .. }));
        tell(&json!([name, if lost { "LeaseLost".to_owned() } else { format!("{answer:?}") }]))?;
    }
    Ok(())
}

/// Tries every write that a lease allows.
async fn writes(
    store: &dyn WorkflowStore,
    lease: &JobLease,
) -> Vec<(&'static str, store_core::Result<()>)> {
    let result = || Some(json!("by the first"));
    vec![
        ("progress", store.report_progress(lease, json!("by the first")).await),
        ("complete", store.complete_job(lease, result()).await.map(drop)),
        ("fail", store.fail_job(lease, "by the first", Retry::Never).await.map(drop)),
        ("snooze", store.snooze_job(lease, Timestamp::EPOCH).await.map(drop)),
        ("release", store.release_job(lease).await.map(drop)),
        ("wait_for_event", store.wait_for_event(lease, "by the first").await.map(drop)),
    ]
}

async fn enqueue(store: &Store, key: &str, count: u32) -> Outcome<()> {
    tell(&json!(["ready"]))?;
    line().await?;
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let unique = Some(UniqueKey::new(key, UniquePolicy::Ignore));
        let (store, new) =
            (Arc::clone(store), NewJob { unique, ..NewJob::new("record", json!(0)) });
        tasks.spawn(async move { store.enqueue(new).await });
    }
    while let Some(enqueued) = tasks.join_next().await {
        let enqueued = enqueued??;
        tell(&json!([enqueued.job.id, enqueued.outcome.as_str()]))?;
    }
    Ok(())
}

fn millis(text: &str) -> Outcome<Duration> {
    Ok(Duration::from_millis(text.parse()?))
}

/// Prints a line at once: what was printed is not lost with the process.
fn tell(line: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

async fn line() -> Outcome<String> {
    Ok(tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_bytes| line)
    })
    .await??)
}

async fn input_ended() {
    while line().await.is_ok_and(|line| !line.is_empty()) {}
}
