//! A row of Orcheo, the same from a SQLite file and from PostgreSQL.

use std::str::FromStr;

use serde_json::Value;
use store_core::Timestamp;

use super::catalogue::Table;
use super::cell::Cell;
use super::fault::{Checked, broken, fault};
use super::fields::Fields;
use super::{instant, json};

/// A row with the columns its source has.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) table: &'static Table,
    cells: Vec<(&'static str, Cell)>,
}

impl Row {
    pub(super) const fn new(table: &'static Table, cells: Vec<(&'static str, Cell)>) -> Self {
        Self { table, cells }
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &(&'static str, Cell)> {
        self.cells.iter()
    }

    /// Returns the key as the report shows it.
    pub(super) fn key(&self) -> String {
        let shown = |column: &&'static str| match self.cell(column) {
            Some(cell) => String::from_utf8_lossy(&cell.bytes()).into_owned(),
            None => String::new(),
        };
        self.table.key.iter().map(shown).collect::<Vec<_>>().join("/")
    }

    fn cell(&self, column: &str) -> Option<&Cell> {
        self.cells.iter().find(|(name, _)| *name == column).map(|(_, cell)| cell)
    }

    /// Returns the text of a column; none for null, and for a column an older source lacks.
    pub(super) fn maybe_text(&self, column: &'static str) -> Checked<Option<&str>> {
        match self.cell(column) {
            None | Some(Cell::Null) => Ok(None),
            Some(Cell::Text(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) if text.contains('\0') => Err(fault(column, "holds a NUL character")),
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(fault(column, "is no text in UTF-8")),
            },
            Some(other) => {
                let reason = format!("is of the type {}, not text", other.type_name());
                Err(fault(column, reason))
            }
        }
    }

    /// Returns the text of a column.
    pub(super) fn text(&self, column: &'static str) -> Checked<&str> {
        self.maybe_text(column)?.ok_or_else(|| fault(column, "is null"))
    }

    /// Returns the integer of a column; none for null, and for a column an older source lacks.
    pub(super) fn maybe_integer(&self, column: &'static str) -> Checked<Option<i64>> {
        match self.cell(column) {
            None | Some(Cell::Null) => Ok(None),
            Some(Cell::Integer(number)) => Ok(Some(*number)),
            Some(other) => {
                let reason = format!("is of the type {}, not an integer", other.type_name());
                Err(fault(column, reason))
            }
        }
    }

    /// Returns the integer of a column.
    pub(super) fn integer(&self, column: &'static str) -> Checked<i64> {
        self.maybe_integer(column)?.ok_or_else(|| fault(column, "is null"))
    }

    /// Returns the truth of a column; none for null, and for a column an older source lacks.
    pub(super) fn maybe_flag(&self, column: &'static str) -> Checked<Option<bool>> {
        match self.maybe_integer(column)? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(_) => Err(fault(column, "is neither 0 nor 1")),
        }
    }

    /// Reads the text of a column, by the rule of what it becomes.
    pub(super) fn parsed<T>(&self, column: &'static str) -> Checked<T>
    where
        T: FromStr<Err = store_core::Error>,
    {
        self.text(column)?.parse().map_err(broken(column))
    }

    /// Reads the instant of a column.
    pub(super) fn maybe_instant(&self, column: &'static str) -> Checked<Option<Timestamp>> {
        let parse = |text| instant::parse(text).map_err(|reason| fault(column, reason));
        self.maybe_text(column)?.map(parse).transpose()
    }

    /// Reads the instant of a column.
    pub(super) fn instant(&self, column: &'static str) -> Checked<Timestamp> {
        self.maybe_instant(column)?.ok_or_else(|| fault(column, "is null"))
    }

    /// Reads the JSON of a column; none for null, for an empty text, and for a column an older
    /// source lacks.
    pub(super) fn maybe_json(&self, column: &'static str) -> Checked<Option<Value>> {
        let text = self.maybe_text(column)?.filter(|text| !text.trim().is_empty());
        text.map(|text| json::parse(text).map_err(|reason| fault(column, reason))).transpose()
    }

    /// Reads the JSON of a column.
    pub(super) fn json(&self, column: &'static str) -> Checked<Value> {
        json::parse(self.text(column)?).map_err(|reason| fault(column, reason))
    }

    /// Reads the object of a column, to be taken apart.
    pub(super) fn fields(&self, column: &'static str) -> Checked<Fields> {
        Fields::new(column, self.json(column)?)
    }
}
