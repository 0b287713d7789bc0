//! Rows as they come from either engine.

use crate::Result;
use crate::model::Table;
use crate::sync::Span;
use crate::value::{Unconvertible, Value};

/// Blobs above this are not held as a whole: they are read apart, piece by piece.
pub(crate) const LARGE_BYTES: usize = 4 << 20;

/// How many bytes of a large blob are read at once.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// One row of a table.
pub(crate) struct Row<'r> {
    /// The values in the order of the table's columns, or why one has none.
    pub(crate) values: Vec<Result<Value<'r>, Unconvertible>>,
    /// The row number on SQLite.
    pub(crate) rowid: Option<i64>,
    /// What else can be asked of the row where it is.
    pub(crate) origin: &'r dyn Origin,
}

/// What is asked of few rows only.
pub(crate) trait Origin {
    /// Reads a large blob, piece by piece.
    fn large(
        &self,
        column: usize,
        rowid: Option<i64>,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()>;

    /// Returns where the row stands in the order of reading, for a copy to go on behind it.
    fn position(&self) -> Result<String>;

    /// Returns the stored bytes of a value that does not convert, and its type.
    fn raw(&self, column: usize) -> Result<(String, Vec<u8>)>;
}

/// What is called with each row.
pub(crate) type Visit<'v> = dyn FnMut(Row<'_>) -> Result<()> + 'v;

/// A database that is read, all of it in one snapshot.
pub(crate) trait Source {
    /// Reads the rows of a table: behind a position in its order, or all of them in any order.
    fn scan(&mut self, table: &Table, from: From<'_>, visit: &mut Visit<'_>) -> Result<()>;
}

/// From where on a table is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From<'a> {
    /// All rows in any order, the fastest way.
    Anywhere,
    /// All rows in the order of reading.
    Start,
    /// What stands behind a position in that order.
    Behind(&'a str),
    /// In any order the rows whose keys were recorded as changed: on SQLite in the table of
    /// changes, on PostgreSQL in the table of keys, which is named by the place of the table.
    Changed(usize, Span),
}

impl Row<'_> {
    /// Names the row for a report: its key, or its number.
    pub(crate) fn name(&self, table: &Table) -> String {
        let key: Vec<_> = table
            .key
            .iter()
            .filter_map(|place| {
                let column = table.columns.get(*place)?;
                let value = self.values.get(*place)?;
                let shown = value.as_ref().map_or_else(|_| "?".to_owned(), show);
                Some(format!("{}={shown}", column.sqlite))
            })
            .collect();
        match (key.is_empty(), self.rowid) {
            (false, _) => key.join(" "),
            (true, Some(rowid)) => format!("rowid={rowid}"),
            (true, None) => "without key".to_owned(),
        }
    }
}

/// Shows a value of a key.
pub(crate) fn show(value: &Value<'_>) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) | Value::Timestamp(value) | Value::LocalTimestamp(value) => {
            value.to_string()
        }
        Value::Real(value) => value.to_string(),
        Value::Numeric(text) | Value::Text(text) | Value::Json(text) => {
            let short: String = text.chars().take(80).collect();
            format!("{short:?}")
        }
        Value::Blob(bytes) => hex::encode(bytes.get(..32).unwrap_or(bytes)),
        Value::LargeBlob(length) => format!("{length} bytes"),
        Value::Uuid(bytes) => uuid::Uuid::from_bytes(*bytes).to_string(),
        Value::Date(days) => days.to_string(),
    }
}
