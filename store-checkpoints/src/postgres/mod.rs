//! Checkpoints in PostgreSQL.

/// Runs a query function on a connection that only reads.
macro_rules! reading {
    ($this:ident, $operation:literal, |$conn:ident, $cx:ident| $query:expr) => {{
        let $cx = &$this.context;
        $this
            .db
            .read($operation, || async {
                let mut connection = $this.db.conn($operation).await?;
                let $conn = &mut *connection;
                $query.await
            })
            .await
    }};
}

/// Runs a query function in a transaction that writes.
macro_rules! writing {
    ($this:ident, $operation:literal, |$conn:ident, $cx:ident| $query:expr) => {{
        let $cx = &$this.context;
        $this
            .db
            .write($operation, || async {
                let mut connection = $this.db.conn($operation).await?;
                store_core::postgres::begin($operation, &mut connection).await?;
                let $conn = &mut *connection;
                let result = $query.await;
                store_core::postgres::finish($operation, &mut connection, result).await
            })
            .await
    }};
}

// parity: SQLite's writer opens a transaction for all; here that is two round trips.
/// Runs a query function of a single statement, which is a transaction by itself.
macro_rules! writing_statement {
    ($this:ident, $operation:literal, |$conn:ident, $cx:ident| $query:expr) => {{
        let $cx = &$this.context;
        $this
            .db
            .write($operation, || async {
                let mut connection = $this.db.conn($operation).await?;
                let $conn = &mut *connection;
                $query.await
            })
            .await
    }};
}

mod changes;
mod checkpoints;
mod error;
mod graph;
mod lineage;
mod migrations;
mod ranking;
mod recording;
mod repository;
mod retention;
mod rows;
mod schema;

pub use graph::PostgresGraphCheckpointer;
pub use migrations::{MIGRATIONS, SCHEMA};

use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::postgres::Database;
use store_core::{Clock, Databases, Result, SystemClock};

use crate::rules::Context;

/// Checkpoints of training in PostgreSQL. Clones share the database.
#[derive(Debug, Clone)]
pub struct PostgresCheckpointStore {
    db: Database,
    context: Context,
}

impl PostgresCheckpointStore {
    /// Opens the store in the database of its settings and migrates it, unless told not to.
    ///
    /// # Errors
    /// Those of opening the database; `Migration`.
    pub async fn open(databases: &Databases) -> Result<Self> {
        let db = databases.postgres().await?;
        if databases.settings().auto_migrate() {
            db.migrate(&SCHEMA).await?;
        } else {
            db.verify(&SCHEMA).await?;
        }
        Ok(Self::new(db, databases.json_policy(), Arc::new(SystemClock)))
    }

    /// Makes a store on a database that is migrated.
    #[must_use]
    pub fn new(db: Database, json: JsonPolicy, clock: Arc<dyn Clock>) -> Self {
        Self { db, context: Context { json, clock } }
    }
}
