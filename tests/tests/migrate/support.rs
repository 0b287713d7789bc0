//! The command as a process, schemas of tests' own, and small sources.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use store_core::ManualClock;
use store_migrate::model::Layout;
use store_migrate::{Control, Job, RunReport};
use store_tests::fixture::{noon, postgres, sqlite};
use store_tests::samples::{execution, id, step};
use tempfile::TempDir;

/// The command.
const PROGRAM: &str = env!("CARGO_BIN_EXE_store-test-migrate");

/// How a process ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code; none when it was killed.
    pub(crate) code: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// Reads the one report on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    /// Asserts how it ended.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that it was refused, and that the message says all of this.
    #[track_caller]
    pub(crate) fn refused(self, words: &[&str]) {
        let ran = self.ended(1);
        for word in words {
            assert!(ran.stderr.contains(word), "`{word}` is not in: {}", ran.stderr);
        }
    }
}

/// Makes the command: a subcommand between two databases.
pub(crate) fn command(what: &str, from: &str, to: &str, more: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--json", what, "--from", from, "--to", to]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Makes the command with any arguments.
pub(crate) fn plain(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    command
}

/// Runs a command to its end.
pub(crate) fn output(mut command: Command) -> Ran {
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes UTF-8");
    Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs a subcommand between two databases to its end.
pub(crate) fn migrate(what: &str, from: &str, to: &str, more: &[&str]) -> Ran {
    output(command(what, from, to, more))
}

/// Starts a process that nobody listens to.
pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Kills a process as nothing can prepare for, and waits for its end.
pub(crate) fn kill(child: &mut Child) {
    // It may have ended already.
    let _ended = child.kill();
    child.wait().expect("it can be waited for");
}

/// Runs a migration in this process and asserts that both sides are equal.
pub(crate) async fn moved(from: &str, to: &str) -> RunReport {
    let job = job(from, to);
    let report = store_migrate::run(&job, &Control::default()).await.expect("it is moved");
    let validation = &report.validation;
    assert_eq!(validation.difference_count, 0, "{:?}", validation.differences);
    assert_eq!(validation.source_root, validation.target_root);
    report
}

/// Describes a migration with the defaults.
pub(crate) fn job(from: &str, to: &str) -> Job {
    let location = |text: &str| text.parse().expect("a location");
    Job::new(location(from), location(to), Layout::Stores).expect("one of each kind")
}

/// A schema of the server for tests, empty at first.
#[derive(Debug)]
pub(crate) struct Schema {
    /// Its name.
    pub(crate) name: String,
}

impl Schema {
    /// Makes one.
    pub(crate) async fn fresh() -> Self {
        let name = postgres::unique_schema();
        postgres::connect().await.batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
        Self { name }
    }

    /// Returns the URL by which it is named as a location.
    pub(crate) fn url(&self) -> String {
        let url = postgres::url();
        let sign = if url.contains('?') { '&' } else { '?' };
        format!("{url}{sign}options=-csearch_path%3D{}", self.name)
    }

    /// Connects to it with the raw driver.
    pub(crate) async fn connect(&self) -> tokio_postgres::Client {
        let client = postgres::connect().await;
        client.batch_execute(&format!("SET search_path = {}", self.name)).await.unwrap();
        client
    }

    /// Runs statements.
    pub(crate) async fn sql(&self, statements: &str) {
        self.connect().await.batch_execute(statements).await.expect("the statements are sound");
    }

    /// Returns the one number that a query gives.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.connect().await.query_one(query, &[]).await.expect("the query runs").get(0)
    }

    /// Returns how many tables it has.
    pub(crate) async fn tables(&self) -> i64 {
        let query =
            "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace";
        self.number(query).await
    }

    /// Drops it, when the test passed.
    pub(crate) async fn drop(self) {
        let drop = format!("DROP SCHEMA {} CASCADE", self.name);
        postgres::connect().await.batch_execute(&drop).await.expect("it is dropped");
    }
}

/// A directory with a source of run history in it.
#[derive(Debug)]
pub(crate) struct Source {
    /// The directory.
    pub(crate) directory: TempDir,
}

impl Source {
    /// Makes one execution with so many steps, and one without any.
    pub(crate) async fn with_steps(count: usize) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let source = Self { directory };
        let db = sqlite::open(source.path()).await;
        let store = sqlite::store(&db, &ManualClock::new(noon()));
        store.start(execution("e")).await.unwrap();
        store.start(execution("none")).await.unwrap();
        let steps: Vec<_> = (0..count).map(|n| step(json!({ "n": n, "text": "späße" }))).collect();
        for chunk in steps.chunks(500) {
            store.append_steps(&id("e"), chunk.to_vec()).await.unwrap();
        }
        db.close().await;
        source
    }

    /// Returns where the source is.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("source.sqlite")
    }

    /// Returns the source as a location.
    pub(crate) fn url(&self) -> String {
        file_url(&self.path())
    }

    /// Returns another file of the directory as a location.
    pub(crate) fn beside(&self, name: &str) -> String {
        file_url(&self.directory.path().join(name))
    }

    /// Runs statements on the source.
    pub(crate) fn sql(&self, statements: &str) {
        sql(&self.path(), statements);
    }
}

/// Names a file as a location.
pub(crate) fn file_url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Opens a file with the raw driver.
pub(crate) fn open(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).expect("the file opens")
}

/// Runs statements on a file.
pub(crate) fn sql(path: &Path, statements: &str) {
    open(path).execute_batch(statements).expect("the statements are sound");
}

/// Returns the one number that a query on a file gives.
pub(crate) fn number(path: &Path, query: &str) -> i64 {
    open(path).query_row(query, [], |row| row.get(0)).expect("the query runs")
}
