//! An archive as what rows are read from.

use std::path::{Path, PathBuf};

use super::IDENTITY;
use super::encode::{Field, take};
use super::files::{read, stream};
use super::manifest::{Archived, Batch, Manifest};
use crate::layout::stores::{self, Store};
use crate::model::{Layout, Plan, Sequence, Table};
use crate::scan::{From, Origin, Row, Source, Visit};
use crate::value::Value;
use crate::{Error, Location, Result};

/// A directory whose manifest was checked.
pub(crate) struct Archive {
    folder: PathBuf,
    manifest: Manifest,
    id: String,
}

impl Archive {
    /// Opens an archive: its manifest, and that it has the files the manifest states.
    ///
    /// # Errors
    /// `Refused` when it is none, or when something is missing, of another length, or too much.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let (manifest, id) = Manifest::open(folder)?;
        Ok(Self { folder: folder.to_owned(), manifest, id })
    }

    /// Returns what identifies it.
    pub(crate) fn identity(&self) -> String {
        format!("{IDENTITY}{}", self.id)
    }

    /// Returns its layout.
    pub(crate) const fn layout(&self) -> Layout {
        self.manifest.layout
    }

    /// Returns its plan.
    pub(crate) const fn plan(&self) -> &Plan {
        &self.manifest.plan
    }

    /// Returns the hash of all its tables, as the manifest states it.
    pub(crate) fn root(&self) -> &str {
        &self.manifest.root
    }

    /// Returns what a counter of its plan stands at.
    pub(crate) fn counter(&self, sequence: &Sequence) -> Option<i64> {
        let mut stated = self.manifest.plan.sequences.iter().zip(&self.manifest.counters);
        stated.find(|(one, _)| *one == sequence).and_then(|(_, value)| *value)
    }

    /// Returns the stores whose tables it has.
    ///
    /// # Errors
    /// `Refused` when this tool's stores have other tables, or when it was written for the other
    /// engine.
    pub(crate) fn stores(&self, target: &Location) -> Result<Vec<&'static Store>> {
        let found = stores::named(&self.manifest.stores)?;
        let plan = &self.manifest.plan;
        let same = stores::plan(&found).manifest_hash() == plan.manifest_hash();
        if self.manifest.layout == Layout::Stores && !same {
            return Err(Error::refused(
                "the archive was written by a version of store-migrate whose stores have other \
                 tables: use that version, and start the application's new version afterwards",
            ));
        }
        let has_sql = !(plan.before.is_empty() && plan.after.is_empty());
        if has_sql && self.manifest.for_postgres != target.is_postgres() {
            let engine = if self.manifest.for_postgres { "PostgreSQL" } else { "SQLite" };
            return Err(Error::refused(format!(
                "the archive was written for {engine}: its plan has statements of that engine"
            )));
        }
        Ok(found)
    }

    fn table(&self, table: &Table) -> Result<&Archived> {
        let found = self.manifest.tables.iter().find(|one| one.name == table.sqlite);
        found.ok_or_else(|| Error::refused(format!("the archive has no table {}", table.sqlite)))
    }
}

impl Source for Archive {
    fn scan(&mut self, table: &Table, from: From<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let archived = self.table(table)?;
        let (first, done) = match from {
            From::Behind(text) => position(text)?,
            From::Anywhere | From::Start => (0, 0),
            From::Changed(..) => return Err(Error::refused("an archive does not change")),
        };
        for (number, batch) in archived.batches.iter().enumerate().skip(first) {
            let done = if number == first { done } else { 0 };
            if done >= batch.rows {
                continue;
            }
            let bytes = read(&self.folder, &batch.file)?;
            let mut rest = bytes.as_slice();
            for place in 1..=batch.rows {
                let start = rest;
                let (values, blobs) = row(table, batch, &mut rest)?;
                if place > done {
                    let origin = Packed {
                        folder: &self.folder,
                        table,
                        batch,
                        position: (number, place),
                        blobs,
                        start,
                    };
                    visit(Row { values, rowid: None, origin: &origin })?;
                }
            }
            if !rest.is_empty() {
                return Err(not_rows(table, batch));
            }
        }
        Ok(())
    }
}

/// Reads a position: the number of a file, and how many of its rows are done.
fn position(text: &str) -> Result<(usize, u64)> {
    serde_json::from_str(text)
        .map_err(|_error| Error::refused(format!("`{text}` is not a position in an archive")))
}

/// The columns of a row that are large blobs, with the number of each in its batch.
type Blobs = Vec<(usize, usize)>;

type Values<'a> = Vec<Result<Value<'a>, crate::value::Unconvertible>>;

/// Takes the next row of a batch.
fn row<'a>(table: &Table, batch: &Batch, rest: &mut &'a [u8]) -> Result<(Values<'a>, Blobs)> {
    let mut values = Vec::with_capacity(table.columns.len());
    let mut blobs = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        match take(column.kind, rest) {
            Some(Field::Value(value)) => values.push(Ok(value)),
            Some(Field::Large { length, number }) => {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                let stated = batch.blobs.get(number);
                if stated.is_none_or(|stated| stated.unpacked != length) {
                    return Err(not_rows(table, batch));
                }
                blobs.push((place, number));
                values.push(Ok(Value::LargeBlob(length)));
            }
            None => return Err(not_rows(table, batch)),
        }
    }
    Ok((values, blobs))
}

fn not_rows(table: &Table, batch: &Batch) -> Error {
    Error::refused(format!(
        "{} does not have rows of table {}: the archive is not one of store-migrate",
        batch.file.file, table.sqlite
    ))
}

/// A row in a file.
struct Packed<'a> {
    folder: &'a Path,
    table: &'a Table,
    batch: &'a Batch,
    position: (usize, u64),
    blobs: Blobs,
    /// The bytes of the file from this row on.
    start: &'a [u8],
}

impl Origin for Packed<'_> {
    fn large(
        &self,
        column: usize,
        _rowid: Option<i64>,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let number = self.blobs.iter().find(|(place, _)| *place == column);
        let stated = number.and_then(|(_, number)| self.batch.blobs.get(*number));
        let stated = stated.ok_or_else(|| not_rows(self.table, self.batch))?;
        stream(self.folder, stated, take)
    }

    fn position(&self) -> Result<String> {
        let (file, rows) = self.position;
        Ok(serde_json::json!([file, rows]).to_string())
    }

    fn raw(&self, column: usize) -> Result<(String, Vec<u8>)> {
        let mut rest = self.start;
        for (place, one) in self.table.columns.iter().enumerate() {
            let before = rest;
            let _field =
                take(one.kind, &mut rest).ok_or_else(|| not_rows(self.table, self.batch))?;
            if place == column {
                let length = before.len() - rest.len();
                return Ok((
                    "archived".to_owned(),
                    before.get(..length).unwrap_or(before).to_vec(),
                ));
            }
        }
        Err(not_rows(self.table, self.batch))
    }
}
