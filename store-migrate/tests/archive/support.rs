//! A place for a test: a directory, a schema, and the command.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rusqlite::{Connection, params};
use serde_json::Value;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// An instant in the form the stores keep it.
const AT: &str = "2026-01-02T03:04:05.678901+00:00";

/// A directory and an empty schema.
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

impl Place {
    pub(crate) async fn new(name: &str) -> Self {
        let schema = format!("archive_{name}_{}", std::process::id());
        let client = connect().await;
        let sql = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
        client.batch_execute(&sql).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), schema }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn sqlite(&self, name: &str) -> String {
        format!("sqlite:{}", self.path(name).display())
    }

    /// Returns the DSN of the schema.
    pub(crate) fn postgres(&self) -> String {
        let url = url();
        let mark = if url.contains('?') { '&' } else { '?' };
        format!("{url}{mark}options=-csearch_path%3D{}", self.schema)
    }

    /// Connects to the schema.
    pub(crate) async fn client(&self) -> Client {
        let client = connect().await;
        client.batch_execute(&format!("SET search_path = {}", self.schema)).await.unwrap();
        client
    }

    /// Counts the tables of the schema.
    pub(crate) async fn tables(&self) -> i64 {
        let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = $1";
        connect().await.query_one(sql, &[&self.schema]).await.unwrap().get(0)
    }

    /// Drops the schema. A test that failed does not come here: its schema is kept.
    pub(crate) async fn finish(self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.schema);
        connect().await.batch_execute(&sql).await.unwrap();
    }

    /// Exports a database and expects that it is done.
    pub(crate) fn export(&self, from: &str, out: &str) -> Ended {
        run(&["export", "--from", from, "--out", self.path(out).to_str().unwrap()]).done()
    }

    /// Imports an archive.
    pub(crate) fn import(&self, archive: &str, to: &str) -> Ended {
        run(&["import", "--in", self.path(archive).to_str().unwrap(), "--to", to])
    }
}

impl Ended {
    /// Expects that all was done.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.errors, self.report);
        self
    }

    /// Expects a failure whose message has a text.
    pub(crate) fn refused(&self, text: &str) {
        assert_eq!(self.code, Some(1), "{}\n{}", self.errors, self.report);
        assert!(self.errors.contains(text), "`{text}` is not in: {}", self.errors);
    }

    /// Returns the root hash of an import, which is the same on both sides.
    pub(crate) fn root(&self) -> String {
        let validation = &self.report["validation"];
        assert_eq!(validation["source_root"], validation["target_root"]);
        validation["source_root"].as_str().unwrap().to_owned()
    }
}

/// Returns the DSN of the server for tests.
fn url() -> String {
    std::env::var("STORE_TEST_POSTGRES_URL").unwrap_or_else(|_unset| {
        panic!(
            "STORE_TEST_POSTGRES_URL is not set: start a server with \
             `export STORE_TEST_POSTGRES_URL=$(cargo xtask pg up)`"
        )
    })
}

