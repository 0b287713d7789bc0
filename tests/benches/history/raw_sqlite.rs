//! The raw side on SQLite: `rusqlite`, prepared statements, one connection, one commit per write.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Statement, params, params_from_iter};
use serde_json::Value;
use store_core::{Clock as _, SystemClock};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::sqlite::{open, read, read_all, serve};
use crate::operation::{self, KIND, LISTED, LONG, NAME, Operation, PAGE, WORKFLOW};
use crate::rows::{self, EXECUTION_LAYOUT, STEP_LAYOUT};

const ADVANCE: &str = "UPDATE history_executions SET step_count = step_count + 1, \
    step_bytes = step_bytes + ?2, \
    trace_last_span_at = max(coalesce(trace_last_span_at, ?3), ?3), updated_at = ?3 \
    WHERE execution_id = ?1 AND status = 'running' \
    RETURNING step_count - 1, step_bytes - ?2, started_at";
const INSERT: &str = "INSERT INTO history_steps (execution_id, step_index, execution_started_at, \
    at, kind, name, payload, payload_bytes, byte_offset) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// The connection, and how many executions were started on it.
#[derive(Clone)]
pub(crate) struct RawSqlite(Arc<Mutex<(Connection, u64)>>);

impl RawSqlite {
    /// Opens a migrated file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self(Arc::new(Mutex::new((open(path)?, 0)))))
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let this = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let mut guard = this.lock().unwrap_or_else(PoisonError::into_inner);
            let (conn, started) = &mut *guard;
            let mut side = Prepared::new(conn, started)?;
            serve(callers, round, |caller| side.run(operation, caller).map(|()| true))
        })
        .await?
    }
}

struct Prepared<'a> {
    begin: Statement<'a>,
    commit: Statement<'a>,
    advance: Statement<'a>,
    insert: Statement<'a>,
    start: Statement<'a>,
    fetch: Statement<'a>,
    list: Statement<'a>,
    steps_of: Statement<'a>,
    page: Statement<'a>,
    started: &'a mut u64,
    /// Made beforehand: the raw side serialises nothing.
    payload: String,
    execution: [String; 5],
}

impl<'a> Prepared<'a> {
    fn new(conn: &'a Connection, started: &'a mut u64) -> Result<Self> {
        let places = vec!["?"; LISTED as usize].join(", ");
        let callbacks = Value::Array(Vec::new());
        let [inputs, config] = [operation::inputs(), operation::config()];
        let [tags, metadata] = [operation::tags(), operation::metadata()];
        Ok(Self {
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            advance: conn.prepare(ADVANCE)?,
            insert: conn.prepare(INSERT)?,
            start: conn.prepare(rows::START)?,
            fetch: conn.prepare(&rows::fetch())?,
            list: conn.prepare(&rows::list())?,
            steps_of: conn.prepare(&rows::steps_of(&format!("execution_id IN ({places})")))?,
            page: conn.prepare(&rows::page())?,
            started,
            payload: operation::payload().to_string(),
            execution: [inputs, config, tags, callbacks, metadata].map(|value| value.to_string()),
        })
    }

    fn run(&mut self, operation: Operation, caller: usize) -> Result<()> {
        match operation {
            Operation::Fetch => {
                let mut rows = self.fetch.query(params![LONG])?;
                let row = rows.next()?.ok_or("the execution is not there")?;
                read(row, &EXECUTION_LAYOUT)
            }
            Operation::List => self.list().map(drop),
            Operation::ListWithSteps => {
                let ids = self.list()?;
                let steps = self.steps_of.query(params_from_iter(ids))?;
                read_all(steps, &STEP_LAYOUT, LISTED * 20)
            }
            Operation::Steps => {
                let steps = self.page.query(params![LONG, -1, PAGE])?;
                read_all(steps, &STEP_LAYOUT, PAGE)
            }
            Operation::Start => self.start(),
            Operation::AppendStep => self.append(caller),
        }
    }

    fn list(&mut self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        let mut rows = self.list.query(params![LISTED + 1])?;
        while let Some(row) = rows.next()? {
            if ids.len() == LISTED as usize {
                break;
            }
            read(row, &EXECUTION_LAYOUT)?;
            ids.push(row.get(0)?);
        }
        expect(ids.len(), LISTED)?;
        Ok(ids)
    }

    /// A single statement is a transaction of its own.
    fn start(&mut self) -> Result<()> {
        let id = format!("started-raw-{}", *self.started);
        *self.started += 1;
        let [inputs, config, tags, callbacks, metadata] = &self.execution;
        let bytes = i64::try_from(self.execution.iter().map(String::len).sum::<usize>())?;
        let now = SystemClock.now().to_string();
        let binds = params![id, WORKFLOW, inputs, config, tags, callbacks, metadata, now, bytes];
        expect(self.start.execute(binds)?, 1)
    }

    fn append(&mut self, caller: usize) -> Result<()> {
        let id = operation::appended("raw", caller);
        let now = SystemClock.now().to_string();
        let bytes = i64::try_from(self.payload.len())?;
        self.begin.execute([])?;
        let (index, offset, started_at): (i64, i64, String) =
            self.advance.query_row(params![id, bytes, now], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let payload = &self.payload;
        let binds = params![id, index, started_at, now, KIND, NAME, payload, bytes, offset];
        self.insert.execute(binds)?;
        self.commit.execute([])?;
        Ok(())
    }
}
