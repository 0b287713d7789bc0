//! The raw side on PostgreSQL: `tokio-postgres` and prepared statements.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use store_core::{CheckpointId, Clock as _, SystemClock};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::postgres::{Id, Json, Pool, connect, read, system_time};
use crate::graph::{self, FETCHED, Step, Steps, TYPE_TAG};
use crate::operation::{self, METRIC, Operation, RANKED};
use crate::raw_graph::{self, FETCH_POSTGRES, PUT_POSTGRES};
use crate::rows::{BEST_BY, CHECKPOINT_LAYOUT, COUNT};

/// One statement takes the version, inserts the checkpoint and its numbers: what the store sends,
/// without versions that are given.
const STORE: &str = "), stored AS (\
    INSERT INTO agentensor_checkpoints (id, workflow_id, config_version, runnable_config, metrics, \
    metadata, is_best, record_bytes, created_at) \
    SELECT $2, $1, number, $3, $4, $5, false, $6, $7 FROM version RETURNING id, config_version\
    ), numbers AS (\
    INSERT INTO agentensor_checkpoint_metrics (checkpoint_id, path, workflow_id, config_version, \
    value) SELECT id, path, $1, config_version, value FROM stored \
    CROSS JOIN unnest($8::text[], $9::double precision[]) AS number (path, value)\
    ) SELECT config_version FROM stored";

/// The connections, and texts made beforehand: the raw side serialises nothing.
#[derive(Clone)]
pub(crate) struct RawPostgres {
    pool: Pool<Connection>,
    json: Arc<[Json<String>; 3]>,
    steps: Arc<Steps>,
}

struct Connection {
    client: Client,
    record: Statement,
    best_by: Statement,
    get: Statement,
    put: Statement,
}

impl RawPostgres {
    /// Connects to a schema.
    pub(crate) async fn connect(schema: &str) -> Result<Self> {
        let pool = Pool::open(async || Connection::open(schema).await).await?;
        let json = [operation::config(), operation::metrics(1), operation::metadata()];
        let json = Arc::new(json.map(|value| Json(value.to_string())));
        Ok(Self { pool, json, steps: Arc::default() })
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
        match operation {
            Operation::BestBy => {
                let row = conn.client.query_one(&conn.best_by, &[&RANKED, &METRIC]).await?;
                read(&[row], &CHECKPOINT_LAYOUT)
            }
            Operation::Record => self.record(conn, caller).await,
            Operation::GraphGet => {
                let rows = conn.client.query(&conn.get, &[&FETCHED]).await?;
                expect(rows.len(), 10)?;
                for row in rows {
                    black_box(row.try_get::<_, Json<serde_json::Value>>(0)?);
                    black_box(row.try_get::<_, Vec<u8>>(6)?);
                }
                Ok(())
            }
            Operation::GraphPut => self.put(conn, self.steps.next("raw", caller)).await,
        }
    }

    async fn record(&self, conn: &Connection, caller: usize) -> Result<()> {
        let workflow = operation::recorded("raw", caller);
        let id = Id(*CheckpointId::mint().as_uuid().as_bytes());
        let now = system_time(SystemClock.now())?;
        let [config, metrics, metadata] = &*self.json;
        let bytes = i64::try_from(self.json.iter().map(|text| text.0.len()).sum::<usize>())?;
        let (paths, values): (Vec<_>, Vec<_>) = operation::numbers(1).into_iter().unzip();
        let binds: [&(dyn ToSql + Sync); 9] =
            [&workflow, &id, config, metrics, metadata, &bytes, &now, &paths, &values];
        let row = conn.client.query_one(&conn.record, &binds).await?;
        black_box(row.try_get::<_, i32>(0)?);
        Ok(())
    }

    async fn put(&self, conn: &Connection, step: Step) -> Result<()> {
        let (now, address) = (system_time(SystemClock.now())?, raw_graph::address(step.id));
        let (id, size) = (Id(step.id.as_uuid().into_bytes()), i64::try_from(step.bytes.len())?);
        let versions = Json(serde_json::to_string(&step.versions)?);
        let metadata = Json(graph::metadata().to_string());
        let binds: [&(dyn ToSql + Sync); 11] = [
            &step.thread,
            &now,
            &address,
            &TYPE_TAG,
            &size,
            &step.bytes,
            &step.channel,
            &step.version,
            &id,
            &versions,
            &metadata,
        ];
        let put = conn.client.execute(&conn.put, &binds).await?;
        expect(usize::try_from(put)?, 1)
    }
}

impl Connection {
    async fn open(schema: &str) -> Result<Self> {
        let client = connect(schema).await?;
        let record = format!("WITH version (number) AS ({COUNT}{STORE}");
        Ok(Self {
            record: client.prepare(&record).await?,
            best_by: client.prepare(BEST_BY).await?,
            get: client.prepare(FETCH_POSTGRES).await?,
            put: client.prepare(PUT_POSTGRES).await?,
            client,
        })
    }
}
