//! The plan of a migration.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Kind, PgType};
use crate::hash::TableSum;

/// What kind of databases are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// The stores of this workspace.
    Stores,
    /// Any SQLite database.
    Auto,
    /// Databases written by Orcheo.
    Orcheo,
}

/// A column on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name on SQLite.
    pub sqlite: String,
    /// Its name on PostgreSQL.
    pub postgres: String,
    /// The canonical type of its values.
    pub kind: Kind,
    /// Its type on PostgreSQL.
    pub pg_type: PgType,
}

/// In which order rows are read from SQLite, so that a resumed copy goes on behind the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqliteOrder {
    /// By the row number, which this alias of it names.
    Rowid(String),
    /// By the primary key, whose columns are compared ascending.
    Key,
    /// In none: the table is one batch.
    None,
}

/// A table on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name on SQLite.
    pub sqlite: String,
    /// Its name on PostgreSQL.
    pub postgres: String,
    /// The columns that are moved; generated ones are not among them.
    pub columns: Vec<Column>,
    /// Places in `columns` of what identifies a row, the same on both sides. Empty when nothing
    /// does.
    pub key: Vec<usize>,
    /// The order of reading on SQLite.
    pub order: SqliteOrder,
}

/// A counter behind a column, which has to stay ahead of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Place of the table in the plan.
    pub table: usize,
    /// Place of the column in the table.
    pub column: usize,
}

/// A statement that prepares or completes the schema of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it makes: `table`, `index`, `constraint`, `foreign key`, `trigger`, …
    pub what: String,
    /// Its name.
    pub name: String,
    /// The statement.
    pub sql: String,
}

impl Step {
    /// A constraint that is not taken off for the load.
    pub(crate) const CHECK: &str = "kept check";
}

/// Something an operator should know: what is not carried over, was renamed, was inferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it is about: `view v`, `index i`, `column t.c`.
    pub about: String,
    /// What happens with it and why.
    pub message: String,
    /// The SQL that was left out.
    pub sql: Option<String>,
}

/// The plan of a migration between a SQLite database and a PostgreSQL schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What kind of databases these are.
    pub layout: Layout,
    /// The tables in the order they are loaded: a referenced one before those that refer to it.
    pub tables: Vec<Table>,
    /// Counters.
    pub sequences: Vec<Sequence>,
    /// What is run on an empty target before anything is loaded. The layout `stores` has nothing
    /// here: its tables come from the migrations of the stores.
    pub before: Vec<Step>,
    /// What is run after everything was loaded: indexes, constraints, foreign keys, in this order.
    pub after: Vec<Step>,
    /// What an operator should know.
    pub notes: Vec<Note>,
    /// The schema of a SQLite database that is none of the stores', as it was: what makes it again
    /// when it is moved back.
    #[serde(default)]
    pub origin: Vec<Step>,
    /// The rows that the tables of the target had when others were appended to them, in the order
    /// of the tables; nothing if they had none.
    #[serde(default)]
    pub kept: Vec<TableSum>,
}

impl Plan {
    /// Returns the SHA-256 of what the plan says, in hexadecimal digits: a migration that was
    /// begun with another plan is not gone on with.
    #[must_use]
    pub fn manifest_hash(&self) -> String {
        let stated = (self.layout, &self.tables, &self.sequences, &self.before, &self.after);
        // Names, enums and numbers always have a JSON form.
        let json = serde_json::to_vec(&stated).unwrap_or_default();
        hex::encode(Sha256::digest(json))
    }
}
