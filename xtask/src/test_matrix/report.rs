//! The table at the end of a test matrix.

use std::time::Duration;

use super::BUILDS;
use super::tally::{Counts, Suite, Tally};
use crate::workspace::Backend;

/// Each backend beside the other, then each compiled in alone.
const COLUMNS: [(&str, Suite, Backend); 4] = [
    ("sqlite", Suite::Both, Backend::Sqlite),
    ("postgres", Suite::Both, Backend::Postgres),
    ("sqlite alone", Suite::Alone(Backend::Sqlite), Backend::Sqlite),
    ("postgres alone", Suite::Alone(Backend::Postgres), Backend::Postgres),
];

/// Prints it; the last line is `N passed, M failed`.
pub(super) fn print(tally: &Tally, took: Duration) {
    println!();
    print_table(&builds(tally));
    if !tally.behaviours.is_empty() {
        print_table(&behaviours(tally));
    }
    for failure in &tally.failures {
        println!("FAILED: {failure}");
    }
    println!("total time: {} s", took.as_secs());
    println!("{}", tally.closing_line());
}

fn builds(tally: &Tally) -> Vec<Vec<String>> {
    let mut table = vec![header("builds", BUILDS.map(|(label, _)| label))];
    let mut crates: Vec<&String> = tally.builds.iter().map(|(krate, ..)| krate).collect();
    crates.dedup();
    for krate in crates {
        let cell = |label: &str| {
            let built = tally.builds.iter().find(|(k, l, _)| k == krate && *l == label);
            match built {
                None => "-".to_owned(),
                Some((.., None)) => "FAILED".to_owned(),
                Some((.., Some(took))) => format!("ok {:.1} s", took.as_secs_f64()),
            }
        };
        let cells = BUILDS.map(|(label, _)| cell(label));
        table.push([krate.clone()].into_iter().chain(cells).collect());
    }
    table
}

fn behaviours(tally: &Tally) -> Vec<Vec<String>> {
    let mut table = vec![header("behaviours", COLUMNS.map(|(label, ..)| label))];
    let mut subsystems: Vec<&String> = tally.behaviours.keys().map(|(name, ..)| name).collect();
    subsystems.dedup();
    for subsystem in subsystems {
        let cells = COLUMNS.map(|(_, suite, backend)| {
            let key = (subsystem.clone(), suite, backend.name().to_owned());
            match tally.behaviours.get(&key) {
                None => "-".to_owned(),
                Some(Counts { passed, failed: 0 }) => passed.to_string(),
                Some(Counts { passed, failed }) => format!("{passed}, {failed} FAILED"),
            }
        });
        table.push([subsystem.clone()].into_iter().chain(cells).collect());
    }
    table
}

fn header<const N: usize>(first: &str, labels: [&str; N]) -> Vec<String> {
    [first].into_iter().chain(labels).map(str::to_owned).collect()
}

fn print_table(rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        println!("{}", line.trim_end());
    }
    println!();
}
