//! The raw side on PostgreSQL: `tokio-postgres`, prepared statements, at most ten connections that
//! are handed out in the order of arrival.

use std::error::Error;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use store_core::{Clock as _, SystemClock};
use store_tests::fixture::postgres;
use tokio::sync::Semaphore;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
use tokio_postgres::{Client, Row, Statement};

use crate::Result;
use crate::load::{Figures, closed_loop};
use crate::operation::{self, KIND, LISTED, LONG, NAME, Operation, PAGE, WORKFLOW};
use crate::rows::{self, EXECUTION_LAYOUT, Layout, STEP_LAYOUT};
use crate::store::expect;

/// As many connections as the store's pool has.
const CONNECTIONS: usize = 10;

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
    free: Arc<Mutex<Vec<Arc<Connection>>>>,
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
        let mut free = Vec::new();
        for _ in 0..CONNECTIONS {
            free.push(Arc::new(Connection::open(schema).await?));
        }
        let text = |value: Value| Json(value.to_string());
        let texts = Texts {
            payload: text(operation::payload()),
            inputs: text(operation::inputs()),
            config: text(operation::config()),
            tags: text(operation::tags()),
            callbacks: text(json!([])),
            metadata: text(operation::metadata()),
        };
        Ok(Self {
            free: Arc::new(Mutex::new(free)),
            texts: Arc::new(texts),
            started: Arc::default(),
        })
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        // Tokio's semaphore is fair: nobody overtakes, as in the store's pool.
        let permits = Arc::new(Semaphore::new(callers.min(CONNECTIONS)));
        let this = self.clone();
        closed_loop(callers, round, move |caller| {
            let (this, permits) = (this.clone(), Arc::clone(&permits));
            async move {
                let _permit = permits.acquire().await?;
                let conn = this.take().ok_or("there are fewer connections than permits")?;
                let outcome = this.run(&conn, operation, caller).await;
                this.free.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
                outcome
            }
        })
        .await
    }

    fn take(&self) -> Option<Arc<Connection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()
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
        let (bytes, now) = (i64::try_from(bytes)?, now());
        let binds: [&(dyn ToSql + Sync); 9] =
            [&id, &WORKFLOW, inputs, config, tags, callbacks, metadata, &now, &bytes];
        expect(usize::try_from(conn.client.execute(&conn.start, &binds).await?)?, 1)
    }

    async fn append(&self, conn: &Connection, caller: usize) -> Result<()> {
        let id = operation::appended("raw", caller);
        let (payload, now) = (&self.texts.payload, now());
        let bytes = i64::try_from(payload.0.len())?;
        let binds: [&(dyn ToSql + Sync); 6] = [&id, &now, &KIND, &NAME, payload, &bytes];
        let row = conn.client.query_one(&conn.append, &binds).await?;
        black_box(row.try_get::<_, i64>(0)?);
        Ok(())
    }
}

impl Connection {
    async fn open(schema: &str) -> Result<Self> {
        let client = postgres::connect().await;
        client.batch_execute(&format!("SET search_path TO \"{schema}\"")).await?;
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

/// Reads every column, JSON parsed: the store returns values too.
fn read(found: &[Row], layout: &Layout) -> Result<()> {
    for row in found {
        for at in layout.texts.clone() {
            black_box(row.try_get::<_, Option<String>>(at)?);
        }
        for at in layout.json.clone() {
            black_box(row.try_get::<_, Json<Value>>(at)?);
        }
        for at in layout.instants.clone() {
            black_box(row.try_get::<_, Option<SystemTime>>(at)?);
        }
        for at in layout.numbers.clone() {
            black_box(row.try_get::<_, Option<i64>>(at)?);
        }
    }
    Ok(())
}

fn now() -> SystemTime {
    let micros = u64::try_from(SystemClock.now().as_micros()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// JSONB on the wire: a version and the text.
#[derive(Debug)]
struct Json<T>(T);

impl ToSql for Json<String> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&[1]);
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    accepts!(JSONB);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Json<Value> {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(serde_json::from_slice(raw.get(1..).unwrap_or_default())?))
    }

    accepts!(JSONB);
}
