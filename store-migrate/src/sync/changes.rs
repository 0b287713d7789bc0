//! Reading the changes that were captured, and removing those that are applied.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, TransactionBehavior};

use super::triggers::CHANGES;
use crate::error::sqlite;
use crate::model::{Plan, Table};
use crate::sqlite::open_writable;
use crate::value::{Value, check_range, read};
use crate::{Error, Result};

/// How many changes are removed in one transaction: the application waits for it.
const PRUNED_AT_ONCE: i64 = 5_000;

/// Changes behind one and up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) after: i64,
    pub(crate) upto: i64,
}

impl Span {
    /// Tells whether there is none in it.
    pub(crate) const fn is_empty(self) -> bool {
        self.after >= self.upto
    }
}

/// Returns how many changes are behind one.
pub(super) fn count(conn: &Connection, after: i64) -> Result<u64> {
    let count: i64 = conn
        .query_row(
            &format!("SELECT count(*) FROM {CHANGES} WHERE seq > ?1 AND tbl <> ''"),
            [after],
            |row| row.get(0),
        )
        .map_err(sqlite("counting captured changes"))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Returns the places of the tables that have changes, in the order of the plan.
///
/// # Errors
/// `Refused` when a table is not in the plan.
pub(super) fn tables(conn: &Connection, plan: &Plan, span: Span) -> Result<Vec<usize>> {
    let doing = || "reading captured changes";
    let mut statement = conn
        .prepare(&format!(
            "SELECT DISTINCT tbl FROM {CHANGES} WHERE seq > ?1 AND seq <= ?2 AND tbl <> ''"
        ))
        .map_err(sqlite(doing()))?;
    let names = statement
        .query_map([span.after, span.upto], |row| row.get::<_, String>(0))
        .map_err(sqlite(doing()))?;
    let mut places = Vec::new();
    for name in names {
        let name = name.map_err(sqlite(doing()))?;
        let place = plan.tables.iter().position(|table| table.sqlite == name);
        places.push(place.ok_or_else(|| {
            Error::refused(format!("changes of table {name} were captured, which is not planned"))
        })?);
    }
    places.sort_unstable();
    Ok(places)
}

/// Calls `visit` with each key that changed, once.
///
/// # Errors
/// `Refused` for a key that the target cannot hold, or that has a NULL.
pub(super) fn keys(
    conn: &Connection,
    table: &Table,
    span: Span,
    visit: &mut dyn FnMut(&[Value<'_>]) -> Result<()>,
) -> Result<()> {
    let doing = || format!("reading captured changes of table {}", table.sqlite);
    let columns: Vec<_> = (0..table.key.len()).map(|place| format!("k{place}")).collect();
    let mut statement = conn
        .prepare(&format!(
            "SELECT DISTINCT {} FROM {CHANGES} WHERE seq > ?1 AND seq <= ?2 AND tbl = ?3",
            columns.join(", ")
        ))
        .map_err(sqlite(doing()))?;
    let mut rows = statement
        .query(rusqlite::params![span.after, span.upto, table.sqlite])
        .map_err(sqlite(doing()))?;
    while let Some(row) = rows.next().map_err(sqlite(doing()))? {
        let mut values = Vec::with_capacity(columns.len());
        for (place, key) in table.key.iter().enumerate() {
            let stored = row.get_ref(place).map_err(sqlite(doing()))?;
            values.push(key_value(table, *key, stored)?);
        }
        visit(&values)?;
    }
    Ok(())
}

fn key_value<'a>(table: &Table, place: usize, stored: ValueRef<'a>) -> Result<Value<'a>> {
    let Some(column) = table.columns.get(place) else {
        return Err(Error::refused(format!("table {} lacks a column of its key", table.sqlite)));
    };
    let refused = |reason: &str| {
        Error::refused(format!(
            "a changed row of {} has a key that the target cannot hold: {} {reason}. Correct it in \
             the source and run the command again",
            table.sqlite, column.sqlite
        ))
    };
    let value = read(column.kind, stored).map_err(|reason| refused(&reason.to_string()))?;
    if value == Value::Null {
        return Err(refused("is NULL"));
    }
    check_range(column.pg_type, &value).map_err(|reason| refused(&reason.to_string()))?;
    Ok(value)
}

/// Removes changes that are applied and were compared, little by little.
pub(super) fn prune(path: &Path, upto: i64) -> Result<()> {
    let doing = || "removing applied changes from the source";
    let mut conn = open_writable(path)?;
    loop {
        let txn = conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(sqlite(doing()))?;
        txn.execute(&format!("UPDATE {CHANGES} SET k1 = max(k1, ?1) WHERE seq = 1"), [upto])
            .map_err(sqlite(doing()))?;
        let removed = txn
            .execute(
                &format!(
                    "DELETE FROM {CHANGES} WHERE seq IN (SELECT seq FROM {CHANGES} \
                     WHERE seq > 1 AND seq <= ?1 LIMIT {PRUNED_AT_ONCE})"
                ),
                [upto],
            )
            .map_err(sqlite(doing()))?;
        txn.commit().map_err(sqlite(doing()))?;
        if i64::try_from(removed).unwrap_or(0) < PRUNED_AT_ONCE {
            return Ok(());
        }
    }
}
