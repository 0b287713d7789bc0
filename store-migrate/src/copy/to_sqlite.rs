//! From PostgreSQL to SQLite: one reader, and one writer, which SQLite has only one of.

use bytes::BytesMut;

use super::{BatchLimits, Current, OnError};
use crate::control::Control;
use crate::hash::{Hash, RowHasher};
use crate::model::{Kind, Table};
use crate::row::{WordsOf, check, refused};
use crate::scan::{From, Row, Source};
use crate::sqlite::Loader;
use crate::state::Copied;
use crate::value::{Value, bind};
use crate::{Error, Result};

/// Copies what is not yet copied of a table.
///
/// # Errors
/// `Stopped` when it was asked to; what either database says.
pub(crate) fn to_sqlite(
    loader: &Loader,
    source: &mut dyn Source,
    table: &Table,
    copied: &Copied,
    control: &Control,
    (on_error, limits): (OnError, BatchLimits),
) -> Result<()> {
    if copied.complete {
        return Ok(());
    }
    let mut writer = Writer {
        loader,
        table,
        words: WordsOf::find(table),
        control,
        on_error,
        limits,
        next: copied.next,
        scratch: BytesMut::new(),
        open: None,
    };
    let from = copied.position.as_deref().map_or(From::Start, From::Behind);
    let outcome = source.scan(table, from, &mut |row| writer.row(&row)).and_then(|()| {
        writer.open()?;
        writer.close(String::new(), true)
    });
    if outcome.is_err() && writer.open.is_some() {
        loader.rollback()?;
    }
    outcome
}

struct Writer<'a> {
    loader: &'a Loader,
    table: &'a Table,
    words: Option<WordsOf>,
    control: &'a Control,
    on_error: OnError,
    limits: BatchLimits,
    next: i64,
    scratch: BytesMut,
    open: Option<Current>,
}

impl Writer<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.open()?;
        let Some(current) = &mut self.open else { return Err(Error::Stopped) };
        let checked = check(self.table, row, &mut self.scratch).and_then(|()| bindable(row));
        if let Err(failed) = checked {
            current.set_aside(self.table, row, failed, self.on_error)?;
        } else {
            let (hash, bytes) = insert(self.loader, self.table, self.words.as_ref(), row)?;
            current.note.bytes += bytes;
            current.note.sum.add(&hash);
        }
        if current.is_full(self.limits) {
            let position = row.origin.position()?;
            // What has no key is one batch, however long.
            if position != "[]" {
                self.close(position, false)?;
                self.control.check()?;
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        if self.open.is_none() {
            self.loader.begin()?;
            self.open = Some(Current::new(self.table, self.next));
            self.next += 1;
        }
        Ok(())
    }

    fn close(&mut self, position: String, last: bool) -> Result<()> {
        let Some(current) = &mut self.open else { return Ok(()) };
        current.note.position = position;
        current.note.last = last;
        self.loader.commit(&current.note)?;
        self.control.observer().advance(
            &self.table.sqlite,
            current.note.sum.rows,
            current.note.bytes,
        );
        self.open = None;
        Ok(())
    }
}

/// Finds what PostgreSQL holds and SQLite does not: NaN, and instants that have no text.
fn bindable(row: &Row<'_>) -> Result<(), crate::row::Failed> {
    for (place, value) in row.values.iter().enumerate() {
        if let Ok(value) = value {
            bind(value).map_err(|reason| (place, reason))?;
        }
    }
    Ok(())
}

/// Inserts a row with its large blobs, which are read once, and returns its hash and about how many
/// bytes it has.
fn insert(
    loader: &Loader,
    table: &Table,
    words: Option<&WordsOf>,
    row: &Row<'_>,
) -> Result<(Hash, u64)> {
    let mut values = Vec::with_capacity(row.values.len());
    for (place, (value, column)) in row.values.iter().zip(&table.columns).enumerate() {
        let value = value.as_ref().map_err(|reason| refused(table, place, reason))?;
        values.push(match words {
            Some(words) if column.kind == Kind::SearchWords => {
                Value::Text(words.of(row)?.text().into())
            }
            _ => value.clone(),
        });
    }
    let rowid = loader.insert(table, &values)?;
    let (mut hasher, mut bytes) = (RowHasher::default(), 0);
    for (place, (value, column)) in values.iter().zip(&table.columns).enumerate() {
        bytes += u64::try_from(value.weight()).unwrap_or(u64::MAX);
        if column.kind == Kind::SearchWords {
            continue;
        }
        hasher.value(value).map_err(|reason| refused(table, place, &reason))?;
        if let Value::LargeBlob(length) = value {
            bytes += length;
            let mut offset = 0;
            row.origin.large(place, row.rowid, &mut |piece| {
                hasher.bytes(piece);
                loader.piece(table, place, rowid, offset, piece)?;
                offset += piece.len();
                Ok(())
            })?;
        }
    }
    Ok((hasher.finish(), bytes))
}
