//! The helper binary as a second process.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use store_core::{RunId, WorkflowId};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::fixture::{History, Place};

/// A program that works on the database of a test from another process.
#[derive(Debug, Clone)]
pub struct Helper {
    program: String,
    dsn: String,
    schema: Option<String>,
}

impl Helper {
    /// Lets `program` (`env!("CARGO_BIN_EXE_store-test-helper")`) work on a SQLite file.
    pub fn on_file(program: &str, path: &Path) -> Self {
        let dsn = format!("sqlite:{}", path.display());
        Self { program: program.to_owned(), dsn, schema: None }
    }

    /// Lets `program` work on a schema of the server for tests.
    #[cfg(feature = "postgres")]
    pub fn on_schema(program: &str, schema: &str) -> Self {
        let dsn = crate::fixture::postgres::url();
        Self { program: program.to_owned(), dsn, schema: Some(schema.to_owned()) }
    }

    /// Lets `program` work on the database of a fixture of run history.
    pub fn on(program: &str, history: &History) -> Self {
        Self::on_place(program, &history.place)
    }

    /// Lets `program` work on the database of a fixture.
    pub fn on_place(program: &str, place: &Place) -> Self {
        match place {
            #[cfg(feature = "sqlite")]
            Place::Sqlite(place) => Self::on_file(program, place.db.path()),
            #[cfg(feature = "postgres")]
            Place::Postgres(place) => Self::on_schema(program, &place.schemas[0]),
        }
    }

    /// Appends `each` steps from each of `tasks` tasks and returns the indices they got.
    pub async fn append(&self, execution: &str, tasks: u32, each: u32) -> Vec<i64> {
        let (tasks, each) = (tasks.to_string(), each.to_string());
        let arguments = ["append", "--execution", execution, "--tasks", &tasks, "--each", &each];
        let mut answer = self.answer(&arguments).await;
        serde_json::from_value(answer["indices"].take()).expect("a list of indices")
    }

    /// Starts all of these runs at once and returns those that were started.
    pub async fn start_runs(&self, runs: &[RunId]) -> Vec<RunId> {
        let runs: Vec<String> = runs.iter().map(RunId::to_string).collect();
        let mut answer = self.answer(&["start-runs", "--runs", &runs.join(",")]).await;
        serde_json::from_value(answer["started"].take()).expect("a list of ids")
    }

    /// Renames a workflow `each` times from each of `tasks` tasks.
    pub async fn rename(&self, workflow: WorkflowId, tasks: u32, each: u32) {
        let (id, tasks, each) = (workflow.to_string(), tasks.to_string(), each.to_string());
        let arguments = ["rename", "--workflow", &id, "--tasks", &tasks, "--each", &each];
        self.answer(&arguments).await;
    }

    /// Takes a lock `each` times in each of `tasks` tasks; whoever holds it writes its token to a
    /// file, once when it begins and once before it ends.
    pub async fn contend(&self, lock: &str, tasks: u32, each: u32, file: &Path) {
        let (tasks, each) = (tasks.to_string(), each.to_string());
        let file = file.to_str().expect("a path of characters");
        let mut arguments = vec!["contend", "--lock", lock, "--file", file];
        arguments.extend(["--tasks", &tasks, "--each", &each]);
        self.answer(&arguments).await;
    }

    /// Holds a lock until the process is killed, and returns once it does.
    pub async fn hold(&self, lock: &str, ttl: Duration) -> Forever {
        let seconds = ttl.as_secs().to_string();
        let mut holder = self.forever(&["hold", "--lock", lock, "--seconds", &seconds]);
        assert_eq!(holder.acknowledged(1).await[0].0, "holds");
        holder
    }

    /// Opens and migrates the database `times` times, for every crate.
    pub async fn start(&self, times: u32) {
        let answer = self.answer(&["start", "--times", &times.to_string()]).await;
        assert_eq!(answer["started"], times);
    }

    /// Reads the indices and payloads of an execution.
    pub async fn read(&self, execution: &str) -> Vec<(i64, Value)> {
        let answer = self.answer(&["read", "--execution", execution]).await;
        serde_json::from_value(answer).expect("a list of steps")
    }

    /// Appends from `tasks` tasks until it is killed.
    pub fn append_forever(&self, execution: &str, tasks: u32) -> Forever {
        let tasks = tasks.to_string();
        self.forever(&["append-forever", "--execution", execution, "--tasks", &tasks])
    }

    fn forever(&self, arguments: &[&str]) -> Forever {
        let mut child = self.command(arguments).spawn().expect("the helper starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Forever { child, lines }
    }

    /// Runs a command to its end and returns the line it prints.
    async fn answer(&self, arguments: &[&str]) -> Value {
        let output: Output =
            self.command(arguments).output().await.expect("the helper can be started");
        let text = String::from_utf8_lossy(&output.stdout);
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}{problem}");
        serde_json::from_str(&text).expect("one line of JSON")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(arguments[0]).arg(&self.dsn).args(&arguments[1..]);
        if let Some(schema) = &self.schema {
            command.args(["--schema", schema]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }
}

/// A process that goes on until it is killed.
#[derive(Debug)]
pub struct Forever {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Forever {
    /// Waits for `count` acknowledged steps: what identifies each, and its index or token.
    pub async fn acknowledged(&mut self, count: usize) -> Vec<(String, i64)> {
        let mut steps = Vec::with_capacity(count);
        while steps.len() < count {
            steps.push(self.next().await.expect("the helper goes on until it is killed"));
        }
        steps
    }

    /// Kills the process without warning and returns what it had acknowledged besides.
    pub async fn kill(mut self) -> Vec<(String, i64)> {
        self.child.start_kill().expect("the helper is still there");
        let mut steps = Vec::new();
        while let Some(step) = self.next().await {
            steps.push(step);
        }
        let status = self.child.wait().await.expect("the helper ends");
        assert!(!status.success(), "it was killed, it did not end by itself");
        steps
    }

    async fn next(&mut self) -> Option<(String, i64)> {
        let line = self.lines.next_line().await.expect("the pipe is readable")?;
        let (name, index) = line.split_once(' ').unwrap_or_else(|| panic!("not a step: {line}"));
        Some((name.to_owned(), index.parse().expect("an index")))
    }
}
