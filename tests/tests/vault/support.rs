//! A vault that several processes share, and those processes.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use store_core::seal::KeyRing;
use store_core::vault::{Credential, NewCredential, VaultStore};
use store_core::{Backend, Databases, Result, Settings, Subsystem};
use store_tests::fixture::graph::keys;
use store_tests::fixture::{Place, Vaults};
use store_tests::samples::operator;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_store-test-vault");

/// How long a test waits for what has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The database of a fixture, by the clock of the machine: its processes have no other.
pub(crate) struct Installation<'a> {
    pub(crate) store: Arc<dyn VaultStore>,
    pub(crate) place: &'a Place,
    dsn: String,
    schema: String,
}

impl<'a> Installation<'a> {
    pub(crate) async fn of(t: &'a Vaults) -> Self {
        let (dsn, schema) = match &t.place {
            #[cfg(feature = "sqlite")]
            Place::Sqlite(place) => {
                (format!("sqlite:{}", place.db.path().display()), "-".to_owned())
            }
            #[cfg(feature = "postgres")]
            Place::Postgres(place) => {
                (store_tests::fixture::postgres::url(), place.schemas[0].clone())
            }
        };
        let place = &t.place;
        let store = open(&dsn, &schema, &keys(1)).await.expect("the vault opens");
        Self { store, place, dsn, schema }
    }

    /// Opens the vault with other keys.
    pub(crate) async fn opened_with(&self, keys: &KeyRing) -> Result<Arc<dyn VaultStore>> {
        open(&self.dsn, &self.schema, keys).await
    }

    /// Stores a credential.
    pub(crate) async fn put(&self, new: NewCredential) -> Credential {
        self.store.create(&operator(), new).await.expect("the credential is stored")
    }

    /// Returns the one number that a query counts.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.place.rows(query).await[0][0].parse().expect("a number")
    }

    /// Starts a process with keys, and returns once it can begin.
    pub(crate) async fn process(&self, keys: &str, arguments: &[&str]) -> Process {
        let mut command = Command::new(PROGRAM);
        command.arg(&self.dsn).arg(&self.schema).arg(keys).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the process starts");
        let input = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut process = Process { child, input, lines };
        process.tells("ready").await;
        process
    }
}

async fn open(dsn: &str, schema: &str, keys: &KeyRing) -> Result<Arc<dyn VaultStore>> {
    // Most statements are slow then, and traced.
    let builder = Settings::builder().slow_query(Duration::from_millis(1));
    let settings = match dsn.strip_prefix("sqlite:") {
        Some(path) => builder.backend(Backend::Sqlite).sqlite_path(path),
        None => builder
            .backend(Backend::Postgres)
            .subsystem_backend(Subsystem::Vault, Backend::Postgres)
            .sqlite_path("unused.sqlite")
            .postgres_dsn(dsn)
            .postgres_schema(schema),
    };
    let databases = Databases::new(settings.build().expect("the settings are valid"));
    store_vault::open_with(&databases, keys).await
}

/// Another process that works with the vault.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Returns the next line it prints, or nothing after the last.
    pub(crate) async fn next(&mut self) -> Option<Vec<Value>> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("the process goes on").expect("the pipe is readable")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|_not_json| panic!("not a list: {line}")))
    }

    /// Asserts what the next line is.
    pub(crate) async fn tells(&mut self, word: &str) {
        let line = self.next().await.unwrap_or_else(|| panic!("it ended before `{word}`"));
        assert_eq!(line, [word]);
    }

    /// Gives it a line.
    pub(crate) async fn read(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.input.write_all(line.as_bytes()).await.expect("the process reads");
    }

    /// Waits until it ends, and returns the lines that are left.
    pub(crate) async fn end(mut self) -> Vec<Vec<Value>> {
        let mut lines = Vec::new();
        while let Some(line) = self.next().await {
            lines.push(line);
        }
        let status = self.child.wait().await.expect("the process ends");
        assert!(status.success(), "{status}");
        lines
    }

    /// Kills it without warning.
    pub(crate) async fn kill(mut self) {
        self.child.start_kill().expect("the process is still there");
        let status = self.child.wait().await.expect("the process ends");
        assert_eq!(status.code(), None, "it was killed, it did not end by itself");
    }
}

/// Looks until something is there.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::task::yield_now().await;
    }
}
