//! The raw side on SQLite: `rusqlite`, statements statements, one connection, one commit per write.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use store_core::{RunId, Timestamp};

use crate::common::Result;
use crate::common::load::Figures;
use crate::common::sqlite::{open, serve};
use crate::operation::{self, ACTOR, Material, Operation, Runnable, Seeded};
use crate::raw::{Raw, Stock};
use crate::rows::END_CRON;
use crate::sqlite_statements::{New, Statements};

/// The connection, and what it works with.
#[derive(Clone)]
pub(crate) struct RawSqlite {
    conn: Arc<Mutex<Connection>>,
    material: Arc<Material>,
}

impl RawSqlite {
    /// Opens a migrated file.
    pub(crate) fn open(path: &Path, seeded: Seeded) -> Result<Self> {
        let material = Arc::new(Material::new(seeded));
        Ok(Self { conn: Arc::new(Mutex::new(open(path)?)), material })
    }

    /// Works on the connection, on a thread that may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Material, &Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let conn = this.conn.lock().unwrap_or_else(PoisonError::into_inner);
            work(&this.material, &conn)
        })
        .await?
    }
}

#[async_trait]
impl Raw for RawSqlite {
    async fn add_runs(&self, of: Runnable, count: usize) -> Result<Vec<RunId>> {
        self.blocking(move |material, conn| {
            let (workflow, version) = (of.workflow.to_string(), of.version.to_string());
            let mut statements = Statements::new(material, conn)?;
            let new = New {
                workflow: &workflow,
                version: &version,
                triggered_by: operation::TRIGGERED_BY,
                input: &material.by_hand.input,
                texts: &material.by_hand,
                scheduled_for: None,
                actor: ACTOR,
            };
            statements.insert_many(&new, count)
        })
        .await
    }

    async fn make_due(&self) -> Result<Timestamp> {
        self.blocking(|_material, conn| {
            conn.execute(END_CRON, [])?;
            let last = "SELECT max(next_at) FROM workflow_cron_triggers";
            Ok(conn.query_row(last, [], |row| row.get::<_, String>(0))?.parse()?)
        })
        .await
    }

    async fn dispatch(&self, schedulers: usize, now: Timestamp) -> Result<usize> {
        // Schedulers of one connection wait for each other.
        self.blocking(move |material, conn| {
            let mut statements = Statements::new(material, conn)?;
            (0..schedulers).map(|_| statements.dispatch(now)).sum()
        })
        .await
    }

    async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
        stock: &Stock,
    ) -> Result<Figures> {
        let stock = stock.clone();
        self.blocking(move |material, conn| {
            let mut statements = Statements::new(material, conn)?;
            serve(callers, round, |_caller| statements.run(operation, &stock))
        })
        .await
    }
}
