//! A queue that several processes work on, and those processes.

use std::future::Future;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use store_core::queue::{AssignmentOutcome, Job, JobState, NewJob};
use store_core::workflow::WorkflowStore;
use store_core::{Backend, Databases, JobId, Settings};
use store_tests::fixture::{Place, Workflows};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_store-test-worker");

/// How long a test waits for what has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The shortest lease there is.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// The database of a fixture, by the clock of the machine: its processes have no other.
pub(crate) struct Queue {
    pub(crate) store: Arc<dyn WorkflowStore>,
    dsn: String,
    schema: String,
}

impl Queue {
    pub(crate) async fn of(t: &Workflows) -> Self {
        let builder = Settings::builder();
        let (dsn, schema, settings) = match &t.place {
            #[cfg(feature = "sqlite")]
            Place::Sqlite(place) => {
                let path = place.db.path();
                let settings = builder.backend(Backend::Sqlite).sqlite_path(path);
                (format!("sqlite:{}", path.display()), "-".to_owned(), settings)
            }
            #[cfg(feature = "postgres")]
            Place::Postgres(place) => {
                let (dsn, schema) = (store_tests::fixture::postgres::url(), &place.schemas[0]);
                let settings = builder
                    .backend(Backend::Postgres)
                    .sqlite_path("unused.sqlite")
                    .postgres_dsn(&dsn)
                    .postgres_schema(schema);
                (dsn, schema.clone(), settings)
            }
        };
        let databases = Databases::new(settings.build().unwrap());
        let store = store_workflow::open(&databases).await.unwrap();
        Self { store, dsn, schema }
    }

    /// Tells which backend it is.
    pub(crate) fn is_sqlite(&self) -> bool {
        self.dsn.starts_with("sqlite:")
    }

    /// Starts a process.
    pub(crate) fn process(&self, arguments: &[&str]) -> Process {
        let mut command = Command::new(PROGRAM);
        command.arg(&self.dsn).arg(&self.schema).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the process starts");
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Process { child, input, lines }
    }

    /// Enqueues a job.
    pub(crate) async fn enqueue(&self, new: NewJob) -> JobId {
        self.store.enqueue(new).await.unwrap().job.id
    }

    /// Enqueues any number of jobs.
    pub(crate) async fn enqueue_all(&self, jobs: impl IntoIterator<Item = NewJob>) -> Vec<JobId> {
        let jobs: Vec<NewJob> = jobs.into_iter().collect();
        let mut ids = Vec::with_capacity(jobs.len());
        for batch in jobs.chunks(1000) {
            let enqueued = self.store.enqueue_many(batch.to_vec()).await.unwrap();
            ids.extend(enqueued.into_iter().map(|enqueued| enqueued.job.id));
        }
        ids
    }

    /// Waits until a job has ended.
    pub(crate) async fn ended(&self, id: JobId) -> Job {
        let fetch = || async {
            let job = self.store.fetch_job(id).await.unwrap();
            job.state.is_finished().then_some(job)
        };
        until("the job has ended", fetch).await
    }

    /// How the attempts at a job ended.
    pub(crate) async fn outcomes(&self, id: JobId) -> Vec<Option<AssignmentOutcome>> {
        let history = self.store.job_history(id).await.unwrap();
        history.into_iter().map(|assignment| assignment.outcome).collect()
    }

    /// Asserts that a job succeeded at its first attempt.
    pub(crate) async fn assert_done_once(&self, id: JobId) {
        assert_eq!(self.store.fetch_job(id).await.unwrap().state, JobState::Succeeded);
        assert_eq!(self.outcomes(id).await, [Some(AssignmentOutcome::Succeeded)]);
    }
}

/// Another process that works on the queue.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Returns the next line it prints, or nothing after the last.
    pub(crate) async fn next(&mut self) -> Option<Vec<Value>> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("the process goes on").expect("the pipe is readable")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|_not_json| panic!("not a list: {line}")))
    }

    /// Returns the next line, and asserts that it begins with a word.
    pub(crate) async fn tells(&mut self, word: &str) -> Vec<Value> {
        let line = self.next().await.unwrap_or_else(|| panic!("it ended before `{word}`"));
        assert_eq!(line[0], word, "{line:?}");
        line
    }

    /// Gives it a line.
    pub(crate) async fn go_on(&mut self) {
        let input = self.input.as_mut().expect("it was not closed");
        input.write_all(b"go on\n").await.expect("the process reads");
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args([signal, &id]).status().await;
        assert!(status.expect("`kill` runs").success());
    }

    /// Tells it to end, and returns the lines that are left.
    pub(crate) async fn end(mut self) -> Vec<Vec<Value>> {
        drop(self.input.take());
        let mut lines = Vec::new();
        while let Some(line) = self.next().await {
            lines.push(line);
        }
        let status = self.child.wait().await.expect("the process ends");
        assert!(status.success(), "{status}");
        lines
    }

    /// Waits until it was killed, and returns the lines that are left.
    pub(crate) async fn killed(mut self) -> Vec<Vec<Value>> {
        let mut lines = Vec::new();
        while let Some(line) = self.next().await {
            lines.push(line);
        }
        let status = self.child.wait().await.expect("the process ends");
        assert_eq!(status.code(), None, "it was killed, it did not end by itself");
        lines
    }
}

/// Reads an id that a process told.
pub(crate) fn id(value: &Value) -> JobId {
    serde_json::from_value(value.clone()).expect("an id")
}

/// Waits until something is there.
pub(crate) async fn until<T, F, Fut>(what: &str, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
