//! The migration journal of a crate: one locked transaction applies everything that is pending.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;

use super::connect::pragma;
use super::{Database, db_error};
use crate::clock::{Clock as _, SystemClock};
use crate::health::MigrationStatus;
use crate::migrations::{Applied, Known, Schema};
use crate::observe::or_of_database;
use crate::{Error, Failure, Result};

#[derive(QueryableByName)]
struct JournalRow {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    checksum: String,
}

impl Database {
    /// Applies the pending migrations of a crate and returns their names.
    ///
    /// Any number of processes may call this at once: one applies, the others wait and find it
    /// done. All pending migrations are one transaction.
    ///
    /// # Errors
    /// `Migration` when an applied one was edited, the database is newer than the code, or one
    /// fails; nothing is changed then.
    pub async fn migrate(&self, schema: &'static Schema) -> Result<Vec<String>> {
        // Without the lock first: on most starts there is nothing to do.
        if self.pending(schema).await?.is_empty() {
            return Ok(Vec::new());
        }
        let database = self.clone();
        blocking(move || database.migrate_now(schema)).await
    }

    /// Checks that nothing is pending, without changing anything.
    ///
    /// # Errors
    /// `Migration`, with the names when some are pending.
    pub async fn verify(&self, schema: &'static Schema) -> Result<()> {
        let pending = self.pending(schema).await?;
        if pending.is_empty() { Ok(()) } else { Err(schema.refuse_pending(pending)) }
    }

    /// Tells which migrations of a crate are applied and which are pending.
    ///
    /// # Errors
    /// Backend failures.
    pub async fn migration_status(&self, schema: &'static Schema) -> Result<MigrationStatus> {
        self.read("migration_status", move |conn| {
            Ok(schema.status(&schema.known::<Sqlite>()?, &applied(conn, schema)?))
        })
        .await
    }

    /// Reverts every migration of a crate, newest first. **Its tables and their data are gone.**
    ///
    /// # Errors
    /// Those of [`migrate`](Self::migrate).
    pub async fn revert_all(&self, schema: &'static Schema) -> Result<Vec<String>> {
        let database = self.clone();
        blocking(move || database.revert_now(schema)).await
    }

    /// The names of what is still to be applied.
    async fn pending(&self, schema: &'static Schema) -> Result<Vec<String>> {
        self.read("read_journal", move |conn| {
            schema.pending(schema.known::<Sqlite>()?, &applied(conn, schema)?).map(names)
        })
        .await
    }

    fn migrate_now(&self, schema: &Schema) -> Result<Vec<String>> {
        let mut conn = self.migration_connection()?;
        immediate(&mut conn, "migrate", |conn| {
            create_journal(conn, schema)?;
            let pending = schema.pending(schema.known::<Sqlite>()?, &applied(conn, schema)?)?;
            for known in &pending {
                known
                    .migration
                    .run(conn)
                    .map_err(|cause| schema.failed(&known.name, cause.to_string()))?;
                record(conn, schema, known)?;
            }
            check_foreign_keys(conn, schema)?;
            Ok(names(pending))
        })
    }

    fn revert_now(&self, schema: &Schema) -> Result<Vec<String>> {
        let mut conn = self.migration_connection()?;
        immediate(&mut conn, "revert", |conn| {
            let rows = applied(conn, schema)?;
            schema.pending(schema.known::<Sqlite>()?, &rows)?;
            let mut known = schema.known::<Sqlite>()?;
            known.retain(|known| rows.iter().any(|row| row.version == known.version));
            known.reverse();
            for known in &known {
                known
                    .migration
                    .revert(conn)
                    .map_err(|cause| schema.failed(&known.name, cause.to_string()))?;
            }
            diesel::sql_query(format!("DROP TABLE IF EXISTS {}", schema.journal))
                .execute(conn)
                .map_err(db_error("revert"))?;
            Ok(names(known))
        })
    }

    /// A connection of its own: rebuilding a table needs foreign keys off before the transaction.
    fn migration_connection(&self) -> Result<SqliteConnection> {
        let mut conn = self.inner.connector.writer()?;
        // Migrations of others may take longer than an ordinary write.
        pragma(&mut conn, "PRAGMA busy_timeout = 60000")?;
        pragma(&mut conn, "PRAGMA foreign_keys = OFF")?;
        Ok(conn)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let named = or_of_database("migrate", "sqlite");
    let named_work = move || {
        let _entered = named.enter();
        work()
    };
    tokio::task::spawn_blocking(named_work)
        .await
        .unwrap_or_else(|join| Err(Error::backend("migrate", Failure::Other, join)))
}

/// Runs a closure in an IMMEDIATE transaction and keeps its own error.
fn immediate<T>(
    conn: &mut SqliteConnection,
    operation: &'static str,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T>,
) -> Result<T> {
    let mut failure = None;
    let result = conn.immediate_transaction(|conn| {
        work(conn).map_err(|error| {
            failure = Some(error);
            diesel::result::Error::RollbackTransaction
        })
    });
    result.map_err(|error| failure.unwrap_or_else(|| db_error(operation)(error)))
}

fn create_journal(conn: &mut SqliteConnection, schema: &Schema) -> Result<()> {
    diesel::sql_query(format!(
        "CREATE TABLE IF NOT EXISTS {} (\
         version TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
         checksum TEXT NOT NULL, applied_at TEXT NOT NULL)",
        schema.journal
    ))
    .execute(conn)
    .map(drop)
    .map_err(db_error("create_journal"))
}

/// Reads the journal; one that does not exist is empty.
fn applied(conn: &mut SqliteConnection, schema: &Schema) -> Result<Vec<Applied>> {
    let query = format!("SELECT version, name, checksum FROM {} ORDER BY version", schema.journal);
    match diesel::sql_query(query).load::<JournalRow>(conn) {
        Ok(rows) => Ok(rows
            .into_iter()
            .map(|JournalRow { version, name, checksum }| Applied { version, name, checksum })
            .collect()),
        Err(error) if error.to_string().contains("no such table") => Ok(Vec::new()),
        Err(error) => Err(db_error("read_journal")(error)),
    }
}

fn record(conn: &mut SqliteConnection, schema: &Schema, known: &Known<Sqlite>) -> Result<()> {
    diesel::sql_query(format!(
        "INSERT INTO {} (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
        schema.journal
    ))
    .bind::<Text, _>(&known.version)
    .bind::<Text, _>(&known.name)
    .bind::<Text, _>(&known.checksum)
    .bind::<Text, _>(SystemClock.now().to_string())
    .execute(conn)
    .map(drop)
    .map_err(db_error("record_migration"))
}

/// What foreign keys would have said, had they been on.
fn check_foreign_keys(conn: &mut SqliteConnection, schema: &Schema) -> Result<()> {
    #[derive(QueryableByName)]
    struct Orphan {
        #[diesel(sql_type = Text)]
        table: String,
    }
    let orphans: Vec<Orphan> = diesel::sql_query("PRAGMA foreign_key_check")
        .load(conn)
        .map_err(db_error("foreign_key_check"))?;
    match orphans.first() {
        None => Ok(()),
        Some(orphan) => Err(schema.failed(
            "foreign_key_check",
            format!("{} rows without their parent, first in `{}`", orphans.len(), orphan.table),
        )),
    }
}

fn names(known: Vec<Known<Sqlite>>) -> Vec<String> {
    known.into_iter().map(|known| known.name).collect()
}
