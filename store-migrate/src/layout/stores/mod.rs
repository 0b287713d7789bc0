//! The layout `stores`: every table of every store of this workspace.
//!
//! Their tables are made by the stores' own migrations. What is stated here is what the dry run has
//! to know before there is a target; a test compares it with the catalogues of both engines.

mod chatkit;
mod checkpoints;
mod history;
mod tokens;
mod vault;
mod workflow;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};
use store_core::migrations::Schema;
use tokio_postgres::Client;

use crate::error::{postgres, sqlite};
use crate::model::{Column, Layout, PgType, Plan, Sequence, SqliteOrder, Table};
use crate::{Error, Location, Result};

/// A table of a store.
struct Stored {
    name: &'static str,
    key: &'static [&'static str],
    without_rowid: bool,
    /// Name and type on PostgreSQL, in the order of the table.
    columns: &'static [(&'static str, PgType)],
}

/// A store and its tables.
pub(crate) struct Store {
    sqlite: &'static Schema,
    postgres: &'static Schema,
    tables: &'static [Stored],
}

impl Store {
    /// Returns its name, that of its crate.
    pub(crate) const fn name(&self) -> &'static str {
        self.sqlite.crate_name
    }

    /// Returns its migrations for SQLite and for PostgreSQL.
    pub(crate) const fn schemas(&self) -> (&'static Schema, &'static Schema) {
        (self.sqlite, self.postgres)
    }
}

static STORES: [Store; 6] = [
    Store {
        sqlite: &store_workflow::sqlite::SCHEMA,
        postgres: &store_workflow::postgres::SCHEMA,
        tables: workflow::TABLES,
    },
    Store {
        sqlite: &store_history::sqlite::SCHEMA,
        postgres: &store_history::postgres::SCHEMA,
        tables: history::TABLES,
    },
    Store {
        sqlite: &store_tokens::sqlite::SCHEMA,
        postgres: &store_tokens::postgres::SCHEMA,
        tables: tokens::TABLES,
    },
    Store {
        sqlite: &store_checkpoints::sqlite::SCHEMA,
        postgres: &store_checkpoints::postgres::SCHEMA,
        tables: checkpoints::TABLES,
    },
    Store {
        sqlite: &store_chatkit::sqlite::SCHEMA,
        postgres: &store_chatkit::postgres::SCHEMA,
        tables: chatkit::TABLES,
    },
    Store {
        sqlite: &store_vault::sqlite::SCHEMA,
        postgres: &store_vault::postgres::SCHEMA,
        tables: vault::TABLES,
    },
];

/// Returns every store.
pub(crate) fn all() -> &'static [Store] {
    &STORES
}

/// Columns that a sequence gives values: table and column.
const SEQUENCES: &[(&str, &str)] = &[("workflow_audit", "seq")];

/// Returns the plan that moves these stores, in either direction.
pub(crate) fn plan(stores: &[&Store]) -> Plan {
    let mut tables = Vec::new();
    let mut sequences = Vec::new();
    for stored in stores.iter().flat_map(|store| store.tables) {
        for (column, (name, _)) in stored.columns.iter().enumerate() {
            if SEQUENCES.contains(&(stored.name, name)) {
                sequences.push(Sequence { table: tables.len(), column });
            }
        }
        tables.push(table(stored));
    }
    let (before, after, notes, origin) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    Plan {
        layout: Layout::Stores,
        tables,
        sequences,
        before,
        after,
        notes,
        origin,
        kept: Vec::new(),
    }
}

fn table(stored: &Stored) -> Table {
    let column = |(name, pg_type): &(&str, PgType)| Column {
        sqlite: (*name).to_owned(),
        postgres: (*name).to_owned(),
        kind: pg_type.kind(),
        pg_type: *pg_type,
    };
    let place = |key: &&str| stored.columns.iter().position(|(name, _)| name == key);
    Table {
        sqlite: stored.name.to_owned(),
        postgres: stored.name.to_owned(),
        columns: stored.columns.iter().map(column).collect(),
        key: stored.key.iter().filter_map(place).collect(),
        order: if stored.without_rowid {
            SqliteOrder::Key
        } else {
            SqliteOrder::Rowid("rowid".to_owned())
        },
    }
}

