//! Bringing what changed to the target: keys, and the rows they have now, into tables beside it.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use tokio::sync::mpsc;
use tokio_postgres::Transaction;

use super::changes::{Span, keys};
use crate::control::Control;
use crate::copy::HEADER;
use crate::error::postgres;
use crate::model::{Column, Table};
use crate::opened::{Opened, SourceSide, blocking};
use crate::postgres::{keys_table, quote};
use crate::row::{WordsOf, check, encode_tuple, refused};
use crate::scan::From;
use crate::value::encode;
use crate::{Error, Result};

/// Bytes are handed over in pieces of about this size.
const PART_BYTES: usize = 256 << 10;

/// How many pieces may wait.
const PARTS: usize = 16;

/// Names the table of the rows that a table's changed keys have now.
pub(super) fn rows_table(place: usize) -> String {
    format!("_migrate_rows_{place}")
}

/// Returns the names of columns, quoted and with commas between.
pub(super) fn list<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    columns.map(|column| quote(&column.postgres)).collect::<Vec<_>>().join(", ")
}

/// Returns the columns of the key of a table.
pub(super) fn key_columns(table: &Table) -> impl Iterator<Item = &Column> {
    table.key.iter().filter_map(|place| table.columns.get(*place))
}

/// Stages what changed of a table; of one without key all that there is. Returns how many rows.
pub(super) async fn stage(
    txn: &Transaction<'_>,
    mut source: SourceSide,
    (place, table): (usize, &Table),
    span: Span,
    control: &Control,
) -> Result<(SourceSide, u64)> {
    let (rows, columns) = (rows_table(place), list(table.columns.iter()));
    make(txn, &format!("CREATE TEMPORARY TABLE {rows} ON COMMIT DROP"), &columns, table).await?;
    if !table.key.is_empty() {
        let (name, columns) = (keys_table(place), list(key_columns(table)));
        make(txn, &format!("CREATE UNLOGGED TABLE {name}"), &columns, table).await?;
        let copy = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary)");
        let reading = table.clone();
        let work =
            move |source: &mut SourceSide, feed: &mut Feed| feed_keys(source, &reading, span, feed);
        (source, _) = fill(txn, &copy, source, work).await?;
        analyze(txn, &name).await?;
    }
    let copy = format!("COPY {rows} ({columns}) FROM STDIN (FORMAT binary)");
    let (reading, control) = (table.clone(), control.clone());
    let work = move |source: &mut SourceSide, feed: &mut Feed| {
        let from = if reading.key.is_empty() { From::Anywhere } else { From::Changed(place, span) };
        feed_rows(source, &reading, from, feed, &control)
    };
    let (source, count) = fill(txn, &copy, source, work).await?;
    analyze(txn, &rows).await?;
    Ok((source, count))
}

async fn make(txn: &Transaction<'_>, create: &str, columns: &str, table: &Table) -> Result<()> {
    let sql = format!("{create} AS SELECT {columns} FROM {} WITH NO DATA", quote(&table.postgres));
    txn.batch_execute(&sql).await.map_err(postgres(format!("staging table {}", table.postgres)))
}

async fn analyze(txn: &Transaction<'_>, name: &str) -> Result<()> {
    txn.batch_execute(&format!("ANALYZE {name}")).await.map_err(postgres("staging changes"))
}

/// What is on its way into a `COPY`.
struct Feed {
    buffer: BytesMut,
    /// The next bytes; none at the end.
    parts: mpsc::Sender<Option<Bytes>>,
    rows: u64,
}

impl Feed {
    fn flush(&mut self, at_least: usize) -> Result<()> {
        if self.buffer.len() < at_least {
            return Ok(());
        }
        send(&self.parts, Some(self.buffer.split().freeze()))
    }

    fn end(&mut self) -> Result<()> {
        self.buffer.put_i16(-1);
        self.flush(0)?;
        send(&self.parts, None)
    }
}

fn send(parts: &mpsc::Sender<Option<Bytes>>, part: Option<Bytes>) -> Result<()> {
    parts.blocking_send(part).map_err(|_closed| Error::Stopped)
}

