//! Sums of the rows of a table, as a whole and in parts by key.

use std::collections::BTreeMap;

use bytes::BytesMut;

use crate::Result;
use crate::control::Control;
use crate::hash::{Hash, RowHasher, TableSum};
use crate::model::{Kind, Table};
use crate::row::{check, hash};
use crate::scan::{From, Row, Source};
use crate::value::Value;

/// Into how many parts keys fall.
const PARTS: usize = 4096;

const EVERY_ROWS: u64 = 10_000;

/// The key of a row, hashed.
pub(super) type Key = Hash;

/// The sums of one side.
pub(crate) struct Sums {
    pub(crate) total: TableSum,
    parts: Vec<TableSum>,
    pub(crate) bytes: u64,
    /// Rows with a value that does not convert.
    pub(crate) failed: u64,
    /// The parts such rows are in.
    failed_parts: Vec<usize>,
}

impl Sums {
    /// Returns the parts that differ, at most so many.
    pub(super) fn differing(&self, other: &Self, most: usize) -> Vec<usize> {
        let differs = |part: &usize| {
            self.parts.get(*part) != other.parts.get(*part) || other.failed_parts.contains(part)
        };
        (0..PARTS).filter(differs).take(most).collect()
    }
}

/// Reads a table once.
pub(super) fn sums_of(
    side: &mut dyn Source,
    table: &Table,
    from: From<'_>,
    control: &Control,
    tells: bool,
) -> Result<Sums> {
    let mut sums = Sums {
        total: TableSum::default(),
        parts: vec![TableSum::default(); PARTS],
        bytes: 0,
        failed: 0,
        failed_parts: Vec::new(),
    };
    let mut scratch = BytesMut::new();
    let (mut told, mut told_bytes) = (0, 0);
    side.scan(table, from, &mut |row| {
        if check(table, &row, &mut scratch).is_err() {
            sums.failed += 1;
            let part = part_of(&key_of(table, &row, None)?);
            if sums.failed_parts.len() < PARTS && !sums.failed_parts.contains(&part) {
                sums.failed_parts.push(part);
            }
            return Ok(());
        }
        let row_hash = hash(table, &row)?;
        let key = key_of(table, &row, Some(&row_hash))?;
        sums.total.add(&row_hash);
        if let Some(part) = sums.parts.get_mut(part_of(&key)) {
            part.add(&row_hash);
        }
        sums.bytes += row.values.iter().flatten().map(weight).sum::<u64>();
        if sums.total.rows - told >= EVERY_ROWS {
            control.check()?;
            if tells {
                let rows = sums.total.rows - told;
                control.observer().advance(&table.sqlite, rows, sums.bytes - told_bytes);
            }
            (told, told_bytes) = (sums.total.rows, sums.bytes);
        }
        Ok(())
    })?;
    if tells {
        let rows = sums.total.rows - told;
        control.observer().advance(&table.sqlite, rows, sums.bytes - told_bytes);
    }
    Ok(sums)
}

fn weight(value: &Value<'_>) -> u64 {
    match value {
        Value::LargeBlob(length) => *length,
        value => u64::try_from(value.weight()).unwrap_or(u64::MAX),
    }
}

/// A row that is compared column by column.
pub(super) struct Compared {
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) columns: Vec<Hash>,
    /// Why one of its values is none, on this side.
    pub(super) problem: Option<String>,
}

/// Reads the rows of some parts.
pub(super) fn rows_of(
    side: &mut dyn Source,
    table: &Table,
    from: From<'_>,
    parts: &[usize],
) -> Result<BTreeMap<Key, Compared>> {
    let mut rows: BTreeMap<Key, Compared> = BTreeMap::new();
    if parts.is_empty() {
        return Ok(rows);
    }
    side.scan(table, from, &mut |row| {
        let row_hash = if table.key.is_empty() && row.values.iter().all(Result::is_ok) {
            Some(hash(table, &row)?)
        } else {
            None
        };
        let key = key_of(table, &row, row_hash.as_ref())?;
        if !parts.contains(&part_of(&key)) {
            return Ok(());
        }
        match rows.get_mut(&key) {
            Some(same) => same.count += 1,
            None => {
                rows.insert(key, compared(table, &row)?);
            }
        }
        Ok(())
    })?;
    Ok(rows)
}

fn compared(table: &Table, row: &Row<'_>) -> Result<Compared> {
    let mut columns = Vec::with_capacity(table.columns.len());
    let mut problem = None;
    for (place, (value, column)) in row.values.iter().zip(&table.columns).enumerate() {
        let mut hasher = RowHasher::default();
        match value {
            _ if column.kind == Kind::SearchWords => {}
            Ok(value) => {
                hasher.value(value).map_err(|reason| crate::row::refused(table, place, &reason))?;
                if let Value::LargeBlob(_) = value {
                    row.origin.large(place, row.rowid, &mut |piece| {
                        hasher.bytes(piece);
                        Ok(())
                    })?;
                }
            }
            Err(reason) => {
                hasher.bytes(b"no value");
                problem = Some(reason.to_string());
            }
        }
        columns.push(hasher.finish());
    }
    let mut name = row.name(table);
    if table.key.is_empty() && row.rowid.is_none() {
        name = shown(table, row);
    }
    Ok(Compared { name, count: 1, columns, problem })
}

/// Names a row that has no key by its first values.
fn shown(table: &Table, row: &Row<'_>) -> String {
    let values = table.columns.iter().zip(&row.values).take(4);
    let shown = values.filter_map(|(column, value)| {
        Some(format!("{}={}", column.sqlite, crate::scan::show(value.as_ref().ok()?)))
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Hashes what identifies a row: its key, or all of it.
fn key_of(table: &Table, row: &Row<'_>, row_hash: Option<&Hash>) -> Result<Key> {
    if table.key.is_empty() {
        return Ok(row_hash.copied().unwrap_or_default());
    }
    let mut hasher = RowHasher::default();
    for place in &table.key {
        match row.values.get(*place) {
            Some(Ok(value)) => {
                hasher
                    .value(value)
                    .map_err(|reason| crate::row::refused(table, *place, &reason))?;
            }
            _ => hasher.bytes(b"no value"),
        }
    }
    Ok(hasher.finish())
}

fn part_of(key: &Key) -> usize {
    (usize::from(key[0]) << 8 | usize::from(key[1])) % PARTS
}
