//! The raw side on PostgreSQL: `tokio-postgres` and prepared statements.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use store_core::{Clock as _, SystemClock};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::postgres::{Json, Pool, connect, read, system_time};
use crate::operation::{self, KIND, LISTED, LONG, NAME, Operation, PAGE, WORKFLOW};
use crate::rows::{self, EXECUTION_LAYOUT, STEP_LAYOUT};

/// One statement takes the index from the execution's counter and inserts the step: what the
/// store sends, without its idempotency.
const APPEND: &str = "WITH parent AS (\
    UPDATE history_executions SET step_count = step_count + 1, step_bytes = step_bytes + $6, \
    trace_last_span_at = greatest(trace_last_span_at, $2), updated_at = $2 \
    WHERE execution_id = $1 AND status = 'running' \
    RETURNING step_count - 1 AS step_index, step_bytes - $6 AS byte_offset, started_at) \
    INSERT INTO history_steps (execution_id, step_index, execution_started_at, at, kind, name, \
    payload, payload_bytes, byte_offset) \
    SELECT $1, step_index, started_at, $2, $3, $4, $5, $6, byte_offset FROM parent \
    RETURNING step_index";

/// The connections, and texts made beforehand: the raw side serialises nothing.
#[derive(Clone)]
pub(crate) struct RawPostgres {
    pool: Pool<Connection>,
    texts: Arc<Texts>,
    started: Arc<AtomicU64>,
}

struct Texts {
    payload: Json<String>,
    inputs: Json<String>,
    config: Json<String>,
    tags: Json<String>,
    callbacks: Json<String>,
    metadata: Json<String>,
}

struct Connection {
    client: Client,
    append: Statement,
    start: Statement,
    fetch: Statement,
    list: Statement,
    steps_of: Statement,
    page: Statement,
}

impl RawPostgres {
    /// Connects to a schema.
    pub(crate) async fn connect(schema: &str) -> Result<Self> {
        let pool = Pool::open(async || Connection::open(schema).await).await?;
        let text = |value: Value| Json(value.to_string());
        let texts = Texts {
            payload: text(operation::payload()),
            inputs: text(operation::inputs()),
            config: text(operation::config()),
            tags: text(operation::tags()),
            callbacks: text(json!([])),
            metadata: text(operation::metadata()),
        };
        Ok(Self { pool, texts: Arc::new(texts), started: Arc::default() })
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let this = self.clone();
        let measured = move |conn: Arc<Connection>, caller| {
            let this = this.clone();
            async move { this.run(&conn, operation, caller).await.map(|()| true) }
        };
        self.pool.measure(callers, round, measured).await
    }

    async fn run(&self, conn: &Connection, operation: Operation, caller: usize) -> Result<()> {
        let client = &conn.client;
        match operation {
            Operation::Fetch => {
                read(&[client.query_one(&conn.fetch, &[&LONG]).await?], &EXECUTION_LAYOUT)?
            }
            Operation::List => drop(list(conn).await?),
            Operation::ListWithSteps => {
                let ids = list(conn).await?;
                let steps = client.query(&conn.steps_of, &[&ids]).await?;
                expect(steps.len(), LISTED * 20)?;
                read(&steps, &STEP_LAYOUT)?;
            }
            Operation::Steps => {
                let limit = i64::from(PAGE);
                let steps = client.query(&conn.page, &[&LONG, &-1_i64, &limit]).await?;
                expect(steps.len(), PAGE)?;
                read(&steps, &STEP_LAYOUT)?;
            }
            Operation::Start => self.start(conn).await?,
            Operation::AppendStep => self.append(conn, caller).await?,
        }
        Ok(())
    }

    async fn start(&self, conn: &Connection) -> Result<()> {
        let id = format!("started-raw-{}", self.started.fetch_add(1, Ordering::Relaxed));
        let Texts { inputs, config, tags, callbacks, metadata, .. } = &*self.texts;
        let bytes: usize =
            [inputs, config, tags, callbacks, metadata].iter().map(|text| text.0.len()).sum();
        let (bytes, now) = (i64::try_from(bytes)?, now()?);
        let binds: [&(dyn ToSql + Sync); 9] =
            [&id, &WORKFLOW, inputs, config, tags, callbacks, metadata, &now, &bytes];
        expect(usize::try_from(conn.client.execute(&conn.start, &binds).await?)?, 1)
    }

    async fn append(&self, conn: &Connection, caller: usize) -> Result<()> {
        let id = operation::appended("raw", caller);
        let (payload, now) = (&self.texts.payload, now()?);
        let bytes = i64::try_from(payload.0.len())?;
        let binds: [&(dyn ToSql + Sync); 6] = [&id, &now, &KIND, &NAME, payload, &bytes];
        let row = conn.client.query_one(&conn.append, &binds).await?;
        black_box(row.try_get::<_, i64>(0)?);
        Ok(())
    }
}

impl Connection {
    async fn open(schema: &str) -> Result<Self> {
        let client = connect(schema).await?;
        Ok(Self {
            append: client.prepare(APPEND).await?,
            start: client.prepare(rows::START).await?,
            fetch: client.prepare(&rows::fetch()).await?,
            list: client.prepare(&rows::list()).await?,
            steps_of: client.prepare(&rows::steps_of("execution_id = ANY($1)")).await?,
            page: client.prepare(&rows::page()).await?,
            client,
        })
    }
}

/// Lists a page and returns the ids on it.
async fn list(conn: &Connection) -> Result<Vec<String>> {
    let mut found = conn.client.query(&conn.list, &[&i64::from(LISTED + 1)]).await?;
    found.truncate(LISTED as usize);
    expect(found.len(), LISTED)?;
    read(&found, &EXECUTION_LAYOUT)?;
    Ok(found.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>()?)
}

fn now() -> Result<SystemTime> {
    system_time(SystemClock.now())
}
