//! Rows that refer to rows that are not there.

pub(super) mod query;

use rusqlite::Connection;
use serde::Serialize;

use super::BOOKKEEPING;
use super::names::quote;
use crate::catalog::sqlite::{self, Table};
use crate::error::{Result, sqlite as failed};

/// A row whose foreign key finds no parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    /// Its table.
    pub table: String,
    /// Its row number; a table without row numbers has none.
    pub rowid: Option<i64>,
    /// What identifies it: the row number, or the primary key.
    pub key: String,
    /// The table it refers to.
    pub parent: String,
    /// The columns that refer.
    pub columns: Vec<String>,
}

/// All orphans of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Orphans {
    /// The first of them.
    pub found: Vec<Orphan>,
    /// How many there are.
    pub count: u64,
    /// Foreign keys that nothing can satisfy, and why: they are not carried over either.
    pub unchecked: Vec<Unchecked>,
    #[serde(skip)]
    limit: usize,
}

/// A foreign key that cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// Its table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Why.
    pub reason: String,
}

impl Orphans {
    fn add(&mut self, orphan: impl FnOnce() -> rusqlite::Result<Orphan>) -> rusqlite::Result<()> {
        self.count += 1;
        if self.found.len() < self.limit {
            self.found.push(orphan()?);
        }
        Ok(())
    }
}

/// Finds orphans, and keeps the first `limit` of them.
///
/// # Errors
///
/// Fails when SQLite cannot read its schema or a row.
pub fn orphans(conn: &Connection, limit: usize) -> Result<Orphans> {
    let catalog = sqlite::read(conn)?;
    let mut orphans = Orphans { limit, ..Orphans::default() };
    let tables = catalog.tables.iter().filter(|table| !table.foreign_keys.is_empty());
    for table in tables.filter(|table| !table.name.starts_with(BOOKKEEPING)) {
        let wrong = table.foreign_keys.iter().map(|key| {
            let parent = catalog.table(&key.parent);
            query::mismatch(parent, table, key)
        });
        let wrong: Vec<_> = wrong.collect();
        let doing = || failed(format!("checking the foreign keys of {}", table.name));
        // One key that cannot be checked stops SQLite's own check of the table, and it names no row
        // of a table without row numbers.
        if table.without_rowid || wrong.iter().any(Option::is_some) {
            for (key, reason) in table.foreign_keys.iter().zip(wrong) {
                let (table_name, columns) = (table.name.clone(), key.columns.clone());
                match reason {
                    Some(reason) => {
                        orphans.unchecked.push(Unchecked { table: table_name, columns, reason });
                    }
                    None => query::run(conn, &catalog, table, key, &mut orphans).map_err(doing())?,
                }
            }
        } else {
            pragma(conn, table, &mut orphans).map_err(doing())?;
        }
    }
    Ok(orphans)
}

fn pragma(conn: &Connection, table: &Table, orphans: &mut Orphans) -> rusqlite::Result<()> {
    let sql = format!("PRAGMA main.foreign_key_check({})", quote(&table.name));
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        orphans.add(|| {
            let rowid: Option<i64> = row.get(1)?;
            // Keys are numbered from the last to the first.
            let number: u32 = row.get(3)?;
            let key = (0..=number).zip(table.foreign_keys.iter().rev()).last();
            Ok(Orphan {
                table: table.name.clone(),
                rowid,
                key: rowid.map_or_else(String::new, |rowid| format!("rowid={rowid}")),
                parent: row.get(2)?,
                columns: key.map_or_else(Vec::new, |(_, key)| key.columns.clone()),
            })
        })?;
    }
    Ok(())
}
