//! From SQLite to PostgreSQL: one reader, in a thread that may block, and several loaders.

use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use tokio::sync::mpsc;

use super::{BatchLimits, Current, OnError};
use crate::control::Control;
use crate::model::Table;
use crate::postgres::{Batch, Part, copy_of};
use crate::row::{WordsOf, check, encode_tuple};
use crate::scan::{From, Row, Source};
use crate::state::Copied;
use crate::{Error, Result};

/// The signature of binary `COPY`, no flags, no extension.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Bytes are handed over in pieces of about this size.
const PART_BYTES: usize = 256 << 10;

/// How many pieces may wait for a loader: a whole batch, so that the reader goes on with the next.
const PARTS: usize = 36;

/// How rows are copied.
pub(crate) struct ToPostgres<'a> {
    pub(crate) batches: mpsc::Sender<Batch>,
    pub(crate) control: &'a Control,
    pub(crate) on_error: OnError,
    pub(crate) limits: BatchLimits,
    /// The place of the next batch among all.
    pub(crate) order: u64,
}

/// Copies what is not yet copied of a table.
///
/// # Errors
/// `Stopped` when it was asked to, or when loading failed: the loaders know why.
pub(crate) fn to_postgres(
    to: &mut ToPostgres<'_>,
    source: &mut dyn Source,
    table: &Table,
    copied: &Copied,
) -> Result<()> {
    if copied.complete {
        return Ok(());
    }
    let mut feeder = Feeder {
        words: WordsOf::find(table),
        copy: copy_of(table),
        next: copied.next,
        buffer: BytesMut::with_capacity(PART_BYTES * 2),
        scratch: BytesMut::new(),
        open: None,
        to,
        table,
    };
    let from = copied.position.as_deref().map_or(From::Start, From::Behind);
    source.scan(table, from, &mut |row| feeder.row(&row))?;
    // A table without rows has a batch as well: it says that the table is done.
    feeder.open()?;
    feeder.close(String::new(), true)
}

struct Feeder<'a, 't> {
    to: &'a mut ToPostgres<'t>,
    table: &'a Table,
    words: Option<WordsOf>,
    copy: Arc<str>,
    /// The number of the next batch of the table.
    next: i64,
    buffer: BytesMut,
    scratch: BytesMut,
    open: Option<(Current, mpsc::Sender<Part>)>,
}

impl Feeder<'_, '_> {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.open()?;
        let Some((current, parts)) = &mut self.open else { return Err(Error::Stopped) };
        if let Err(failed) = check(self.table, row, &mut self.scratch) {
            current.set_aside(self.table, row, failed, self.to.on_error)?;
        } else {
            let before = self.buffer.len();
            let mut flushed = 0;
            let hash =
                encode_tuple(self.table, row, self.words.as_ref(), &mut self.buffer, &mut |out| {
                    flushed += flush(out, parts)?;
                    Ok(())
                })?;
            current.note.sum.add(&hash);
            let added = self.buffer.len() + flushed - before;
            current.note.bytes += u64::try_from(added).unwrap_or(u64::MAX);
            flush(&mut self.buffer, parts)?;
        }
        if current.is_full(self.to.limits) {
            let position = row.origin.position()?;
            // What has no order is one batch, however long.
            if position != "[]" {
                self.close(position, false)?;
                self.to.control.check()?;
            }
        }
        Ok(())
    }

    /// Begins a batch, unless one is open.
    fn open(&mut self) -> Result<()> {
        if self.open.is_some() {
            return Ok(());
        }
        let (sender, parts) = mpsc::channel(PARTS);
        let batch = Batch { order: self.to.order, copy: Arc::clone(&self.copy), parts };
        self.to.batches.blocking_send(batch).map_err(|_closed| Error::Stopped)?;
        self.to.order += 1;
        self.open = Some((Current::new(self.table, self.next), sender));
        self.next += 1;
        self.buffer.put_slice(HEADER);
        Ok(())
    }

    /// Ends the batch that is open.
    fn close(&mut self, position: String, last: bool) -> Result<()> {
        let Some((mut current, parts)) = self.open.take() else { return Ok(()) };
        self.buffer.put_i16(-1);
        send(&parts, Part::Bytes(self.buffer.split().freeze()))?;
        current.note.position = position;
        current.note.last = last;
        send(&parts, Part::End(Box::new(current.note)))
    }
}

/// Hands over what is in the buffer once it is worth it, and returns how much that was.
fn flush(buffer: &mut BytesMut, parts: &mpsc::Sender<Part>) -> Result<usize> {
    if buffer.len() < PART_BYTES {
        return Ok(0);
    }
    let bytes = buffer.split().freeze();
    let length = bytes.len();
    send(parts, Part::Bytes(bytes))?;
    Ok(length)
}

fn send(parts: &mpsc::Sender<Part>, part: Part) -> Result<()> {
    parts.blocking_send(part).map_err(|_closed| Error::Stopped)
}
