//! Credentials in a SQLite file.

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

/// Leaves of a query what is within the reach of a caller. The last argument is the table's name.
macro_rules! within_reach {
    ($query:expr, $dsl:ident, $reach:expr, $table:literal) => {{
        let (mut query, reach) = ($query, $reach);
        if !reach.everything {
            query = match &reach.workflow_id {
                None => query.filter($dsl::workflow_ids.eq("[]")),
                Some(id) => {
                    query.filter($dsl::workflow_ids.eq("[]").or(crate::sqlite::json_contains(
                        $dsl::workflow_ids,
                        serde_json::json!([id]).to_string(),
                    )))
                }
            };
            query = match &reach.workspace_id {
                None => query.filter($dsl::workspace_ids.eq("[]")),
                Some(id) => {
                    query.filter($dsl::workspace_ids.eq("[]").or(crate::sqlite::json_contains(
                        $dsl::workspace_ids,
                        serde_json::json!([id]).to_string(),
                    )))
                }
            };
            let has_role = diesel::dsl::sql::<diesel::sql_types::Bool>(concat!(
                "EXISTS (SELECT 1 FROM json_each(",
                $table,
                ".roles) AS allowed JOIN json_each("
            ))
            .bind::<diesel::sql_types::Text, _>(crate::rules::text::array(&reach.roles))
            .sql(") AS had ON had.value = allowed.value)");
            query = query.filter($dsl::roles.eq("[]").or(has_role));
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

use diesel::sql_types::Text;
use store_core::json::JsonPolicy;
use store_core::sqlite::Database;
use store_core::{Clock, Databases, Result, Subsystem, SystemClock};

use crate::keys::KeyProvider;
use crate::rules::Context;

#[diesel::declare_sql_function]
extern "SQL" {
    /// PostgreSQL's `left @> right` over JSON text.
    #[sql_name = "store_json_contains"]
    fn json_contains(left: Text, right: Text) -> Bool;
}

/// Credentials in a SQLite file. Clones share the database.
#[derive(Debug, Clone)]
pub struct SqliteCredentialVault {
    db: Database,
    context: Context,
}

impl SqliteCredentialVault {
    /// Opens the vault in the file of its settings and migrates it, unless told not to.
    ///
    /// # Errors
    /// Those of opening the database; `Migration`; those of [`new`](Self::new).
    pub async fn open(databases: &Databases, keys: &dyn KeyProvider) -> Result<Self> {
        let db = databases.sqlite(Subsystem::Vault).await?;
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
