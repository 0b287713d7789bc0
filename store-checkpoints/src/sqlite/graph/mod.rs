//! The state of graph runs in a SQLite file.

mod listing;
mod put;
mod reading;
mod repository;
mod retention;
mod rows;
mod runs;
mod threads;
mod writes;

use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::seal::KeyRing;
use store_core::sqlite::Database;
use store_core::{Clock, Databases, Result, Subsystem, SystemClock};

use super::SCHEMA;
use crate::rules::graph::GraphContext;

/// The state of graph runs in a SQLite file. Clones share the database.
#[derive(Debug, Clone)]
pub struct SqliteGraphCheckpointer {
    db: Database,
    context: GraphContext,
}

impl SqliteGraphCheckpointer {
    /// Opens the store in the file of its settings and migrates it, unless told not to.
    ///
    /// # Errors
    /// Those of opening the database; `Migration`.
    pub async fn open(databases: &Databases, keys: Option<KeyRing>) -> Result<Self> {
        let db = databases.sqlite(Subsystem::Checkpoints).await?;
        if databases.settings().auto_migrate() {
            db.migrate(&SCHEMA).await?;
        } else {
            db.verify(&SCHEMA).await?;
        }
        Ok(Self::new(db, databases.json_policy(), Arc::new(SystemClock), keys))
    }

    /// Makes a store on a database that is migrated.
    #[must_use]
    pub fn new(
        db: Database,
        json: JsonPolicy,
        clock: Arc<dyn Clock>,
        keys: Option<KeyRing>,
    ) -> Self {
        Self { db, context: GraphContext { json, clock, keys } }
    }
}
