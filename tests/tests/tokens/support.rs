//! An installation that several processes share, and those processes.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use store_core::tokens::{AuditOrigin, ServiceToken, ServiceTokenRepository, TokenGrant};
use store_core::{Actor, Backend, Databases, ExposeSecret as _, Settings};
use store_tests::fixture::{Place, Tokens};
use store_tokens::{ServiceTokenManager, ServiceTokenManagerBuilder};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_store-test-tokens");

/// How long a test waits for what has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// The database of a fixture, by the clock of the machine: its processes have no other.
pub(crate) struct Installation<'a> {
    pub(crate) store: Arc<dyn ServiceTokenRepository>,
    pub(crate) place: &'a Place,
    dsn: String,
    schema: String,
}

impl<'a> Installation<'a> {
    pub(crate) async fn of(t: &'a Tokens) -> Self {
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
        let store = open(&dsn, &schema).await;
        Self { store, place, dsn, schema }
    }

    /// Makes a manager that flushes when it is told to.
    pub(crate) fn manager(&self) -> ServiceTokenManager {
        self.builder().build().unwrap()
    }

    pub(crate) fn builder(&self) -> ServiceTokenManagerBuilder {
        let builder = ServiceTokenManager::builder(Arc::clone(&self.store));
        builder.flush_every(DAY).flush_at(u64::MAX)
    }

    /// Starts a process.
    pub(crate) fn process(&self, arguments: &[&str]) -> Process {
        let mut command = Command::new(PROGRAM);
        command.arg(&self.dsn).arg(&self.schema).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the process starts");
        let input = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Process { child, input, lines }
    }
}

async fn open(dsn: &str, schema: &str) -> Arc<dyn ServiceTokenRepository> {
    // Most statements are slow then, and traced.
    let builder = Settings::builder().slow_query(Duration::from_millis(1));
    let settings = match dsn.strip_prefix("sqlite:") {
        Some(path) => builder.backend(Backend::Sqlite).sqlite_path(path),
        None => builder
            .backend(Backend::Postgres)
            .sqlite_path("unused.sqlite")
            .postgres_dsn(dsn)
            .postgres_schema(schema),
    };
    let databases = Databases::new(settings.build().unwrap());
    store_tokens::open(&databases).await.unwrap()
}

/// Who does what nobody in particular has to do.
pub(crate) fn origin() -> AuditOrigin {
    AuditOrigin::of(Actor::new("ada").unwrap())
}

/// Mints a token that may be used everywhere and for ever.
pub(crate) async fn minted(manager: &ServiceTokenManager) -> (String, ServiceToken) {
    let (secret, token) = manager.mint(TokenGrant::default(), &origin()).await.unwrap();
    (secret.expose_secret().to_owned(), token)
}

/// Another process that works with the tokens.
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
        drop(self.input);
        while let Some(line) = self.lines.next_line().await.expect("the pipe is readable") {
            lines.push(serde_json::from_str(&line).expect("a list"));
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
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
