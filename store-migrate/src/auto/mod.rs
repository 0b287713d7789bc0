//! The layout `auto`: a plan for any SQLite database.
//!
//! Every value is read once, to know what the columns can become; nothing is written. What cannot
//! be carried over exactly is a note with the SQL that was left out, or a problem that names the
//! value. Nothing is changed in silence.

mod candidate;
mod column;
mod create;
mod ddl;
mod declared;
mod default;
mod expression;
mod foreign;
mod index;
mod make;
mod map;
mod names;
mod orphans;
mod restore;
mod scan;
mod table;

use std::collections::HashMap;

use rusqlite::Connection;

use crate::catalog::sqlite::{self, Catalog, Table};
use crate::error::Result;
use crate::model::{Layout, Note, Plan, Step};
use crate::report::Problem;
use names::Names;
use table::Made;

pub use map::{ColumnMap, Map, TableMap};
pub use orphans::{Orphan, Orphans, Unchecked, orphans};
pub use restore::sqlite_schema;

/// How many problems a report has in full.
const KEPT: usize = 1000;

/// The start of the names of what a migration itself leaves in a database.
const BOOKKEEPING: &str = "_migrate_";

/// What an operator decides about the layout `auto`.
#[derive(Debug, Clone, Default)]
pub struct AutoOptions {
    /// Columns of text called `*_at` or `*_json` get the type their name speaks for, if all their
    /// values can be read so.
    pub infer: bool,
    /// Lengths and precisions that were declared are kept.
    pub keep_lengths: bool,
    /// What the map file says.
    pub map: Option<Map>,
}

/// A plan, and what stands in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoPlan {
    /// The plan.
    pub plan: Plan,
    /// For each table of the plan, how many rows it has.
    pub rows: Vec<u64>,
    /// Values that do not convert: the first of them.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problem_count: u64,
}

/// How far the reading is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The table that is read.
    pub table: &'a str,
    /// How many of its rows were read.
    pub rows: u64,
}

/// Plans the migration of any SQLite database.
///
/// Reads in the transaction that is open, if one is. `progress` is told how far the reading is, and stops it with an error.
///
/// # Errors
///
/// Fails with `Usage` when the map names what is not there, with `Refused` when a table cannot be
/// one on PostgreSQL at all, and when the database cannot be read.
pub fn plan(
    conn: &Connection,
    options: &AutoOptions,
    progress: &mut dyn FnMut(Progress<'_>) -> Result<()>,
) -> Result<AutoPlan> {
    let catalog = sqlite::read(conn)?;
    if let Some(map) = &options.map {
        map.check(&catalog)?;
    }
    let mut builder = Builder::new(&catalog, options);
    builder.read(conn, options, progress)?;
    builder.finish()
}

/// A plan in the making.
struct Builder<'a> {
    relations: Names,
    tables: Vec<Made<'a>>,
    notes: Vec<Note>,
    before: Vec<Step>,
    after: Vec<Step>,
    problems: Vec<Problem>,
    problem_count: u64,
    sources: Vec<&'a Table>,
    /// The names on PostgreSQL of the indexes an operator named.
    indexes: HashMap<String, String>,
}

impl<'a> Builder<'a> {
    fn new(catalog: &'a Catalog, options: &AutoOptions) -> Self {
        let mut builder = Self {
            relations: Names::default(),
            tables: Vec::new(),
            notes: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            problems: Vec::new(),
            problem_count: 0,
            sources: Vec::new(),
            indexes: HashMap::new(),
        };
        builder.note_others(catalog);
        let mut moved = Vec::new();
        for table in &catalog.tables {
            let skip = options.map.as_ref().and_then(|map| map.table(&table.name));
            if table.name.starts_with(BOOKKEEPING) {
                continue;
            } else if skip.is_some_and(|map| map.skip) {
                let about = format!("table {}", table.name);
                builder.note(about, "is not moved, as the map file says", None);
            } else {
                moved.push(table);
            }
        }
        builder.sources = foreign::order(&moved);
        builder
    }

    /// Lists what has no counterpart.
    fn note_others(&mut self, catalog: &Catalog) {
        for view in &catalog.views {
            let message = "is not carried over; write it anew for PostgreSQL if it is needed";
            self.note(format!("view {}", view.name), message, Some(&view.sql));
        }
        for trigger in &catalog.triggers {
            if !trigger.name.starts_with(BOOKKEEPING) {
                let message = format!("on {} is not carried over", trigger.table);
                self.note(format!("trigger {}", trigger.name), message, Some(&trigger.sql));
            }
        }
        for table in &catalog.virtual_tables {
            let shadows = match table.shadows.len() {
                0 => String::new(),
                _ => format!(
                    ", nor are the tables it keeps its data in: {}",
                    table.shadows.join(", ")
                ),
            };
            let message = format!("of module {} is not carried over{shadows}", table.module);
            self.note(format!("virtual table {}", table.name), message, Some(&table.sql));
        }
    }

    fn note(&mut self, about: String, message: impl Into<String>, sql: Option<&str>) {
        self.notes.push(Note { about, message: message.into(), sql: sql.map(str::to_owned) });
    }

    fn finish(mut self) -> Result<AutoPlan> {
        self.index_all();
        self.refer_all();
        let tables = self.tables.iter().map(Made::plan).collect();
        let sequences = table::sequences(&self.tables);
        Ok(AutoPlan {
            rows: self.tables.iter().map(|made| made.rows).collect(),
            plan: Plan {
                layout: Layout::Auto,
                tables,
                sequences,
                before: self.before,
                after: self.after,
                notes: self.notes,
                origin: Vec::new(),
                kept: Vec::new(),
            },
            problems: self.problems,
            problem_count: self.problem_count,
        })
    }
}

#[cfg(test)]
mod tests;
