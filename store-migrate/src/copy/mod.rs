//! Copying rows in batches, each with its note in one transaction of the target.

mod to_postgres;
mod to_sqlite;

use crate::hash::TableSum;
use crate::model::Table;
use crate::scan::Row;
use crate::state::{BatchNote, Quarantined};
use crate::{Error, Result};

pub(crate) use to_postgres::{HEADER, ToPostgres, to_postgres};
pub(crate) use to_sqlite::to_sqlite;

/// How much a batch has at most. It ends with the row that reaches one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// So many rows.
    pub rows: u64,
    /// About so many bytes.
    pub bytes: u64,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { rows: 50_000, bytes: 8 << 20 }
    }
}

/// What is done with a row that has a value that does not convert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The migration stops before anything is written.
    #[default]
    Stop,
    /// The row is set aside, into `_migrate_quarantine` of the target.
    Quarantine,
}

/// The batch that is being filled.
struct Current {
    note: BatchNote,
}

impl Current {
    fn new(table: &Table, batch: i64) -> Self {
        Self {
            note: BatchNote {
                table: table.sqlite.clone(),
                batch,
                sum: TableSum::default(),
                bytes: 0,
                position: String::new(),
                last: false,
                quarantined: Vec::new(),
            },
        }
    }

    fn is_full(&self, limits: BatchLimits) -> bool {
        let aside = u64::try_from(self.note.quarantined.len()).unwrap_or(u64::MAX);
        self.note.bytes >= limits.bytes
            || self.note.sum.rows.saturating_add(aside) >= limits.rows
            || aside >= 1000
    }

    /// Sets a row aside, or fails.
    fn set_aside(
        &mut self,
        table: &Table,
        row: &Row<'_>,
        (place, reason): crate::row::Failed,
        on_error: OnError,
    ) -> Result<()> {
        if on_error == OnError::Stop {
            return Err(Error::refused(format!(
                "{} {}: a value that does not convert appeared after the plan: {}",
                table.sqlite,
                row.name(table),
                crate::row::refused(table, place, &reason)
            )));
        }
        let (stored_type, raw) = row.origin.raw(place)?;
        self.note.quarantined.push(Quarantined {
            table: table.sqlite.clone(),
            key: row.name(table),
            column: table
                .columns
                .get(place)
                .map(|column| column.sqlite.clone())
                .unwrap_or_default(),
            stored_type,
            raw,
            reason: reason.to_string(),
        });
        Ok(())
    }
}
