//! One row on its way: checked, hashed, and in the form the target takes.

use bytes::{BufMut as _, BytesMut};
use store_chatkit::SearchWords;

use crate::hash::{Hash, RowHasher};
use crate::model::{Kind, Table};
use crate::scan::Row;
use crate::value::{Unconvertible, Value, check_range, check_stored, encode};
use crate::{Error, Result};

/// A column whose value does not convert, and why.
pub(crate) type Failed = (usize, Unconvertible);

/// Returns the first value of a row that the target cannot hold.
pub(crate) fn check(table: &Table, row: &Row<'_>, scratch: &mut BytesMut) -> Result<(), Failed> {
    for (place, (column, value)) in table.columns.iter().zip(&row.values).enumerate() {
        let value = value.as_ref().map_err(|reason| (place, reason.clone()))?;
        check_range(column.pg_type, value).map_err(|reason| (place, reason))?;
        check_stored(value).map_err(|reason| (place, reason))?;
        // Most values fit by their kind alone.
        if matches!(
            value,
            Value::Numeric(_)
                | Value::Timestamp(_)
                | Value::LocalTimestamp(_)
                | Value::Date(_)
                | Value::LargeBlob(_)
        ) {
            scratch.clear();
            encode(column.pg_type, value, scratch).map_err(|reason| (place, reason))?;
        }
    }
    Ok(())
}

/// Hashes a row whose values all convert.
pub(crate) fn hash(table: &Table, row: &Row<'_>) -> Result<Hash> {
    let mut hasher = RowHasher::default();
    each(table, row, |place, value| {
        add(&mut hasher, table, place, value)?;
        if let Value::LargeBlob(_) = value {
            row.origin.large(place, row.rowid, &mut |piece| {
                hasher.bytes(piece);
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(hasher.finish())
}

/// Appends a row as a tuple of `COPY` and returns its hash. `full` is called with the buffer
/// whenever a piece of a large blob was added to it.
pub(crate) fn encode_tuple(
    table: &Table,
    row: &Row<'_>,
    words: Option<&WordsOf>,
    out: &mut BytesMut,
    full: &mut dyn FnMut(&mut BytesMut) -> Result<()>,
) -> Result<Hash> {
    let mut hasher = RowHasher::default();
    let count = i16::try_from(table.columns.len())
        .map_err(|_many| Error::refused(format!("table {} has too many columns", table.sqlite)))?;
    out.put_i16(count);
    for (place, column) in table.columns.iter().enumerate() {
        if column.kind == Kind::SearchWords {
            let words = words.map(|words| words.of(row)).transpose()?;
            // Without words it is a vector of none.
            let vector = words.map_or_else(|| vec![0; 4], |words| words.tsvector());
            out.put_i32(i32::try_from(vector.len()).unwrap_or(i32::MAX));
            out.put_slice(&vector);
            continue;
        }
        let value = value_of(table, row, place)?;
        add(&mut hasher, table, place, value)?;
        encode(column.pg_type, value, out).map_err(|reason| refused(table, place, &reason))?;
        if let Value::LargeBlob(_) = value {
            row.origin.large(place, row.rowid, &mut |piece| {
                hasher.bytes(piece);
                out.put_slice(piece);
                full(out)
            })?;
        }
    }
    Ok(hasher.finish())
}

fn each<'r, 'v>(
    table: &Table,
    row: &'r Row<'v>,
    mut take: impl FnMut(usize, &'r Value<'v>) -> Result<()>,
) -> Result<()> {
    for (place, column) in table.columns.iter().enumerate() {
        if column.kind != Kind::SearchWords {
            take(place, value_of(table, row, place)?)?;
        }
    }
    Ok(())
}

fn add(hasher: &mut RowHasher, table: &Table, place: usize, value: &Value<'_>) -> Result<()> {
    hasher.value(value).map_err(|reason| refused(table, place, &reason))
}

fn value_of<'r, 'v>(table: &Table, row: &'r Row<'v>, place: usize) -> Result<&'r Value<'v>> {
    match row.values.get(place) {
        Some(Ok(value)) => Ok(value),
        Some(Err(reason)) => Err(refused(table, place, reason)),
        None => Err(Error::refused(format!("a row of {} is too short", table.sqlite))),
    }
}

/// The error of a value that should have been found before.
pub(crate) fn refused(table: &Table, place: usize, reason: &Unconvertible) -> Error {
    let column = table.columns.get(place).map_or("?", |column| &column.sqlite);
    Error::refused(format!("a value of {}.{column} {reason}", table.sqlite))
}

/// Where a table of chat items has what its words are cut from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WordsOf {
    item_type: usize,
    content: usize,
    owner: usize,
    thread_id: usize,
}

impl WordsOf {
    /// Finds the columns; `None` for a table without words.
    pub(crate) fn find(table: &Table) -> Option<Self> {
        let _words = table.columns.iter().find(|column| column.kind == Kind::SearchWords)?;
        let place = |name: &str| table.columns.iter().position(|column| column.sqlite == name);
        Some(Self {
            item_type: place("item_type")?,
            content: place("content")?,
            owner: place("owner")?,
            thread_id: place("thread_id")?,
        })
    }

    /// Cuts the words of an item.
    pub(crate) fn of(&self, row: &Row<'_>) -> Result<SearchWords> {
        let text = |place: usize| match row.values.get(place) {
            Some(Ok(Value::Text(text) | Value::Json(text))) => Ok(text.as_ref()),
            _ => Err(Error::refused("a chat item without the columns its words are cut from")),
        };
        let (item_type, content) = (text(self.item_type)?, text(self.content)?);
        Ok(SearchWords::of_item(item_type, content, text(self.owner)?, text(self.thread_id)?)?)
    }
}
