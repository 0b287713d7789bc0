//! Checkpoints in a SQLite file.

/// Runs a query function on a connection that only reads.
macro_rules! reading {
    ($this:ident, $operation:literal, |$conn:ident, $cx:ident| $query:expr) => {{
        let context = $this.context.clone();
        $this
            .db
            .read($operation, move |$conn| {
                let $cx = &context;
                $query
            })
            .await
    }};
}

/// Runs a query function in a transaction that writes.
macro_rules! writing {
    ($this:ident, $operation:literal, |$conn:ident, $cx:ident| $query:expr) => {{
        let context = $this.context.clone();
        $this
            .db
            .write($operation, move |$conn| {
                let $cx = &context;
                $query
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

pub use graph::SqliteGraphCheckpointer;
pub use migrations::{MIGRATIONS, SCHEMA};

use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::sqlite::Database;
use store_core::{Clock, Databases, Result, Subsystem, SystemClock};

use crate::rules::Context;

/// Checkpoints of training in a SQLite file. Clones share the database.
#[derive(Debug, Clone)]
pub struct SqliteCheckpointStore {
    db: Database,
    context: Context,
}

impl SqliteCheckpointStore {
    /// Opens the store in the file of its settings and migrates it, unless told not to.
    ///
    /// # Errors
    /// Those of opening the database; `Migration`.
    pub async fn open(databases: &Databases) -> Result<Self> {
        let db = databases.sqlite(Subsystem::Checkpoints).await?;
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
