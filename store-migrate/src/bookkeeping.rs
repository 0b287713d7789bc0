//! Looking at what migrations keep in a target, and removing it.

use serde::Serialize;

use crate::error::{postgres as pg_error, sqlite as sqlite_error};
use crate::opened::{blocking, existing};
use crate::state::{Copied, Migration, Phase, TABLES, layout_word};
use crate::sync::{self, SyncStatus};
use crate::{Error, Location, Result, postgres, sqlite};

/// How far a migration is.
#[derive(Debug, Clone, Serialize)]
pub struct MigrationStatus {
    /// Its id.
    pub id: String,
    /// What identifies its source.
    pub source: String,
    /// Its layout.
    pub layout: String,
    /// The last phase that is done.
    pub phase: String,
    /// How far each table is.
    pub tables: Vec<TableStatus>,
    /// How many indexes and constraints are still to be built.
    pub pending: u64,
    /// How far the changes of its source are applied, when they are captured.
    pub sync: Option<SyncStatus>,
}

/// How far a table is.
#[derive(Debug, Clone, Serialize)]
pub struct TableStatus {
    /// Its name on SQLite.
    pub name: String,
    /// How many rows were copied.
    pub rows: u64,
    /// How many bytes were copied.
    pub bytes: u64,
    /// How many rows were set aside.
    pub quarantined: u64,
    /// Whether all of it was read.
    pub complete: bool,
}

/// Returns the migrations into a database.
///
/// # Errors
/// What the database says; `Refused` when the state is not of this version.
pub async fn status(target: &Location) -> Result<Vec<MigrationStatus>> {
    let Some(path) = target.path() else {
        let client = postgres::connect(target).await?;
        let mut found = Vec::new();
        for migration in postgres::State::all(&client).await? {
            let mut tables = Vec::new();
            for table in &migration.plan.tables {
                let copied = postgres::State::copied(&client, &migration.id, &table.sqlite).await?;
                tables.push((table.sqlite.clone(), copied));
            }
            let pending = postgres::State::pending(&client, &migration.id).await?.len();
            let mut one = described(&migration, tables, pending);
            one.sync = sync::status(&client, &migration).await?;
            found.push(one);
        }
        return Ok(found);
    };
    let path = path.to_owned();
    blocking(move || {
        let Some(conn) = existing(&path)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for migration in sqlite::State::all(&conn)? {
            let mut tables = Vec::new();
            for table in &migration.plan.tables {
                let copied = sqlite::State::copied(&conn, &migration.id, &table.sqlite)?;
                tables.push((table.sqlite.clone(), copied));
            }
            let pending = sqlite::State::pending(&conn, &migration.id)?.len();
            found.push(described(&migration, tables, pending));
        }
        Ok(found)
    })
    .await
}

fn described(
    migration: &Migration,
    tables: Vec<(String, Copied)>,
    pending: usize,
) -> MigrationStatus {
    let table = |(name, copied): (String, Copied)| TableStatus {
        name,
        rows: copied.sum.rows,
        bytes: copied.bytes,
        quarantined: copied.quarantined,
        complete: copied.complete,
    };
    MigrationStatus {
        id: migration.id.clone(),
        source: migration.source.clone(),
        layout: layout_word(migration.layout).to_owned(),
        phase: migration.phase.as_str().to_owned(),
        tables: tables.into_iter().map(table).collect(),
        pending: u64::try_from(pending).unwrap_or(u64::MAX),
        sync: None,
    }
}

/// Removes the bookkeeping of migrations from a database, its tables as well once none is left, and
/// returns their ids.
///
/// # Errors
/// `Refused` when one is not validated, unless `force` is set: it could not be gone on with.
pub async fn clean(target: &Location, force: bool) -> Result<Vec<String>> {
    let Some(path) = target.path() else {
        let mut client = postgres::connect(target).await?;
        let ids = removable(postgres::State::all(&client).await?, force)?;
        let txn = client.transaction().await.map_err(pg_error("cleaning the target"))?;
        sync::drop_keys(&txn).await?;
        for table in TABLES.iter().rev() {
            txn.batch_execute(&format!("DROP TABLE IF EXISTS {table}"))
                .await
                .map_err(pg_error("cleaning the target"))?;
        }
        txn.commit().await.map_err(pg_error("cleaning the target"))?;
        return Ok(ids);
    };
    let path = path.to_owned();
    blocking(move || {
        let Some(mut conn) = existing(&path)? else { return Ok(Vec::new()) };
        let ids = removable(sqlite::State::all(&conn)?, force)?;
        let txn = conn
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(sqlite_error("cleaning the target"))?;
        for table in TABLES.iter().rev() {
            txn.execute_batch(&format!("DROP TABLE IF EXISTS {table}"))
                .map_err(sqlite_error("cleaning the target"))?;
        }
        txn.commit().map_err(sqlite_error("cleaning the target"))?;
        Ok(ids)
    })
    .await
}

fn removable(migrations: Vec<Migration>, force: bool) -> Result<Vec<String>> {
    let unfinished = migrations.iter().find(|migration| migration.phase < Phase::Validated);
    match unfinished {
        Some(migration) if !force => Err(Error::refused(format!(
            "migration {} is not validated yet: run it to its end, or remove its bookkeeping with \
             --force",
            migration.id
        ))),
        _ => Ok(migrations.into_iter().map(|migration| migration.id).collect()),
    }
}
