//! The raw driver on SQLite: one connection, one commit per write.
//!
//! Callers of one connection wait for each other, so that all of them are served by one thread in
//! turn: what a caller waits is one round of the others. That is the best a lock around the
//! connection could do, without what handing it over costs.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row};
use serde_json::Value;
use store_core::{RunId, Timestamp};

use super::Result;
use super::load::{Figures, expect};
use super::rows::Layout;

/// Opens a migrated file under the settings of the store's writer. Only checkpoints stay as
/// SQLite makes them by itself: nobody else would make them.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let conn = Connection::open(path)?;
    let pragmas = [
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA cache_size = -16384",
        "PRAGMA mmap_size = 67108864",
    ];
    for pragma in pragmas {
        conn.execute_batch(pragma)?;
    }
    let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if (mode.as_str(), synchronous) != ("wal", 2) {
        return Err(format!("journal_mode is {mode}, synchronous is {synchronous}").into());
    }
    Ok(conn)
}

/// Serves the callers in turn; each asks again as soon as it is answered. The round ends early
/// when the operation answers that there is nothing left to work on.
pub(crate) fn serve(
    callers: usize,
    round: Duration,
    mut run: impl FnMut(usize) -> Result<bool>,
) -> Result<Figures> {
    let started = Instant::now();
    let mut asked = vec![started; callers];
    let mut latencies = Vec::new();
    for caller in (0..callers).cycle() {
        if started.elapsed() >= round || !run(caller)? {
            break;
        }
        let answered = Instant::now();
        latencies.push(answered - asked[caller]);
        asked[caller] = answered;
    }
    Ok(Figures::new(latencies, started.elapsed()))
}

/// Reads all rows of a query.
pub(crate) fn read_all(mut rows: rusqlite::Rows<'_>, layout: &Layout, wanted: u32) -> Result<()> {
    let mut found = 0;
    while let Some(row) = rows.next()? {
        read(row, layout)?;
        found += 1;
    }
    expect(found, wanted)
}

/// Reads every column, ids, JSON and instants parsed: the store returns values too.
pub(crate) fn read(row: &Row<'_>, layout: &Layout) -> Result<()> {
    for at in layout.ids.clone() {
        if let Some(text) = row.get_ref(at)?.as_str_or_null()? {
            black_box(text.parse::<RunId>()?);
        }
    }
    for at in layout.texts.clone() {
        black_box(row.get::<_, Option<String>>(at)?);
    }
    for at in layout.json.clone() {
        if let Some(text) = row.get_ref(at)?.as_str_or_null()? {
            black_box(serde_json::from_str::<Value>(text)?);
        }
    }
    for at in layout.instants.clone() {
        if let Some(text) = row.get_ref(at)?.as_str_or_null()? {
            black_box(text.parse::<Timestamp>()?);
        }
    }
    for at in layout.numbers.clone() {
        black_box(row.get::<_, Option<i64>>(at)?);
    }
    Ok(())
}