async fn connect() -> Client {
    let (client, connection) = tokio_postgres::connect(&url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// Prepares the command.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_store-migrate"));
    command.arg("--json").args(args).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Ended {
    let output = command(args).output().expect("the command starts");
    Ended {
        code: output.status.code(),
        report: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Makes a database with the tables of every store and rows of many kinds, and returns it.
pub(crate) async fn filled(place: &Place, name: &str) -> Connection {
    let path = place.path(name);
    let options = store_core::sqlite::Options::new(&path);
    let database = store_core::sqlite::Database::open(options).await.unwrap();
    for schema in [
        &store_workflow::sqlite::SCHEMA,
        &store_history::sqlite::SCHEMA,
        &store_tokens::sqlite::SCHEMA,
        &store_checkpoints::sqlite::SCHEMA,
        &store_chatkit::sqlite::SCHEMA,
        &store_vault::sqlite::SCHEMA,
    ] {
        database.migrate(schema).await.unwrap();
    }
    database.close().await;
    let conn = Connection::open(path).unwrap();
    fill(&conn);
    conn
}

fn fill(conn: &Connection) {
    let id = |number: u32| format!("00000000-0000-7000-8000-{number:012}");
    conn.execute_batch(&format!(
        r#"
        INSERT INTO workflow_audit (workflow_id, actor, action, at, metadata)
            SELECT '{id}', 'me', 'created', '{AT}', '{{"n": 1.50, "big": 123456789012345678901234567890}}'
            FROM generate_series(1, 20);
        DELETE FROM workflow_audit WHERE seq > 15;
        INSERT INTO history_executions (execution_id, workflow_id, inputs, runnable_config, tags,
            callbacks, metadata, status, started_at, step_count, record_bytes, updated_at)
            VALUES ('e1', 'w', '{{"a": [1, null, "ä€😀\\"]}}', '{{}}', '[]', '[]', '{{}}', 'running', '{AT}', 300, 9, '{AT}');
        INSERT INTO history_steps (execution_id, step_index, execution_started_at, at, payload,
            payload_bytes, byte_offset)
            SELECT 'e1', value, '{AT}', '{AT}', json_object('step', value, 'text', hex(randomblob(20))), 60, 0
            FROM generate_series(0, 299);
        INSERT INTO agentensor_workflows VALUES ('w', 1);
        INSERT INTO agentensor_checkpoints (id, workflow_id, config_version, runnable_config, metrics,
            metadata, is_best, record_bytes, created_at)
            VALUES ('{id}', 'w', 1, '{{}}', '{{}}', '{{}}', 1, 6, '{AT}');
        INSERT INTO agentensor_checkpoint_metrics VALUES ('{id}', 'loss', 'w', 1, 0.1),
            ('{id}', 'most', 'w', 1, 9e999), ('{id}', 'zero', 'w', 1, -0.0);
        INSERT INTO chatkit_threads (thread_id, owner, status, metadata, extra, next_ordinal,
            record_bytes, created_at, updated_at)
            VALUES ('t1', 'me', 'active', '{{}}', '{{}}', 2, 4, '{AT}', '{AT}');
        INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, created_at, content,
            content_bytes, search, owner)
            VALUES ('t1', 'i1', 0, 'user_message', '{AT}',
                '{{"content": [{{"type": "input_text", "text": "hello world"}}]}}', 60, '', 'me');
        INSERT INTO graph_threads VALUES ('g1', '{AT}'), ('bulk', '{AT}');
        "#,
        id = id(1),
    ).replace("generate_series(1, 20)", &series(1, 20)).replace("generate_series(0, 299)", &series(0, 299)))
    .unwrap();
    // Blobs: none, small, and so large that they are read in pieces, with others between them.
    for (number, bytes) in [(1_u8, 0), (2, 10), (3, 9 << 20), (4, 5 << 20), (5, 100)] {
        blob(conn, "g1", number.into(), bytes);
    }
}

fn series(from: u32, to: u32) -> String {
    format!(
        "(WITH RECURSIVE n (value) AS (SELECT {from} UNION ALL SELECT value + 1 FROM n \
         WHERE value < {to}) SELECT value FROM n)"
    )
}

/// Adds a blob of random bytes.
fn blob(conn: &Connection, thread: &str, number: u32, bytes: u32) {
    let mut address = vec![0; 28];
    address.extend(number.to_be_bytes());
    let sql = "INSERT INTO graph_blobs VALUES (?1, ?2, 'bytes', ?3, 0, \
               CASE ?3 WHEN 0 THEN x'' ELSE randomblob(?3) END)";
    conn.execute(sql, params![thread, address, bytes]).unwrap();
}

/// Adds so many rows of 100 kB: eighty are about a batch.
pub(crate) fn add_bulk(conn: &Connection, rows: u32) {
    conn.execute_batch("BEGIN").unwrap();
    for number in 0..rows {
        blob(conn, "bulk", number, 100_000);
    }
    conn.execute_batch("COMMIT").unwrap();
}
