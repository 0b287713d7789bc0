//! Rows that are set aside, whole: a record for each of their columns.

use rusqlite::{Connection, params};

use super::cell::Cell;
use super::fault::Fault;
use super::row::Row;
use crate::error::{Result, sqlite};

const DOING: &str = "writing _migrate_quarantine";

const CREATE: &str = "CREATE TABLE IF NOT EXISTS _migrate_quarantine (\
     source_table TEXT NOT NULL, \"key\" TEXT NOT NULL, \"column\" TEXT NOT NULL, \
     \"type\" TEXT NOT NULL, raw BLOB NOT NULL, reason TEXT NOT NULL)";

const INSERT: &str = "INSERT INTO _migrate_quarantine \
     (source_table, \"key\", \"column\", \"type\", raw, reason) VALUES (?, ?, ?, ?, ?, ?)";

/// Makes the table.
pub(super) fn create(conn: &Connection) -> Result<()> {
    conn.execute_batch(CREATE).map_err(sqlite(DOING))
}

/// Sets a row aside.
pub(super) fn row(conn: &Connection, row: &Row, fault: &Fault) -> Result<()> {
    let reason = format!("{}: {}", fault.column, fault.reason);
    for (column, cell) in row.cells() {
        one(conn, (row.table.name, &row.key(), column), cell, &reason)?;
    }
    Ok(())
}

/// Sets a part of a row aside, which has no column of its own.
pub(super) fn part(
    conn: &Connection,
    (table, key, column): (&str, &str, &str),
    raw: &str,
    reason: &str,
) -> Result<()> {
    one(conn, (table, key, column), &Cell::Text(raw.as_bytes().to_vec()), reason)
}

fn one(
    conn: &Connection,
    (table, key, column): (&str, &str, &str),
    cell: &Cell,
    reason: &str,
) -> Result<()> {
    let mut statement = conn.prepare_cached(INSERT).map_err(sqlite(DOING))?;
    statement
        .execute(params![table, key, column, cell.type_name(), cell.bytes(), reason])
        .map(drop)
        .map_err(sqlite(DOING))
}
