//! Comparing two databases row by row.
//!
//! Each side is read once: of each table the rows are counted and the sum of their hashes taken,
//! also of each of a few thousand parts into which keys fall. Where a sum differs, only the parts
//! that do are read again, and the rows in them compared by key.

mod parts;

use std::collections::BTreeMap;
use std::thread;

use crate::control::Control;
use crate::hash::TableSum;
use crate::model::Table;
use crate::report::Difference;
use crate::scan::{From, Source};
use crate::{Error, Result};

pub(crate) use parts::Sums;
use parts::{Compared, rows_of, sums_of};

/// How many differences of a table are listed.
const LISTED: usize = 100;

/// How many parts that differ are looked into: enough for a list, and memory stays bounded.
const PARTS_LOOKED_INTO: usize = 32;

/// Both sides of one table.
pub(crate) struct Outcome {
    pub(crate) source: Sums,
    pub(crate) target: Sums,
    pub(crate) differences: Vec<Difference>,
    /// How many there are at least.
    pub(crate) count: u64,
}

/// Compares a table, both sides at once: all of it, or the rows that changed.
///
/// Rows of the source that do not convert are not in the target: `quarantined` of them are expected.
/// Rows that were in the target before, `kept`, are expected there beside those of the source.
pub(crate) fn table(
    source: &mut (dyn Source + Send),
    target: &mut (dyn Source + Send),
    table: &Table,
    from: From<'_>,
    (quarantined, kept): (u64, TableSum),
    control: &Control,
) -> Result<Outcome> {
    let (ours, theirs) = both(
        || sums_of(source, table, from, control, true),
        || sums_of(target, table, from, control, false),
    )?;
    let mut outcome = Outcome { source: ours, target: theirs, differences: Vec::new(), count: 0 };
    if outcome.source.failed != quarantined {
        outcome.tell(
            table,
            format!(
                "{} row(s) of the source do not convert, {quarantined} are in quarantine",
                outcome.source.failed
            ),
        );
    }
    let mut expected = outcome.source.total;
    expected.merge(&kept);
    if expected == outcome.target.total && outcome.target.failed == 0 {
        return Ok(outcome);
    }
    if expected.rows != outcome.target.total.rows {
        let before =
            if kept.rows > 0 { format!(" and {} before", kept.rows) } else { String::new() };
        outcome.tell(
            table,
            format!(
                "{} row(s) on the source{before}, {} on the target",
                outcome.source.total.rows, outcome.target.total.rows
            ),
        );
    }
    let parts = outcome.source.differing(&outcome.target, PARTS_LOOKED_INTO);
    let (ours, theirs) =
        both(|| rows_of(source, table, from, &parts), || rows_of(target, table, from, &parts))?;
    compare(table, ours, theirs, kept.rows == 0, &mut outcome);
    // What differs is never said to be equal, even if no row could be named.
    if outcome.count == 0 {
        outcome.tell(table, "the sums of the rows differ".to_owned());
    }
    Ok(outcome)
}

/// Sums the rows that a table has.
pub(crate) fn sum(side: &mut dyn Source, table: &Table, control: &Control) -> Result<TableSum> {
    Ok(sums_of(side, table, From::Anywhere, control, false)?.total)
}

impl Outcome {
    fn tell(&mut self, table: &Table, what: String) {
        self.push(Difference {
            table: table.sqlite.clone(),
            key: String::new(),
            columns: Vec::new(),
            what,
        });
    }

    fn push(&mut self, difference: Difference) {
        self.count += 1;
        if self.differences.len() < LISTED {
            self.differences.push(difference);
        }
    }
}

/// Does two things at once, each in a thread of its own.
fn both<A: Send, B: Send>(
    one: impl FnOnce() -> Result<A> + Send,
    other: impl FnOnce() -> Result<B> + Send,
) -> Result<(A, B)> {
    let ended = || Error::refused("a thread that reads ended without an answer");
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join().map_err(|_panic| ended())??;
        Ok((one, other?))
    })
}

fn compare(
    table: &Table,
    ours: BTreeMap<parts::Key, Compared>,
    mut theirs: BTreeMap<parts::Key, Compared>,
    alone: bool,
    outcome: &mut Outcome,
) {
    for (key, source) in ours {
        let Some(target) = theirs.remove(&key) else {
            outcome.push(one_sided(table, source, "is missing on the target"));
            continue;
        };
        if source.count != target.count {
            let what = format!(
                "is {} times on the source, {} times on the target",
                source.count, target.count
            );
            outcome.push(one_sided(table, source, &what));
        } else if source.columns != target.columns {
            let differs = source.columns.iter().zip(&target.columns).zip(&table.columns);
            let columns = differs
                .filter(|((one, other), _)| one != other)
                .map(|(_, column)| column.sqlite.clone())
                .collect();
            let what = target.problem.or(source.problem);
            let what = what.unwrap_or_else(|| "has another value on the target".to_owned());
            outcome.push(Difference {
                table: table.sqlite.clone(),
                key: source.name,
                columns,
                what,
            });
        }
    }
    // Which of them were there before is not known.
    for target in theirs.into_values().filter(|_| alone) {
        outcome.push(one_sided(table, target, "is on the target only"));
    }
}

fn one_sided(table: &Table, row: Compared, what: &str) -> Difference {
    Difference {
        table: table.sqlite.clone(),
        key: row.name,
        columns: Vec::new(),
        what: what.to_owned(),
    }
}
