//! Credentials in PostgreSQL.

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

/// Leaves of a query what is within the reach of a caller. SQLite needs the table's name.
macro_rules! within_reach {
    ($query:expr, $dsl:ident, $reach:expr, $table:literal) => {{
        let (mut query, reach) = ($query, $reach);
        if !reach.everything {
            let everywhere = || serde_json::json!([]);
            query = match &reach.workflow_id {
                None => query.filter($dsl::workflow_ids.eq(everywhere())),
                Some(id) => query.filter(
                    $dsl::workflow_ids
                        .eq(everywhere())
                        .or($dsl::workflow_ids.contains(serde_json::json!([id]))),
                ),
            };
            query = match &reach.workspace_id {
                None => query.filter($dsl::workspace_ids.eq(everywhere())),
                Some(id) => query.filter(
                    $dsl::workspace_ids
                        .eq(everywhere())
                        .or($dsl::workspace_ids.contains(serde_json::json!([id]))),
                ),
            };
            let roles: Vec<String> = reach.roles.iter().cloned().collect();
            query = query.filter($dsl::roles.eq(everywhere()).or($dsl::roles.has_any_key(roles)));
        }
        query
    }};
}

mod alerts;
mod audit;
mod changes;
mod credentials;
mod due;
mod error;
mod issuing;
mod keys;
mod leases;
mod migrations;
mod repository;
mod reveal;
mod rewrap;
mod rows;
mod schema;
mod secrets;
mod templates;

pub use migrations::{MIGRATIONS, SCHEMA};

use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::postgres::Database;
use store_core::{Clock, Databases, Result, SystemClock};

use crate::keys::KeyProvider;
use crate::rules::Context;

/// Credentials in PostgreSQL. Clones share the database.
#[derive(Debug, Clone)]
pub struct PostgresCredentialVault {
    db: Database,
    context: Context,
}

impl PostgresCredentialVault {
    /// Opens the vault in the database of its settings and migrates it, unless told not to.
    ///
    /// # Errors
    /// Those of opening the database; `Migration`; those of [`new`](Self::new).
    pub async fn open(databases: &Databases, keys: &dyn KeyProvider) -> Result<Self> {
        let db = databases.postgres().await?;
        if databases.settings().auto_migrate() {
            db.migrate(&SCHEMA).await?;
        } else {
            db.verify(&SCHEMA).await?;
        }
        Self::new(db, databases.json_policy(), Arc::new(SystemClock), keys).await
    }

    /// Makes a vault on a database that is migrated.
    ///
    /// The keys are compared with those that the vault knows before anything is written; then the
    /// current one is registered.
    ///
    /// # Errors
    /// `Settings` when a key that the vault needs is missing, or is another than it was; whatever the
    /// provider fails with.
    pub async fn new(
        db: Database,
        json: JsonPolicy,
        clock: Arc<dyn Clock>,
        keys: &dyn KeyProvider,
    ) -> Result<Self> {
        let ring = repository::keys_open(&db, &*clock, keys).await?;
        Ok(Self { db, context: Context { json, clock, keys: ring } })
    }
}