/// Returns the stores whose tables a SQLite file has.
///
/// # Errors
/// `Refused` when there are none, or when a schema is older or newer than this tool's.
pub(crate) fn on_sqlite(conn: &Connection) -> Result<Vec<&'static Store>> {
    let mut present = Vec::new();
    for store in &STORES {
        let journal = store.sqlite.journal;
        let there: Option<i64> = conn
            .query_row(
                "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [journal],
                |row| row.get(0),
            )
            .optional()
            .map_err(sqlite("looking for stores"))?;
        if there.is_none() {
            continue;
        }
        let mut statement = conn
            .prepare(&format!("SELECT name, checksum FROM {journal} ORDER BY name"))
            .map_err(sqlite(format!("reading {journal}")))?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(sqlite(format!("reading {journal}")))?;
        let applied: Vec<(String, String)> =
            rows.collect::<rusqlite::Result<_>>().map_err(sqlite(format!("reading {journal}")))?;
        check(store.sqlite, &applied)?;
        present.push(store);
    }
    some(present)
}

/// Returns the stores whose tables a PostgreSQL schema has.
///
/// # Errors
/// Those of [`on_sqlite`].
pub(crate) async fn on_postgres(client: &Client) -> Result<Vec<&'static Store>> {
    let mut present = Vec::new();
    for store in &STORES {
        let journal = store.postgres.journal;
        let there = client
            .query_one("SELECT to_regclass($1) IS NOT NULL", &[&journal])
            .await
            .map_err(postgres("looking for stores"))?;
        if !there.get::<_, bool>(0) {
            continue;
        }
        let rows = client
            .query(&format!("SELECT name::text, checksum::text FROM {journal} ORDER BY name"), &[])
            .await
            .map_err(postgres(format!("reading {journal}")))?;
        let applied: Vec<(String, String)> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        check(store.postgres, &applied)?;
        present.push(store);
    }
    some(present)
}

fn some(present: Vec<&'static Store>) -> Result<Vec<&'static Store>> {
    if present.is_empty() {
        return Err(Error::refused(
            "the source has none of the stores' tables: use --layout auto for another SQLite \
             database, --layout orcheo for one that Orcheo wrote",
        ));
    }
    Ok(present)
}

/// Compares a journal with the migrations of this tool.
fn check(schema: &Schema, applied: &[(String, String)]) -> Result<()> {
    let prefix = format!("{}/", schema.backend);
    let known: Vec<_> = schema
        .checksums
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix)?.split_once(' '))
        .map(|(name, sum)| (name.to_owned(), sum.trim().to_owned()))
        .collect();
    let name = schema.crate_name;
    if let Some((version, _)) = applied.iter().find(|one| !known.contains(one)) {
        return Err(Error::refused(format!(
            "{name}: the source has migration {version}, which is not one of this version of \
             store-migrate; use the version that belongs to the application"
        )));
    }
    if let Some((version, _)) = known.iter().find(|one| !applied.contains(one)) {
        return Err(Error::refused(format!(
            "{name}: the source lacks migration {version}; start the application once in the \
             version that belongs to this store-migrate, so that it migrates its database"
        )));
    }
    Ok(())
}

/// Makes the tables of stores in a target, or brings them up to date.
pub(crate) async fn create(stores: &[&Store], target: &Location) -> Result<()> {
    match target {
        Location::Sqlite(path) => create_sqlite(stores, path).await,
        Location::Archive(_) => Err(Error::refused("an archive has no tables to be made")),
        Location::Postgres(_) => {
            let options = crate::postgres::options(target)?;
            let database = store_core::postgres::Database::open(options).await?;
            for store in stores {
                database.migrate(store.postgres).await?;
            }
            Ok(())
        }
    }
}

async fn create_sqlite(stores: &[&Store], path: &Path) -> Result<()> {
    let options = store_core::sqlite::Options::new(path);
    let database = store_core::sqlite::Database::open(options).await?;
    for store in stores {
        database.migrate(store.sqlite).await?;
    }
    database.close().await;
    Ok(())
}

/// Returns the stores of these names.
///
/// # Errors
/// `Refused` when there is none of a name.
pub(crate) fn named(names: &[String]) -> Result<Vec<&'static Store>> {
    let unknown = |name: &String| {
        Error::refused(format!("the archive has {name}, which this version does not know"))
    };
    names
        .iter()
        .map(|name| STORES.iter().find(|store| store.name() == name).ok_or_else(|| unknown(name)))
        .collect()
}
