//! What a command reports: to be printed, or filed as JSON.

use serde::Serialize;

use crate::hash::TableSum;
use crate::model::{Layout, Note, Plan};

/// A value that the target cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The table on the source.
    pub table: String,
    /// What identifies the row.
    pub key: String,
    /// The column.
    pub column: String,
    /// Its type on the target.
    pub target_type: String,
    /// Why it does not convert.
    pub reason: String,
}

/// A table in a report.
#[derive(Debug, Clone, Serialize)]
pub struct TableReport {
    /// Its name on SQLite.
    pub name: String,
    /// Its name on PostgreSQL.
    pub postgres: String,
    /// How many rows.
    pub rows: u64,
    /// About how many bytes.
    pub bytes: u64,
    /// The order-independent sum of its rows' hashes, in hexadecimal digits.
    pub hash: String,
    /// Rows that were set aside, or would be.
    pub quarantined: u64,
    /// The columns with their types on PostgreSQL.
    pub columns: Vec<(String, String)>,
}

/// What a dry run found.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    /// The source, without password.
    pub source: String,
    /// The target, without password.
    pub target: String,
    /// The layout.
    pub layout: Layout,
    /// The SHA-256 of the plan.
    pub manifest: String,
    /// The tables in the order they are loaded.
    pub tables: Vec<TableReport>,
    /// How many values do not convert.
    pub problem_count: u64,
    /// The first of them.
    pub problems: Vec<Problem>,
    /// What is not carried over, renamed or inferred.
    pub notes: Vec<Note>,
    /// The plan itself.
    #[serde(skip)]
    pub plan: Plan,
}

/// A difference between source and target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// What identifies the row; empty when it is about the table.
    pub key: String,
    /// The columns that differ; empty when the row is on one side only.
    pub columns: Vec<String>,
    /// What differs.
    pub what: String,
}

/// What a comparison found.
#[derive(Debug, Clone, Serialize)]
pub struct Validation {
    /// The source, without password.
    pub source: String,
    /// The target, without password.
    pub target: String,
    /// The tables as they are on the source.
    pub tables: Vec<TableReport>,
    /// The hash of all tables on the source.
    pub source_root: String,
    /// The hash of all tables on the target.
    pub target_root: String,
    /// How many differences there are at least.
    pub difference_count: u64,
    /// The first of each table.
    pub differences: Vec<Difference>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// What a migration did.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// What the dry run before it found.
    pub plan: PlanReport,
    /// The id of the migration in the state of the target.
    pub migration: String,
    /// Whether it went on with one that was begun before.
    pub resumed: bool,
    /// Rows that were copied by this run.
    pub rows: u64,
    /// Bytes that were copied by this run.
    pub bytes: u64,
    /// Rows that were set aside.
    pub quarantined: u64,
    /// Foreign keys that were made `NOT VALID` because rows break them.
    pub not_valid: Vec<String>,
    /// How long each phase took, in seconds.
    pub durations: Vec<(String, f64)>,
    /// The comparison at the end.
    pub validation: Validation,
}

pub(crate) fn table_report(
    table: &crate::model::Table,
    sum: &TableSum,
    bytes: u64,
    quarantined: u64,
) -> TableReport {
    TableReport {
        name: table.sqlite.clone(),
        postgres: table.postgres.clone(),
        rows: sum.rows,
        bytes,
        hash: sum.hex(),
        quarantined,
        columns: table
            .columns
            .iter()
            .map(|column| (column.postgres.clone(), column.pg_type.to_string()))
            .collect(),
    }
}
