//! The raw side on PostgreSQL: `tokio-postgres` and prepared statements.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use store_core::{RunId, Timestamp};
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::postgres::{Id, Json, Pool, read, system_time};
use crate::operation::{
    self, ACTOR, DUE, LISTED, Material, Operation, Runnable, Seeded, Texts, WORKFLOWS,
};
use crate::postgres_connection::{Connection, New, id, insert, now, timestamp};
use crate::postgres_sql;
use crate::raw::{Raw, Stock};
use crate::rows::{END_CRON, RUN_LAYOUT};

/// The connections, and what they work with.
#[derive(Clone)]
pub(crate) struct RawPostgres {
    pool: Pool<Connection>,
    material: Arc<Material>,
    /// Numbers the runs, so that they spread over the workflows.
    created: Arc<AtomicUsize>,
}

impl RawPostgres {
    /// Connects to a schema.
    pub(crate) async fn connect(schema: &str, seeded: &Seeded) -> Result<Self> {
        Ok(Self {
            pool: Pool::open(async || Connection::open(schema).await).await?,
            material: Arc::new(Material::new(seeded.clone())),
            created: Arc::default(),
        })
    }

    /// Lets the planner know what was put into the tables.
    pub(crate) async fn analyze(&self) -> Result<()> {
        self.execute("ANALYZE workflows, workflow_versions, workflow_runs, jobs").await?;
        self.execute("ANALYZE workflow_cron_triggers").await
    }

    async fn execute(&self, statements: &str) -> Result<()> {
        let conn = self.pool.take()?;
        let outcome = conn.client.batch_execute(statements).await;
        self.pool.give_back(conn);
        Ok(outcome?)
    }

    async fn run(&self, conn: &Connection, operation: Operation, stock: &Stock) -> Result<bool> {
        let client = &conn.client;
        match operation {
            Operation::FetchRun => {
                let run = client.query_one(&conn.fetch, &[&id(self.material.seeded.run)]).await?;
                read(&[run], &RUN_LAYOUT)?;
            }
            Operation::ListRuns => {
                let workflow = Id(self.material.seeded.listed.workflow.as_uuid().into_bytes());
                let limit = i64::from(LISTED + 1);
                let mut found = client.query(&conn.list, &[&workflow, &limit]).await?;
                expect(found.len(), LISTED + 1)?;
                found.truncate(LISTED as usize);
                read(&found, &RUN_LAYOUT)?;
            }
            Operation::CreateRun => self.create(conn).await?,
            Operation::StartSucceed => {
                let Some(run) = stock.take() else { return Ok(false) };
                self.start_succeed(conn, run).await?;
            }
            Operation::Dispatch => return Err("schedulers are not callers in a loop".into()),
        }
        Ok(true)
    }

    async fn create(&self, conn: &Connection) -> Result<()> {
        let nth = self.created.fetch_add(1, Ordering::Relaxed) % WORKFLOWS;
        let workflow = Id(self.material.seeded.active[nth].workflow.as_uuid().into_bytes());
        let version = conn.client.query_one(&conn.version, &[&workflow]).await?;
        let texts = &self.material.by_hand;
        let new = New {
            of: (workflow, version.try_get(0)?),
            triggered_by: operation::TRIGGERED_BY,
            input: &texts.input,
            texts,
            scheduled_for: None,
            actor: ACTOR,
        };
        insert(conn, &conn.create, new).await
    }

    async fn start_succeed(&self, conn: &Connection, run: RunId) -> Result<()> {
        let (run, begun) = (id(run), now()?);
        let (nothing, none, never) = (None::<Json<&str>>, 0_i64, None::<SystemTime>);
        let binds: [&(dyn ToSql + Sync); 11] = [
            &run,
            &"running",
            &true,
            &false,
            &begun,
            &never,
            &nothing,
            &none,
            &begun,
            &ACTOR,
            &"run_started",
        ];
        let started = conn.client.query_one(&conn.change, &binds).await?;
        read(&[started], &RUN_LAYOUT)?;

        let ended = now()?;
        let output = Json(self.material.output.as_str());
        let bytes = i64::try_from(self.material.output.len())?;
        let binds: [&(dyn ToSql + Sync); 11] = [
            &run,
            &"succeeded",
            &false,
            &true,
            &never,
            &ended,
            &output,
            &bytes,
            &ended,
            &ACTOR,
            &"run_succeeded",
        ];
        let succeeded = conn.client.query_one(&conn.change, &binds).await?;
        read(&[succeeded], &RUN_LAYOUT)
    }

