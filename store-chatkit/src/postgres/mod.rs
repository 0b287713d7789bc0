//! Conversations in PostgreSQL.

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

mod adding;
mod attachments;
mod error;
mod files;
mod items;
mod migrations;
mod repository;
mod retention;
mod rows;
#[expect(
    unreachable_pub,
    missing_debug_implementations,
    reason = "as the command line of Diesel prints it"
)]
mod schema;
mod searching;
// parity: SQLite's writer groups commits by itself.
mod sharing;
mod threads;

pub use migrations::{MIGRATIONS, SCHEMA};

use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::postgres::{Coalescer, Database};
use store_core::{Clock, Databases, Result, SystemClock};

use crate::rules::{Context, Limits};
use sharing::AddBatch;

/// Conversations in PostgreSQL. Clones share the database.
#[derive(Debug, Clone)]
pub struct PostgresChatKitStore {
    db: Database,
    context: Context,
    // parity: SQLite's writer groups commits by itself.
    adds: Coalescer<AddBatch>,
}

impl PostgresChatKitStore {
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
        let limits = Limits::of(databases.settings());
        Ok(Self::new(db, databases.json_policy(), limits, Arc::new(SystemClock)))
    }

    /// Makes a store on a database that is migrated.
    #[must_use]
    pub fn new(db: Database, json: JsonPolicy, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let adds = Coalescer::new(AddBatch { db: db.clone() });
        Self { db, context: Context { json, clock, limits }, adds }
    }
}
