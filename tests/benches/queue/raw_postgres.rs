//! The raw side on PostgreSQL: `tokio-postgres` and prepared statements.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::common::Result;
use crate::common::load::Figures;
use crate::common::postgres::{Id, Json, Pool, connect};
use crate::operation::{Operation, Texts};
use crate::postgres_connection::{Connection, mint};
use crate::postgres_sql as sql;
use crate::raw::{HeldOpen, Raw};

/// How many jobs are put into the queue at once.
const ADDED: usize = 10_000;

/// The connections, and what they work with.
pub(crate) struct RawPostgres {
    schema: String,
    pool: Pool<Connection>,
    texts: Arc<Texts>,
}

impl RawPostgres {
    /// Connects to a schema.
    pub(crate) async fn connect(schema: &str) -> Result<Self> {
        Ok(Self {
            schema: schema.to_owned(),
            pool: Pool::open(async || Connection::open(schema).await).await?,
            texts: Arc::new(Texts::new()),
        })
    }

    async fn execute(&self, statements: &str) -> Result<()> {
        let conn = self.pool.take()?;
        let outcome = conn.client.batch_execute(statements).await;
        self.pool.give_back(conn);
        Ok(outcome?)
    }
}

#[async_trait]
impl Raw for RawPostgres {
    async fn clear(&self) -> Result<()> {
        self.execute(sql::CLEAR).await
    }

    async fn add_jobs(&self, count: usize) -> Result<()> {
        let ids: Vec<Id> = (0..count).map(|_| mint()).collect();
        let conn = self.pool.take()?;
        let mut outcome = Ok(0);
        for some in ids.chunks(ADDED) {
            let payload = Json(&self.texts.payload);
            outcome = conn.client.execute(&sql::add_jobs(), &[&some, &payload]).await;
            if outcome.is_err() {
                break;
            }
        }
        self.pool.give_back(conn);
        outcome?;
        // Lets the planner know that there is work.
        self.execute("ANALYZE jobs").await
    }

    async fn hold(&self) -> Result<HeldOpen> {
        let client = connect(&self.schema).await?;
        client.batch_execute(sql::HOLD).await?;
        Ok(Box::new(client))
    }

    async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let texts = Arc::clone(&self.texts);
        let measured = move |conn: Arc<Connection>, caller| {
            let texts = Arc::clone(&texts);
            async move { conn.run(operation, caller, &texts).await }
        };
        self.pool.measure(callers, round, measured).await
    }
}
