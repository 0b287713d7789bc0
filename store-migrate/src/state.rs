//! What a migration remembers, in tables of the target: so that a batch and the note that it was
//! copied are one transaction.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::hash::TableSum;
use crate::model::{Layout, Plan, Step};
use crate::{Error, Result};

/// The tables. The statements are the same on both engines, but for the type of bytes.
pub(crate) const TABLES: [&str; 5] = [
    "_migrate_state",
    "_migrate_batches",
    "_migrate_objects",
    "_migrate_quarantine",
    "_migrate_sync",
];

/// Returns the statements that create the tables.
pub(crate) fn ddl(bytes: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS _migrate_state (\
             id TEXT NOT NULL PRIMARY KEY, source TEXT NOT NULL, target TEXT NOT NULL, \
             layout TEXT NOT NULL, manifest TEXT NOT NULL, plan TEXT NOT NULL, \
             phase TEXT NOT NULL, started_at TEXT NOT NULL, updated_at TEXT NOT NULL);\n\
         CREATE TABLE IF NOT EXISTS _migrate_batches (\
             migration TEXT NOT NULL REFERENCES _migrate_state (id) ON DELETE CASCADE, \
             table_name TEXT NOT NULL, batch BIGINT NOT NULL, row_count BIGINT NOT NULL, \
             byte_count BIGINT NOT NULL, quarantined BIGINT NOT NULL, sum {bytes} NOT NULL, \
             position TEXT NOT NULL, last BOOLEAN NOT NULL, \
             PRIMARY KEY (migration, table_name, batch));\n\
         CREATE TABLE IF NOT EXISTS _migrate_objects (\
             migration TEXT NOT NULL REFERENCES _migrate_state (id) ON DELETE CASCADE, \
             ordinal BIGINT NOT NULL, what TEXT NOT NULL, name TEXT NOT NULL, sql TEXT NOT NULL, \
             done BOOLEAN NOT NULL, PRIMARY KEY (migration, ordinal));\n\
         CREATE TABLE IF NOT EXISTS _migrate_quarantine (\
             migration TEXT NOT NULL REFERENCES _migrate_state (id) ON DELETE CASCADE, \
             source_table TEXT NOT NULL, key TEXT NOT NULL, column_name TEXT NOT NULL, \
             type TEXT NOT NULL, raw {bytes} NOT NULL, reason TEXT NOT NULL);\n\
         CREATE TABLE IF NOT EXISTS _migrate_sync (\
             migration TEXT NOT NULL PRIMARY KEY \
                 REFERENCES _migrate_state (id) ON DELETE CASCADE, \
             token TEXT NOT NULL, source_schema TEXT NOT NULL, applied BIGINT NOT NULL, \
             verified BIGINT NOT NULL);"
    )
}

/// How far a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Its tables are there, without what is built after the load.
    Prepared,
    /// Every row is there.
    Loaded,
    /// Indexes, constraints and counters are there.
    Attached,
    /// Both sides were compared and are equal.
    Validated,
}

impl Phase {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Loaded => "loaded",
            Self::Attached => "attached",
            Self::Validated => "validated",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Prepared, Self::Loaded, Self::Attached, Self::Validated]
            .into_iter()
            .find(|phase| phase.as_str() == text)
    }
}

/// A migration that was begun.
#[derive(Debug, Clone)]
pub(crate) struct Migration {
    pub(crate) id: String,
    /// What identifies the source and the target, not how they are reached.
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) layout: Layout,
    pub(crate) plan: Plan,
    pub(crate) phase: Phase,
}

impl Migration {
    /// Returns the id of a migration between two databases.
    pub(crate) fn id_of(source: &str, target: &str, layout: Layout) -> String {
        let mut sha = Sha256::new();
        for part in [source, target, &format!("{layout:?}")] {
            sha.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            sha.update(part);
        }
        hex::encode(&sha.finalize()[..8])
    }
}

/// Returns the ids of migrations whose rows are replaced by those of a plan: what they say is not
/// true any more.
pub(crate) fn replaced(found: Vec<Migration>, plan: &Plan) -> Vec<String> {
    let shares = |migration: &Migration| {
        let mut tables = migration.plan.tables.iter();
        tables.any(|one| plan.tables.iter().any(|other| other.sqlite == one.sqlite))
    };
    found.into_iter().filter(shares).map(|migration| migration.id).collect()
}

/// How far one table is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copied {
    /// The number of the next batch.
    pub(crate) next: i64,
    /// Where the last batch ended.
    pub(crate) position: Option<String>,
    /// Whether that was the end of the table.
    pub(crate) complete: bool,
    /// What was copied.
    pub(crate) sum: TableSum,
    pub(crate) bytes: u64,
    pub(crate) quarantined: u64,
}

/// What is noted of a batch, in its own transaction.
#[derive(Debug, Clone)]
pub(crate) struct BatchNote {
    pub(crate) table: String,
    pub(crate) batch: i64,
    pub(crate) sum: TableSum,
    pub(crate) bytes: u64,
    pub(crate) position: String,
    pub(crate) last: bool,
    pub(crate) quarantined: Vec<Quarantined>,
}

/// A value that was not converted; its row was not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quarantined {
    /// The table on the source.
    pub(crate) table: String,
    /// What identifies the row.
    pub(crate) key: String,
    /// The column.
    pub(crate) column: String,
    /// The type of the stored value.
    pub(crate) stored_type: String,
    /// Its bytes.
    pub(crate) raw: Vec<u8>,
    /// Why it was not converted.
    pub(crate) reason: String,
}

/// A step that is still to be done, and its place.
pub(crate) type Pending = (i64, Step);

/// The time as it is noted.
pub(crate) fn now() -> String {
    use store_core::{Clock as _, SystemClock};

    SystemClock.now().to_string()
}

/// The word a layout is kept as.
pub(crate) const fn layout_word(layout: Layout) -> &'static str {
    match layout {
        Layout::Stores => "stores",
        Layout::Auto => "auto",
        Layout::Orcheo => "orcheo",
    }
}

/// Reads a row of the state, from whichever engine.
pub(crate) fn migration(fields: [String; 6]) -> Result<Migration> {
    let [id, source, target, layout, plan, phase] = fields;
    let broken = |what: &str| {
        Error::refused(format!("the state of migration {id} has no {what} of this version"))
    };
    let plan: Plan = serde_json::from_str(&plan).map_err(|_error| broken("plan"))?;
    let layout = [Layout::Stores, Layout::Auto, Layout::Orcheo]
        .into_iter()
        .find(|one| layout_word(*one) == layout)
        .ok_or_else(|| broken("layout"))?;
    let phase = Phase::parse(&phase).ok_or_else(|| broken("phase"))?;
    Ok(Migration { id, source, target, layout, plan, phase })
}