/// Runs a `COPY` whose bytes come from a thread that may block. Returns how many rows it has.
async fn fill(
    txn: &Transaction<'_>,
    copy: &str,
    mut source: SourceSide,
    work: impl FnOnce(&mut SourceSide, &mut Feed) -> Result<()> + Send + 'static,
) -> Result<(SourceSide, u64)> {
    let (sender, parts) = mpsc::channel(PARTS);
    let reading = blocking(move || {
        let mut feed = Feed { buffer: BytesMut::from(HEADER), parts: sender, rows: 0 };
        let outcome = work(&mut source, &mut feed).and_then(|()| feed.end());
        Ok((source, feed.rows, outcome))
    });
    let (read, written) = tokio::join!(reading, write(txn, copy, parts));
    let (source, rows, outcome) = read?;
    // One that failed is why the other stopped.
    match (written, outcome) {
        (Err(Error::Stopped) | Ok(()), Err(error)) | (Err(error), _) => Err(error),
        (Ok(()), Ok(())) => Ok((source, rows)),
    }
}

async fn write(
    txn: &Transaction<'_>,
    copy: &str,
    mut parts: mpsc::Receiver<Option<Bytes>>,
) -> Result<()> {
    let doing = || format!("staging changes ({copy})");
    let sink = txn.copy_in::<_, Bytes>(copy).await.map_err(postgres(doing()))?;
    let mut sink = std::pin::pin!(sink);
    loop {
        match parts.recv().await {
            Some(Some(bytes)) => sink.send(bytes).await.map_err(postgres(doing()))?,
            Some(None) => break,
            // The reader failed: what was sent is left undone.
            None => return Err(Error::Stopped),
        }
    }
    sink.as_mut().finish().await.map(drop).map_err(postgres(doing()))
}

fn feed_keys(source: &SourceSide, table: &Table, span: Span, feed: &mut Feed) -> Result<()> {
    let Opened::Sqlite(snapshot) = &source.opened else {
        return Err(Error::refused("changes are captured in a SQLite source only"));
    };
    let count = i16::try_from(table.key.len())
        .map_err(|_many| Error::refused(format!("the key of {} is too long", table.sqlite)))?;
    keys(snapshot.conn(), table, span, &mut |values| {
        feed.buffer.put_i16(count);
        for (value, place) in values.iter().zip(&table.key) {
            let pg_type = table.columns.get(*place).map(|column| column.pg_type);
            let pg_type = pg_type.ok_or_else(|| Error::refused("a key without its column"))?;
            encode(pg_type, value, &mut feed.buffer)
                .map_err(|reason| refused(table, *place, &reason))?;
        }
        feed.flush(PART_BYTES)
    })
}

fn feed_rows(
    source: &mut SourceSide,
    table: &Table,
    from: From<'_>,
    feed: &mut Feed,
    control: &Control,
) -> Result<()> {
    let words = WordsOf::find(table);
    let mut scratch = BytesMut::new();
    let (mut bytes, mut told) = (0_u64, 0_u64);
    source.opened.source().scan(table, from, &mut |row| {
        if let Err((place, reason)) = check(table, &row, &mut scratch) {
            return Err(Error::refused(format!(
                "{} {}: {}. Correct it in the source and run the command again",
                table.sqlite,
                row.name(table),
                refused(table, place, &reason)
            )));
        }
        let Feed { buffer, parts, rows } = feed;
        let before = buffer.len();
        encode_tuple(table, &row, words.as_ref(), buffer, &mut |out| {
            if out.len() >= PART_BYTES {
                bytes += u64::try_from(out.len()).unwrap_or(u64::MAX);
                send(parts, Some(out.split().freeze()))?;
            }
            Ok(())
        })?;
        bytes += u64::try_from(buffer.len().saturating_sub(before)).unwrap_or(u64::MAX);
        *rows += 1;
        if *rows - told >= 1_000 {
            control.check()?;
            control.observer().advance(&table.sqlite, *rows - told, bytes);
            (told, bytes) = (*rows, 0);
        }
        feed.flush(PART_BYTES)
    })?;
    control.observer().advance(&table.sqlite, feed.rows - told, bytes);
    Ok(())
}
