//! Reading everything and converting each row for real, without writing any.

use bytes::BytesMut;

use crate::Result;
use crate::control::Control;
use crate::hash::TableSum;
use crate::model::Table;
use crate::report::{Problem, TableReport, table_report};
use crate::row::{check, hash};
use crate::scan::{From, Source};
use crate::value::{Value, bind};

/// How many problems of a table are listed; all are counted.
const LISTED: usize = 100;

/// How often an observer is told.
const EVERY_ROWS: u64 = 10_000;

/// What was found in one table.
pub(crate) struct Found {
    pub(crate) report: TableReport,
    pub(crate) problems: Vec<Problem>,
    pub(crate) problem_count: u64,
}

/// Reads a table and converts each of its rows.
pub(crate) fn table(
    source: &mut dyn Source,
    table: &Table,
    to_postgres: bool,
    control: &Control,
) -> Result<Found> {
    let mut scratch = BytesMut::new();
    let (mut sum, mut bytes) = (TableSum::default(), 0_u64);
    let (mut problems, mut problem_count) = (Vec::new(), 0_u64);
    let (mut told, mut told_bytes) = (0_u64, 0_u64);
    source.scan(table, From::Anywhere, &mut |row| {
        let checked = check(table, &row, &mut scratch).and_then(|()| {
            if to_postgres {
                return Ok(());
            }
            let values = row.values.iter().enumerate();
            values.filter_map(|(place, value)| Some((place, value.as_ref().ok()?))).try_for_each(
                |(place, value)| bind(value).map(drop).map_err(|reason| (place, reason)),
            )
        });
        match checked {
            Ok(()) => sum.add(&hash(table, &row)?),
            Err((place, reason)) => {
                problem_count += 1;
                if problems.len() < LISTED {
                    let column = table.columns.get(place);
                    problems.push(Problem {
                        table: table.sqlite.clone(),
                        key: row.name(table),
                        column: column.map(|column| column.sqlite.clone()).unwrap_or_default(),
                        target_type: column
                            .map(|column| column.pg_type.to_string())
                            .unwrap_or_default(),
                        reason: reason.to_string(),
                    });
                }
            }
        }
        bytes += row.values.iter().map(weight).sum::<u64>();
        let rows = sum.rows + problem_count;
        if rows - told >= EVERY_ROWS {
            control.check()?;
            control.observer().advance(&table.sqlite, rows - told, bytes - told_bytes);
            (told, told_bytes) = (rows, bytes);
        }
        Ok(())
    })?;
    let rows = sum.rows + problem_count;
    control.observer().advance(&table.sqlite, rows - told, bytes - told_bytes);
    let report = table_report(table, &sum, bytes, problem_count);
    Ok(Found { report, problems, problem_count })
}

fn weight<E>(value: &Result<Value<'_>, E>) -> u64 {
    match value {
        Ok(Value::LargeBlob(length)) => *length,
        Ok(value) => u64::try_from(value.weight()).unwrap_or(u64::MAX),
        Err(_) => 0,
    }
}
