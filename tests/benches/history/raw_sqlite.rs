//! The raw side on SQLite: `rusqlite`, prepared statements, one connection, one commit per write.
//!
//! Callers of one connection wait for each other, so that all of them are served by one thread in
//! turn: what a caller waits is one round of the others. That is the best a lock around the
//! connection could do, without what handing it over costs.

use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row, Statement, params, params_from_iter};
use serde_json::Value;
use store_core::{Clock as _, SystemClock, Timestamp};

use crate::Result;
use crate::load::Figures;
use crate::operation::{self, KIND, LISTED, LONG, NAME, Operation, PAGE, WORKFLOW};
use crate::rows::{self, EXECUTION_LAYOUT, Layout, STEP_LAYOUT};
use crate::store::expect;

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
    /// Opens a migrated file under the settings of the store's writer. Only checkpoints stay as
    /// SQLite makes them by itself: nobody else would make them.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let conn = Connection::open(path)?;
        let pragmas = [
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
            "PRAGMA temp_store = MEMORY",
            "PRAGMA cache_size = -16384",
            "PRAGMA mmap_size = 67108864",
        ];
        for pragma in pragmas {
            conn.execute_batch(pragma)?;
        }
        let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        if (mode.as_str(), synchronous) != ("wal", 2) {
            return Err(format!("journal_mode is {mode}, synchronous is {synchronous}").into());
        }
        Ok(Self(Arc::new(Mutex::new((conn, 0)))))
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
            serve(callers, round, |caller| side.run(operation, caller))
        })
        .await?
    }
}

/// Serves the callers in turn; each asks again as soon as it is answered.
fn serve(
    callers: usize,
    round: Duration,
    mut run: impl FnMut(usize) -> Result<()>,
) -> Result<Figures> {
    let started = Instant::now();
    let mut asked = vec![started; callers];
    let mut latencies = Vec::new();
    for caller in (0..callers).cycle() {
        if started.elapsed() >= round {
            break;
        }
        run(caller)?;
        let answered = Instant::now();
        latencies.push(answered - asked[caller]);
        asked[caller] = answered;
    }
    Ok(Figures::new(latencies, started.elapsed()))
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

fn read_all(mut rows: rusqlite::Rows<'_>, layout: &Layout, wanted: u32) -> Result<()> {
    let mut found = 0;
    while let Some(row) = rows.next()? {
        read(row, layout)?;
        found += 1;
    }
    expect(found, wanted)
}

/// Reads every column, JSON and instants parsed: the store returns values too.
fn read(row: &Row<'_>, layout: &Layout) -> Result<()> {
    for at in layout.texts.clone() {
        black_box(row.get::<_, Option<String>>(at)?);
    }
    for at in layout.json.clone() {
        black_box(serde_json::from_str::<Value>(row.get_ref(at)?.as_str()?)?);
    }
    for at in layout.instants.clone() {
        if let Some(text) = row.get_ref(at)?.as_str_or_null()? {
            black_box(text.parse::<Timestamp>()?);
        }
    }
    for at in layout.numbers.clone() {
        black_box(row.get::<_, Option<i64>>(at)?);
    }
    Ok(())
}
