//! Reads every value once and keeps, for each column, what it could become.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::Progress;
use super::candidate::Candidate;
use super::column::Reading;
use super::names::quote;
use crate::catalog::sqlite::Table;
use crate::error::{Error, Result};
use crate::report::Problem;
use crate::value;

/// After so many rows the progress is told.
const TOLD: u64 = 4096;

/// A blob with more bytes is large.
const LARGE: u32 = 1 << 20;

/// How long a key or a value in a report is, in characters.
const SHOWN: usize = 200;

/// Reads a table. Returns how many rows it has.
pub(super) fn table(
    conn: &Connection,
    table: &Table,
    columns: &mut [Reading],
    progress: &mut dyn FnMut(Progress<'_>) -> Result<()>,
) -> Result<u64> {
    let rowid = table.rowid_name();
    let sql = select(table, rowid.as_deref(), columns);
    let wrap = |source| Error::Sqlite { doing: format!("reading {}", table.name), source };
    let mut statement = conn.prepare(&sql).map_err(wrap)?;
    let mut rows = statement.query([]).map_err(wrap)?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(wrap)? {
        for (place, column) in columns.iter_mut().enumerate() {
            let stored = row.get_ref(place + 1).map_err(wrap)?;
            let key = || key(table, rowid.as_deref(), row);
            column.see(table, stored, &key);
        }
        count += 1;
        if count % TOLD == 0 {
            progress(Progress { table: &table.name, rows: count })?;
        }
    }
    progress(Progress { table: &table.name, rows: count })?;
    Ok(count)
}

/// The row number comes first, then the columns. Of a large blob that is moved as one, whatever it
/// holds, only as many zeros are read: it may be as large as the memory.
fn select(table: &Table, rowid: Option<&str>, columns: &[Reading]) -> String {
    let mut terms = vec![rowid.map_or_else(|| "NULL".to_owned(), quote)];
    for (column, reading) in table.columns.iter().zip(columns) {
        let name = quote(&column.name);
        terms.push(if reading.takes_blobs() {
            // Neither `typeof` nor `length` reads a blob.
            format!(
                "CASE WHEN typeof({name}) = 'blob' AND length({name}) > {LARGE} \
                 THEN zeroblob({LARGE}) ELSE {name} END"
            )
        } else {
            name
        });
    }
    format!("SELECT {} FROM main.{}", terms.join(", "), quote(&table.name))
}

/// Shows what identifies a row.
fn key(table: &Table, rowid: Option<&str>, row: &Row<'_>) -> String {
    let shown = |name: &str, place: usize| {
        let value = row.get_ref(place).map_or_else(|error| error.to_string(), show);
        format!("{name}={value}")
    };
    match rowid {
        Some(rowid) if table.primary_key.is_empty() => shown(rowid, 0),
        None if table.primary_key.is_empty() => "a row without key".to_owned(),
        _ => {
            let columns = table.primary_key.iter();
            let parts: Vec<String> =
                columns.map(|&place| shown(&table.columns[place].name, place + 1)).collect();
            parts.join(", ")
        }
    }
}

/// Shows a stored value, cut where it is long.
pub(super) fn show(stored: ValueRef<'_>) -> String {
    let text = match stored {
        ValueRef::Null => return "NULL".to_owned(),
        ValueRef::Integer(value) => return value.to_string(),
        ValueRef::Real(value) => return value.to_string(),
        ValueRef::Text(bytes) => {
            String::from_utf8_lossy(bytes.get(..4 * SHOWN).unwrap_or(bytes)).into_owned()
        }
        ValueRef::Blob(bytes) => {
            format!("x'{}'", hex::encode(bytes.get(..SHOWN / 2).unwrap_or(bytes)))
        }
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Reading {
    fn see(&mut self, table: &Table, stored: ValueRef<'_>, key: &dyn Fn() -> String) {
        self.counts.add(stored);
        let column = &table.columns[self.place];
        if stored == ValueRef::Null {
            if column.not_null {
                self.nulls.add(|| Problem {
                    table: table.name.clone(),
                    key: key(),
                    column: column.name.clone(),
                    target_type: "NOT NULL".to_owned(),
                    reason: "is NULL in a column declared NOT NULL".to_owned(),
                });
            }
            return;
        }
        for candidate in &mut self.candidates {
            if let Err(reason) = candidate.check(stored) {
                let target_type = candidate.sql_type();
                candidate.failures.add(|| Problem {
                    table: table.name.clone(),
                    key: key(),
                    column: column.name.clone(),
                    target_type,
                    reason,
                });
            }
        }
    }
}

impl Candidate {
    fn check(&self, stored: ValueRef<'_>) -> Result<(), String> {
        let value =
            value::read(self.pg_type.kind(), stored).map_err(|reason| reason.to_string())?;
        value::check_range(self.pg_type, &value).map_err(|reason| reason.to_string())?;
        self.check_length(&value)
    }
}
