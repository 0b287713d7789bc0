//! Workflows in PostgreSQL.

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

mod audit;
mod cron;
mod handles;
mod listener_events;
mod listener_leases;
mod listeners;
mod manual;
mod migrations;
mod purge;
mod queue;
mod repository;
mod retries;
mod rows;
// parity: the statements that carry many runs.
mod run_creation;
// parity: belongs to run_creation.
mod run_transition;
mod runs;
mod schema;
mod transitions;
mod versions;
mod webhooks;
mod workflows;

pub use migrations::{MIGRATIONS, SCHEMA};

use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::postgres::{Coalescer, Database};
use store_core::seal::KeyRing;
use store_core::{Clock, Databases, Result, SystemClock};

use self::queue::bell::Bells;
use self::queue::endings::CompleteBatch;
use self::queue::enqueue::EnqueueBatch;
use self::runs::CreateBatch;
use self::transitions::TransitionBatch;
use crate::rules::Context;

/// Workflows in PostgreSQL. Clones share the database.
#[derive(Debug, Clone)]
pub struct PostgresWorkflowRepository {
    db: Database,
    context: Context,
    // parity: SQLite's writer groups commits by itself.
    creations: Coalescer<CreateBatch>,
    transitions: Coalescer<TransitionBatch>,
    enqueues: Coalescer<EnqueueBatch>,
    completions: Coalescer<CompleteBatch>,
    bells: Bells,
}

impl PostgresWorkflowRepository {
    /// Opens the store in the database of its settings and migrates it, unless told not to.
    ///
    /// # Errors
    /// Those of opening the database; `Migration`.
    pub async fn open(databases: &Databases, keys: Option<KeyRing>) -> Result<Self> {
        let db = databases.postgres().await?;
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
        let context = Context { json, clock, keys };
        let creations = Coalescer::new(CreateBatch { db: db.clone(), context: context.clone() });
        let transitions =
            Coalescer::new(TransitionBatch { db: db.clone(), context: context.clone() });
        let enqueues = Coalescer::new(EnqueueBatch { db: db.clone(), context: context.clone() });
        let completions =
            Coalescer::new(CompleteBatch { db: db.clone(), context: context.clone() });
        let bells = Bells::new(&db);
        Self { db, context, creations, transitions, enqueues, completions, bells }
    }
}
