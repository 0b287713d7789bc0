//! A database, a schema, the command, and a reader of SQLite that shares nothing with it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// A directory with a source, and an empty schema.
pub(crate) struct Place {
    folder: TempDir,
    schema: String,
}

/// How the command ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) errors: String,
}

/// The values of a table: of each row its type and literal, in order.
pub(crate) type Rows = Vec<Vec<String>>;

impl Place {
    /// Makes a place whose source is made by a script.
    pub(crate) async fn with(script: &str) -> Self {
        let place = Self::new().await;
        place.source().execute_batch(script).unwrap();
        place
    }

    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("auto_{}_{number}", std::process::id());
        let sql = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
        connect().await.batch_execute(&sql).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), schema }
    }

    /// Opens the source.
    pub(crate) fn source(&self) -> Connection {
        let conn = Connection::open(self.path("source.db")).unwrap();
        // As most programs open it: what is compiled in here checks foreign keys by default.
        conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        conn
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Connects to the schema.
    pub(crate) async fn client(&self) -> Client {
        let client = connect().await;
        client.batch_execute(&format!("SET search_path = {}", self.schema)).await.unwrap();
        client
    }

    /// Moves the source to PostgreSQL.
    pub(crate) fn there(&self, more: &[&str]) -> Ended {
        let (from, to) = (self.sqlite("source.db"), self.postgres());
        run(&[&["run", "--layout", "auto", "--from", &from, "--to", &to], more].concat())
    }

    /// Moves the schema to a new file.
    pub(crate) fn back(&self) -> Ended {
        let (from, to) = (self.postgres(), self.sqlite("back.db"));
        run(&["rollback", "--layout", "auto", "--from", &from, "--to", &to])
    }

    /// Moves the source there and back, and expects every value of every table as it was.
    pub(crate) async fn exact(self) {
        self.there(&[]).done();
        self.back().done();
        let returned = Connection::open(self.path("back.db")).unwrap();
        assert_eq!(dump(&self.source()), dump(&returned));
        self.finish().await;
    }

    /// Drops the schema. A test that failed does not come here: its schema is kept.
    pub(crate) async fn finish(self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.schema);
        connect().await.batch_execute(&sql).await.unwrap();
    }

    fn sqlite(&self, name: &str) -> String {
        format!("sqlite:{}", self.path(name).display())
    }

    fn postgres(&self) -> String {
        let url = url();
        let mark = if url.contains('?') { '&' } else { '?' };
        format!("{url}{mark}options=-csearch_path%3D{}", self.schema)
    }
}

impl Ended {
    /// Expects that all was done.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{:#}", self.errors, self.report);
        self
    }

    /// Expects that this value, and no other, was named as one that does not convert.
    #[track_caller]
    pub(crate) fn named(&self, table: &str, column: &str, reason: &str) {
        assert_eq!(self.code, Some(3), "{}\n{:#}", self.errors, self.report);
        let problem = &self.report["problems"][0];
        assert_eq!(
            (problem["table"].as_str(), problem["column"].as_str()),
            (Some(table), Some(column))
        );
        assert!(problem["reason"].as_str().unwrap().contains(reason), "{problem}");
        assert_eq!(self.report["problem_count"], 1);
    }
}

fn url() -> String {
    std::env::var("STORE_TEST_POSTGRES_URL").unwrap_or_else(|_unset| {
        panic!(
            "STORE_TEST_POSTGRES_URL is not set: start a server with \
             `export STORE_TEST_POSTGRES_URL=$(cargo xtask pg up)`"
        )
    })
}

async fn connect() -> Client {
    let (client, connection) = tokio_postgres::connect(&url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn run(args: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_store-migrate"))
        .arg("--json")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        code: output.status.code(),
        report: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Reads every table by its values' storage classes and literals.
pub(crate) fn dump(conn: &Connection) -> Vec<(String, Rows)> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' \
               ESCAPE '\\' AND name NOT LIKE '\\_migrate%' ESCAPE '\\' ORDER BY name";
    let tables: Vec<String> = list(conn, sql);
    tables.into_iter().map(|table| (table.clone(), rows(conn, &table))).collect()
}

fn rows(conn: &Connection, table: &str) -> Rows {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let literal = table.replace('\'', "''");
    let columns =
        list(conn, &format!("SELECT name FROM pragma_table_xinfo('{literal}') ORDER BY cid"));
    let shown = columns.iter().map(|name| {
        let name = quoted(name);
        format!("typeof({name}) || ' ' || quote({name})")
    });
    let sql = format!("SELECT {} FROM {}", shown.collect::<Vec<_>>().join(", "), quoted(table));
    let mut statement = conn.prepare(&sql).unwrap();
    let read = statement.query_map([], |row| {
        (0..columns.len()).map(|place| row.get(place)).collect::<rusqlite::Result<Vec<String>>>()
    });
    let mut rows: Rows = read.unwrap().collect::<rusqlite::Result<_>>().unwrap();
    rows.sort();
    rows
}

fn list(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    let read = statement.query_map([], |row| row.get(0)).unwrap();
    read.collect::<rusqlite::Result<_>>().unwrap()
}
