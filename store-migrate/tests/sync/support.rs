//! A source, a schema of its own as target, and the command.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// The tables of most tests: with cascades, self-references, a cycle, unique keys of every kind,
/// and one without key.
pub(crate) const TABLES: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, note TEXT);
    CREATE TABLE children (id INTEGER PRIMARY KEY,
        parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE,
        boss INTEGER REFERENCES children (id) ON DELETE SET NULL, n INTEGER);
    CREATE TABLE pairs (a TEXT NOT NULL, b INTEGER NOT NULL, v TEXT, PRIMARY KEY (a, b))
        WITHOUT ROWID;
    CREATE TABLE slots (id INTEGER PRIMARY KEY AUTOINCREMENT, place INTEGER NOT NULL UNIQUE,
        active INTEGER NOT NULL DEFAULT 0, name TEXT);
    CREATE UNIQUE INDEX one_active ON slots (name) WHERE active = 1;
    CREATE TABLE words (word TEXT NOT NULL PRIMARY KEY, n INTEGER);
    CREATE UNIQUE INDEX lower_words ON words (lower(word));
    CREATE TABLE log (line TEXT, n INTEGER);
    CREATE TABLE hens (id INTEGER PRIMARY KEY, egg INTEGER REFERENCES eggs (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE eggs (id INTEGER PRIMARY KEY, hen INTEGER REFERENCES hens (id) DEFERRABLE INITIALLY DEFERRED);";

pub(crate) const NAMES: [&str; 8] =
    ["parents", "children", "pairs", "slots", "words", "log", "hens", "eggs"];

/// A migration of one test.
pub(crate) struct Case {
    dir: tempfile::TempDir,
    pub(crate) layout: &'static str,
    schema: String,
    url: String,
    runtime: Runtime,
    pub(crate) target: Client,
}

impl Case {
    /// Makes an empty source in WAL mode, and a schema.
    pub(crate) fn new(layout: &'static str) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let url = std::env::var("STORE_TEST_POSTGRES_URL").unwrap_or_else(|_unset| {
            panic!(
                "STORE_TEST_POSTGRES_URL is not set: start a server with \
                 `export STORE_TEST_POSTGRES_URL=$(cargo xtask pg up)`"
            )
        });
        #[expect(clippy::disallowed_methods, reason = "only for a name")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let schema = format!("sync_{}_{count}_{now}", std::process::id());
        let runtime = Runtime::new().unwrap();
        let target = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            client
                .batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}"))
                .await
                .unwrap();
            client
        });
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}options=-csearch_path%3D{schema}");
        let case = Self { dir: tempfile::tempdir().unwrap(), layout, schema, url, runtime, target };
        case.source().execute_batch("PRAGMA journal_mode = WAL").unwrap();
        case
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("app.db")
    }

    /// Opens the source as an application does.
    pub(crate) fn source(&self) -> Connection {
        let conn = Connection::open(self.path()).unwrap();
        conn.execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 20000; \
             PRAGMA synchronous = NORMAL;",
        )
        .unwrap();
        conn
    }

    fn command(&self, command: &str, more: &[&str]) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_store-migrate"));
        let source = format!("sqlite:{}", self.path().display());
        process.args(["--json", command]);
        match command {
            "status" => process.args(["--to", &self.url]),
            "clean" => &mut process,
            _ => process.args(["--from", &source, "--to", &self.url, "--layout", self.layout]),
        };
        process.args(more);
        process
    }

    /// Runs a command to its end; fails unless it ends with this exit code.
    pub(crate) fn run(&self, command: &str, more: &[&str], code: i32) -> serde_json::Value {
        let output = self.command(command, more).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{command}: {}", shown(&output));
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{command}: {error}: {}", shown(&output)))
    }

    /// Starts a command.
    pub(crate) fn start(&self, command: &str, more: &[&str]) -> Child {
        self.command(command, more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn clean_source(&self) {
        let source = format!("sqlite:{}", self.path().display());
        self.run("clean", &["--from", &source], 0);
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.runtime.block_on(self.target.batch_execute(sql)).unwrap();
    }

    pub(crate) fn one(&self, sql: &str) -> i64 {
        self.runtime.block_on(self.target.query_one(sql, &[])).unwrap().get(0)
    }

    /// Reads all rows of a table of the target as text.
    fn target_rows(&self, table: &str, columns: &[String]) -> Vec<Vec<Option<String>>> {
        let list: Vec<_> = columns.iter().map(|name| format!("\"{name}\"::text")).collect();
        let sql = format!("SELECT {} FROM \"{table}\"", list.join(", "));
        let rows = self.runtime.block_on(self.target.query(&sql, &[])).unwrap();
        let mut rows: Vec<Vec<_>> =
            rows.iter().map(|row| (0..columns.len()).map(|at| row.get(at)).collect()).collect();
        rows.sort();
        rows
    }

    /// Fails unless these tables have the same rows on both sides.
    pub(crate) fn assert_equal(&self, tables: &[&str], after: &str) {
        let source = self.source();
        for table in tables {
            let mut statement = source.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
            let columns: Vec<String> =
                statement.column_names().into_iter().map(str::to_owned).collect();
            let text = |value: rusqlite::types::Value| match value {
                rusqlite::types::Value::Null => None,
                rusqlite::types::Value::Integer(value) => Some(value.to_string()),
                rusqlite::types::Value::Text(value) => Some(value),
                other => panic!("{other:?} in {table}"),
            };
            let mut rows: Vec<Vec<Option<String>>> = statement
                .query_map([], |row| (0..columns.len()).map(|at| row.get(at).map(text)).collect())
                .unwrap()
                .collect::<rusqlite::Result<_>>()
                .unwrap();
            rows.sort();
            let found = self.target_rows(table, &columns);
            assert_eq!(rows.len(), found.len(), "{table} after {after}");
            for (ours, theirs) in rows.iter().zip(&found) {
                assert_eq!(ours, theirs, "{table} after {after}");
            }
        }
    }

    /// Returns the names of what the capture has left in the source.
    pub(crate) fn left_in_source(&self) -> Vec<String> {
        let conn = self.source();
        let mut statement = conn
            .prepare("SELECT name FROM sqlite_schema WHERE name LIKE '\\_migrate%' ESCAPE '\\'")
            .unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.collect::<rusqlite::Result<_>>().unwrap()
    }

    /// Drops the schema. That of a test which failed is kept.
    pub(crate) fn finish(self) {
        self.execute(&format!("DROP SCHEMA {} CASCADE", self.schema));
    }
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

/// Waits until something holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not within a minute: {what}");
}

/// Numbers that only look random.
pub(crate) struct Numbers(pub u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 2).unwrap() % limit
    }
}
