//! What a conversion says of itself.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many problems a report names; it counts all of them.
const NAMED_MAX: usize = 10_000;

/// What became of the rows of a table of Orcheo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// The table.
    pub table: &'static str,
    /// How many rows were read.
    pub read: u64,
    /// How many were written.
    pub written: u64,
    /// How many broke a rule: set aside, or the reason why nothing was written.
    pub refused: u64,
}

/// A row, or a part of one, that breaks a rule of the stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The table of Orcheo.
    pub table: &'static str,
    /// The key of the row.
    pub key: String,
    /// The column, with the path into its JSON.
    pub column: String,
    /// The rule, without the value.
    pub reason: String,
}

/// A table or column that becomes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmapped {
    /// The table.
    pub table: String,
    /// The column, or the field of a payload; none for the whole table.
    pub column: Option<String>,
    /// How many rows have it.
    pub rows: u64,
    /// Why.
    pub reason: String,
}

/// An id that is another one in the stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedId {
    /// The table of Orcheo.
    pub table: &'static str,
    /// The id in Orcheo.
    pub from: String,
    /// The id in the stores.
    pub to: String,
}

/// Something an operator should know, and of how many rows it is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What.
    pub what: String,
    /// Of how many rows.
    pub rows: u64,
}

/// What a conversion did, or why it did nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[must_use = "a conversion that met a problem writes nothing and says so here"]
pub struct ConvertReport {
    /// What was read.
    pub sources: Vec<String>,
    /// Whether the target was written.
    pub written: bool,
    /// What became of each table that a source has.
    pub tables: Vec<Converted>,
    /// How many problems there are.
    pub problem_count: u64,
    /// The problems: the first ten thousand.
    pub problems: Vec<Problem>,
    /// What becomes nothing, with the reason.
    pub unmapped: Vec<Unmapped>,
    /// Ids that had to change.
    pub changed_ids: Vec<ChangedId>,
    /// What else there is to know.
    pub notes: Vec<Note>,
}

impl ConvertReport {
    /// Returns the exit code of a command that ends with this report: 3 when rows broke rules and
    /// were not to be set aside, so that nothing was written.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        if self.written { 0 } else { 3 }
    }
}

/// The parts of a report that are counted up.
#[derive(Debug, Default)]
pub(super) struct Tally {
    tables: BTreeMap<&'static str, Converted>,
    problems: Vec<Problem>,
    problem_count: u64,
    unmapped: BTreeMap<(String, Option<String>, String), u64>,
    changed_ids: Vec<ChangedId>,
    notes: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts for a table.
    pub(super) fn table(&mut self, table: &'static str) -> &mut Converted {
        self.tables.entry(table).or_insert(Converted { table, read: 0, written: 0, refused: 0 })
    }

    /// Counts a problem, and names it if there is room.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < NAMED_MAX {
            self.problems.push(problem);
        }
    }

    pub(super) const fn problem_count(&self) -> u64 {
        self.problem_count
    }

    /// Counts rows with something that becomes nothing.
    pub(super) fn unmapped(&mut self, table: &str, column: Option<&str>, reason: &str, rows: u64) {
        let key = (table.to_owned(), column.map(str::to_owned), reason.to_owned());
        *self.unmapped.entry(key).or_default() += rows;
    }

    /// Counts a row that something is true of.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        *self.notes.entry(what.into()).or_default() += 1;
    }

    /// Says that an id is another one.
    pub(super) fn changed_id(&mut self, table: &'static str, from: String, to: String) {
        self.changed_ids.push(ChangedId { table, from, to });
    }

    /// Ends the count.
    pub(super) fn into_report(self, sources: Vec<String>, written: bool) -> ConvertReport {
        let unmapped = self.unmapped.into_iter();
        ConvertReport {
            sources,
            written,
            tables: self.tables.into_values().collect(),
            problem_count: self.problem_count,
            problems: self.problems,
            unmapped: unmapped
                .map(|((table, column, reason), rows)| Unmapped { table, column, rows, reason })
                .collect(),
            changed_ids: self.changed_ids,
            notes: self.notes.into_iter().map(|(what, rows)| Note { what, rows }).collect(),
        }
    }
}
