//! A connection of the raw side on PostgreSQL, with its prepared statements.

use store_core::{Clock as _, JobId, SystemClock};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use crate::common::Result;
use crate::common::load::expect;
use crate::common::postgres::{Id, Json, connect, read, system_time};
use crate::operation::{Operation, QUEUE, Texts, worker};
use crate::postgres_sql as sql;
use crate::rows::{EPOCH, JOB_LAYOUT};

pub(crate) struct Connection {
    pub(crate) client: Client,
    enqueue: Statement,
    enqueue_many: Statement,
    claim: Statement,
    complete: Statement,
}

impl Connection {
    pub(crate) async fn open(schema: &str) -> Result<Self> {
        let client = connect(schema).await?;
        Ok(Self {
            enqueue: client.prepare(&sql::enqueue()).await?,
            enqueue_many: client.prepare(&sql::enqueue_many()).await?,
            claim: client.prepare(&sql::claim()).await?,
            complete: client.prepare(&sql::complete()).await?,
            client,
        })
    }

    /// Carries out an operation; false when too few jobs are left that it could work on.
    pub(crate) async fn run(
        &self,
        operation: Operation,
        caller: usize,
        texts: &Texts,
    ) -> Result<bool> {
        let now = system_time(SystemClock.now())?;
        match operation {
            Operation::Enqueue => {
                let (id, payload) = (mint(), Json(&texts.payload));
                let found = self.client.query(&self.enqueue, &[&id, &payload, &now]).await?;
                expect(found.len(), 1)?;
            }
            Operation::EnqueueMany => {
                let ids: Vec<Id> = (0..operation.jobs()).map(|_| mint()).collect();
                let payloads: Vec<_> = ids.iter().map(|_| Json(&texts.payload)).collect();
                let binds: [&(dyn ToSql + Sync); 3] = [&ids, &payloads, &now];
                let found = self.client.query(&self.enqueue_many, &binds).await?;
                expect(found.len(), operation.jobs())?;
            }
            Operation::ClaimComplete(limit) => {
                return self.claim_complete(&worker(caller), limit, texts).await;
            }
            Operation::Pickup | Operation::Held => return Err("that is no loop of callers".into()),
        }
        Ok(true)
    }

    async fn claim_complete(&self, worker: &str, limit: u32, texts: &Texts) -> Result<bool> {
        let now = system_time(SystemClock.now())?;
        let (queues, able, most) = (vec![QUEUE], Json("[]"), i64::from(limit));
        let claimed =
            self.client.query(&self.claim, &[&worker, &now, &queues, &able, &most]).await?;
        read(&claimed, &JOB_LAYOUT)?;
        let (mut ids, mut epochs) = (Vec::new(), Vec::new());
        for row in &claimed {
            ids.push(row.try_get::<_, Id>(0)?);
            epochs.push(row.try_get::<_, i64>(EPOCH)?);
        }
        let owners: Vec<_> = ids.iter().map(|_| worker).collect();
        let results: Vec<_> = ids.iter().map(|_| Json(&texts.result)).collect();
        let binds: [&(dyn ToSql + Sync); 4] = [&ids, &owners, &epochs, &results];
        let ended = self.client.query(&self.complete, &binds).await?;
        expect(ended.len(), u32::try_from(claimed.len())?)?;
        Ok(u32::try_from(claimed.len()) == Ok(limit))
    }
}

/// The id of a new job, as the driver takes it.
pub(crate) fn mint() -> Id {
    Id(JobId::mint().as_uuid().into_bytes())
}
