//! The raw side on SQLite: `rusqlite`, prepared statements, one connection, one commit per write.

use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Statement, params};
use serde_json::Value;
use store_core::{CheckpointId, Clock as _, SystemClock};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::sqlite::{open, read_all, serve};
use crate::graph::{self, FETCHED, Step, Steps, TYPE_TAG};
use crate::operation::{self, METRIC, Operation, RANKED};
use crate::raw_graph::{
    self, BLOB_SQLITE, CHECKPOINT_SQLITE, FETCH_SQLITE, THREAD_SQLITE, VALUE_SQLITE,
};
use crate::rows::{BEST_BY, CHECKPOINT_LAYOUT, COUNT};

const STORE: &str = "INSERT INTO agentensor_checkpoints (id, workflow_id, config_version, \
    runnable_config, metrics, metadata, is_best, record_bytes, created_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8)";
const NUMBER: &str = "INSERT INTO agentensor_checkpoint_metrics (checkpoint_id, path, \
    workflow_id, config_version, value) VALUES (?1, ?2, ?3, ?4, ?5)";

/// The connection, and the number of steps that were put.
#[derive(Clone)]
pub(crate) struct RawSqlite {
    conn: Arc<Mutex<Connection>>,
    steps: Arc<Steps>,
}

impl RawSqlite {
    /// Opens a migrated file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self { conn: Arc::new(Mutex::new(open(path)?)), steps: Arc::default() })
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let conn = this.conn.lock().unwrap_or_else(PoisonError::into_inner);
            let mut side = Prepared::new(&conn, &this.steps)?;
            serve(callers, round, |caller| side.run(operation, caller).map(|()| true))
        })
        .await?
    }
}

struct Prepared<'a> {
    begin: Statement<'a>,
    commit: Statement<'a>,
    count: Statement<'a>,
    store: Statement<'a>,
    number: Statement<'a>,
    best_by: Statement<'a>,
    get: Statement<'a>,
    thread: Statement<'a>,
    blob: Statement<'a>,
    value: Statement<'a>,
    checkpoint: Statement<'a>,
    steps: &'a Steps,
    /// Made beforehand: the raw side serialises nothing.
    json: [String; 3],
}

impl<'a> Prepared<'a> {
    fn new(conn: &'a Connection, steps: &'a Steps) -> Result<Self> {
        let json = [operation::config(), operation::metrics(1), operation::metadata()];
        Ok(Self {
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            count: conn.prepare(COUNT)?,
            store: conn.prepare(STORE)?,
            number: conn.prepare(NUMBER)?,
            best_by: conn.prepare(BEST_BY)?,
            get: conn.prepare(FETCH_SQLITE)?,
            thread: conn.prepare(THREAD_SQLITE)?,
            blob: conn.prepare(BLOB_SQLITE)?,
            value: conn.prepare(VALUE_SQLITE)?,
            checkpoint: conn.prepare(CHECKPOINT_SQLITE)?,
            steps,
            json: json.map(|value| value.to_string()),
        })
    }

    fn run(&mut self, operation: Operation, caller: usize) -> Result<()> {
        match operation {
            Operation::BestBy => {
                read_all(self.best_by.query(params![RANKED, METRIC])?, &CHECKPOINT_LAYOUT, 1)
            }
            Operation::Record => self.record(caller),
            Operation::GraphGet => {
                let mut rows = self.get.query([FETCHED])?;
                let mut found = 0;
                while let Some(row) = rows.next()? {
                    black_box(serde_json::from_str::<Value>(&row.get::<_, String>(0)?)?);
                    black_box(row.get::<_, Vec<u8>>(6)?);
                    found += 1;
                }
                expect(found, 10)
            }
            Operation::GraphPut => {
                let step = self.steps.next("raw", caller);
                self.put(&step)
            }
        }
    }

    fn record(&mut self, caller: usize) -> Result<()> {
        let workflow = operation::recorded("raw", caller);
        let (id, now) = (CheckpointId::mint().to_string(), SystemClock.now().to_string());
        let [config, metrics, metadata] = &self.json;
        let bytes = i64::try_from(self.json.iter().map(String::len).sum::<usize>())?;
        self.begin.execute([])?;
        let version: i32 = self.count.query_row(params![workflow], |row| row.get(0))?;
        self.store
            .execute(params![id, workflow, version, config, metrics, metadata, bytes, now])?;
        for (path, value) in operation::numbers(1) {
            self.number.execute(params![id, path, workflow, version, value])?;
        }
        self.commit.execute([])?;
        Ok(())
    }

    fn put(&mut self, step: &Step) -> Result<()> {
        let Step { thread, channel, version, bytes, .. } = step;
        let (now, address) = (SystemClock.now().to_string(), raw_graph::address(step.id));
        let versions = serde_json::to_string(&step.versions)?;
        let (id, metadata) = (step.id.to_string(), graph::metadata().to_string());
        let size = i64::try_from(bytes.len())?;
        self.begin.execute([])?;
        self.thread.execute(params![thread, now])?;
        self.blob.execute(params![thread, address, TYPE_TAG, size, bytes])?;
        self.value.execute(params![thread, channel, version, address])?;
        self.checkpoint.execute(params![thread, id, versions, metadata, size, now])?;
        self.commit.execute([])?;
        Ok(())
    }
}