    async fn dispatch_one(&self, conn: &Connection, now: Timestamp) -> Result<usize> {
        conn.client.batch_execute("BEGIN").await?;
        let limit = i64::from(DUE);
        let due = conn.client.query(&conn.due, &[&system_time(now)?, &limit]).await?;
        for row in &due {
            let (scheduled_for, timezone) = (row.try_get(1)?, row.try_get::<_, &str>(2)?);
            let input = operation::cron_input(timestamp(scheduled_for)?, timezone);
            let new = New {
                of: (row.try_get(0)?, row.try_get(3)?),
                triggered_by: "cron",
                input: &input,
                texts: &self.material.by_cron,
                scheduled_for: Some(scheduled_for),
                actor: "cron",
            };
            insert(conn, &conn.fire, new).await?;
        }
        conn.client.batch_execute("COMMIT").await?;
        Ok(due.len())
    }
}

#[async_trait]
impl Raw for RawPostgres {
    async fn add_runs(&self, of: Runnable, count: usize) -> Result<Vec<RunId>> {
        let runs: Vec<RunId> = (0..count).map(|_| RunId::mint()).collect();
        let ids: Vec<Id> = runs.iter().map(|run| id(*run)).collect();
        let jobs: Vec<Id> = (0..count).map(|_| id(RunId::mint())).collect();
        let (workflow, version) = (of.workflow.as_uuid(), of.version.as_uuid());
        let (workflow, version) = (Id(workflow.into_bytes()), Id(version.into_bytes()));
        let Texts { input, config, tags, callbacks, metadata } = &self.material.by_hand;
        let bytes = i64::try_from(input.len() + self.material.by_hand.bytes())?;
        let (input, config, tags) = (Json(input), Json(config), Json(tags));
        let (callbacks, metadata) = (Json(callbacks), Json(metadata));
        let by = operation::TRIGGERED_BY;
        let now = now()?;
        let binds: [&(dyn ToSql + Sync); 12] = [
            &ids, &jobs, &workflow, &version, &by, &input, &config, &tags, &callbacks, &metadata,
            &bytes, &now,
        ];
        let conn = self.pool.take()?;
        let outcome = conn.client.execute(&postgres_sql::add_runs(), &binds).await;
        self.pool.give_back(conn);
        outcome?;
        Ok(runs)
    }

    async fn make_due(&self) -> Result<Timestamp> {
        self.execute(END_CRON).await?;
        let conn = self.pool.take()?;
        let last = "SELECT max(next_at) FROM workflow_cron_triggers";
        let row = conn.client.query_one(last, &[]).await;
        self.pool.give_back(conn);
        timestamp(row?.try_get(0)?)
    }

    async fn dispatch(&self, schedulers: usize, now: Timestamp) -> Result<usize> {
        let mut calls = JoinSet::new();
        for _ in 0..schedulers {
            let (this, conn) = (self.clone(), self.pool.take()?);
            calls.spawn(async move {
                let started = this.dispatch_one(&conn, now).await;
                this.pool.give_back(conn);
                started
            });
        }
        let mut started = 0;
        while let Some(call) = calls.join_next().await {
            started += call??;
        }
        Ok(started)
    }

    async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
        stock: &Stock,
    ) -> Result<Figures> {
        let (this, stock) = (self.clone(), stock.clone());
        let measured = move |conn: Arc<Connection>, _caller| {
            let (this, stock) = (this.clone(), stock.clone());
            async move { this.run(&conn, operation, &stock).await }
        };
        self.pool.measure(callers, round, measured).await
    }
}
