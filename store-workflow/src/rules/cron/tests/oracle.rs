use std::iter::successors;

use store_core::Timestamp;

use super::{at, schedule};

const TABLE: &str = include_str!("../oracle/table.csv");

/// One row: what was asked, and every occurrence in the window.
struct Row {
    zone: &'static str,
    expression: &'static str,
    from: Timestamp,
    until: Timestamp,
    instants: Vec<Timestamp>,
}

fn minute(text: &str) -> Timestamp {
    at(&text.replace('Z', ":00Z"))
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let [zone, expression, from, until, instants, _croniter] =
            line.split(';').collect::<Vec<_>>().try_into().unwrap();
        let instants = instants.split_whitespace().map(at).collect();
        Row { zone, expression, from: minute(from), until: minute(until), instants }
    };
    TABLE.lines().skip(1).map(row).collect()
}

#[test]
fn every_row_is_met_forwards() {
    assert!(rows().len() >= 60);
    for row in rows() {
        let schedule = schedule(row.expression, row.zone);
        let found: Vec<_> =
            successors(schedule.first_from(row.from), |found| schedule.next_after(*found))
                .take_while(|found| *found <= row.until)
                .collect();
        assert_eq!(found, row.instants, "`{}` in {}", row.expression, row.zone);
    }
}

#[test]
fn every_row_is_met_backwards() {
    for row in rows() {
        let schedule = schedule(row.expression, row.zone);
        let mut found: Vec<_> =
            successors(schedule.last_to(row.until), |found| schedule.last_before(*found))
                .take_while(|found| *found >= row.from)
                .collect();
        found.reverse();
        assert_eq!(found, row.instants, "`{}` in {}", row.expression, row.zone);
    }
}

#[test]
fn every_row_is_met_from_any_minute_of_its_window() {
    // The years of 29 February have too many minutes, and nothing to find between them.
    const DAY_MICROS: i64 = 86_400_000_000;
    const MINUTE_MICROS: usize = 60_000_000;
    for row in rows() {
        let (from, until) = (row.from.as_micros(), row.until.as_micros());
        if until - from > DAY_MICROS {
            continue;
        }
        let schedule = schedule(row.expression, row.zone);
        for now in (from..=until).step_by(MINUTE_MICROS) {
            let now = Timestamp::from_micros(now).unwrap();
            let next = row.instants.iter().find(|at| **at >= now).copied();
            let last = row.instants.iter().rfind(|at| **at <= now).copied();
            let first_from = schedule.first_from(now).filter(|at| *at <= row.until);
            let last_to = schedule.last_to(now).filter(|at| *at >= row.from);
            let case = format!("`{}` in {} at {now}", row.expression, row.zone);
            assert_eq!((first_from, last_to), (next, last), "{case}");
        }
    }
}
