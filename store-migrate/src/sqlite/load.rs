//! Loading rows: a batch and its note in one transaction.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, MAIN_DB, params_from_iter};

use super::{State, quote};
use crate::error::sqlite;
use crate::model::Table;
use crate::state::BatchNote;
use crate::value::{Value, bind};
use crate::{Error, Result};

/// Writes rows into one file.
pub(crate) struct Loader {
    conn: Connection,
    migration: String,
}

impl Loader {
    /// Prepares to load for a migration.
    pub(crate) const fn new(conn: Connection, migration: String) -> Self {
        Self { conn, migration }
    }

    /// Begins a batch.
    pub(crate) fn begin(&self) -> Result<()> {
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(sqlite("beginning a batch"))
    }

    /// Inserts a row and returns its number, which large blobs are written by.
    pub(crate) fn insert(&self, table: &Table, values: &[Value<'_>]) -> Result<i64> {
        let doing = || format!("loading table {}", table.sqlite);
        let mut statement = self.conn.prepare_cached(&insert_of(table)).map_err(sqlite(doing()))?;
        let bound = values
            .iter()
            .zip(&table.columns)
            .map(|(value, column)| {
                bind(value).map_err(|reason| {
                    Error::refused(format!(
                        "a value of {}.{} {reason}",
                        table.sqlite, column.sqlite
                    ))
                })
            })
            .collect::<Result<Vec<ToSqlOutput<'_>>>>()?;
        statement.execute(params_from_iter(bound)).map_err(sqlite(doing()))?;
        Ok(self.conn.last_insert_rowid())
    }

    /// Writes a piece of a large blob of an inserted row.
    pub(crate) fn piece(
        &self,
        table: &Table,
        column: usize,
        rowid: i64,
        offset: usize,
        bytes: &[u8],
    ) -> Result<()> {
        let doing = || format!("loading a large blob of table {}", table.sqlite);
        let name = table.columns.get(column).map(|column| column.sqlite.as_str());
        let name = name.ok_or_else(|| Error::refused("a blob of a column that is not there"))?;
        let mut blob = self
            .conn
            .blob_open(MAIN_DB, table.sqlite.as_str(), name, rowid, false)
            .map_err(sqlite(doing()))?;
        blob.write_at(bytes, offset).map_err(sqlite(doing()))
    }

    /// Notes the batch and commits it.
    pub(crate) fn commit(&self, note: &BatchNote) -> Result<()> {
        State::note(&self.conn, &self.migration, note)?;
        self.conn.execute_batch("COMMIT").map_err(sqlite("committing a batch"))
    }

    /// Leaves a batch undone.
    pub(crate) fn rollback(&self) -> Result<()> {
        self.conn.execute_batch("ROLLBACK").map_err(sqlite("leaving a batch"))
    }

    /// Lends the connection.
    pub(crate) const fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Returns the connection.
    pub(crate) fn into_conn(self) -> Connection {
        self.conn
    }
}

fn insert_of(table: &Table) -> String {
    let columns: Vec<_> = table.columns.iter().map(|column| quote(&column.sqlite)).collect();
    let marks = vec!["?"; columns.len()];
    format!(
        "INSERT INTO {} ({}) VALUES ({})",
        quote(&table.sqlite),
        columns.join(", "),
        marks.join(", ")
    )
}
