//! The triggers that record which rows change.
//!
//! After an insert, an update and a delete the key of the row is recorded, for an update that of
//! the row before as well. That is not all: `REPLACE` deletes the rows that are in the way of a new
//! one, and SQLite runs no triggers for them unless the application has set `recursive_triggers`.
//! So before an insert and an update the keys of those rows are recorded, whether they will be
//! replaced or the statement fails. A key too many is harmless: the row is looked at again, and
//! copied as it is.

use rusqlite::Connection;

use super::unique::in_the_way;
use crate::Result;
use crate::model::{Plan, Table};
use crate::sqlite::quote;

/// The table of changes.
pub(super) const CHANGES: &str = "_migrate_changes";

/// A trigger: its name and the statement that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) name: String,
    pub(super) sql: String,
}

/// Returns how many columns keys need; the first row needs two.
pub(super) fn key_width(plan: &Plan) -> usize {
    plan.tables.iter().map(|table| table.key.len()).max().unwrap_or(0).max(2)
}

/// Returns the statement that makes the table of changes. It has no constraint: the conflict clause
/// of the statement that fires a trigger holds within the trigger too, and `OR IGNORE` would lose a
/// change that breaks one.
pub(super) fn changes_sql(width: usize) -> String {
    let keys: Vec<_> = (0..width).map(|place| format!("k{place}")).collect();
    format!(
        "CREATE TABLE {CHANGES} (seq INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT, {})",
        keys.join(", ")
    )
}

/// Returns the triggers of all tables of a plan.
pub(super) fn triggers(conn: &Connection, plan: &Plan) -> Result<Vec<Trigger>> {
    let mut found = Vec::new();
    for (place, table) in plan.tables.iter().enumerate() {
        found.extend(of_table(conn, place, table)?);
    }
    Ok(found)
}

fn of_table(conn: &Connection, place: usize, table: &Table) -> Result<Vec<Trigger>> {
    let make = |what: &str, when: &str, body: Vec<String>| {
        let name = format!("_migrate_{place}_{what}");
        let body: String = body.iter().map(|statement| format!(" {statement};")).collect();
        let sql = format!(
            "CREATE TRIGGER {} {when} ON {} FOR EACH ROW BEGIN{body} END",
            quote(&name),
            quote(&table.sqlite)
        );
        Trigger { name, sql }
    };
    let new = record(table, "NEW");
    if table.key.is_empty() {
        return Ok(vec![
            make("insert", "AFTER INSERT", vec![new.clone()]),
            make("update", "AFTER UPDATE", vec![new.clone()]),
            make("delete", "AFTER DELETE", vec![new]),
        ]);
    }
    let moved = format!("{} WHERE {}", record(table, "OLD"), key_differs(table));
    let mut found = vec![
        make("insert", "AFTER INSERT", vec![new.clone()]),
        make("update", "AFTER UPDATE", vec![moved, new]),
        make("delete", "AFTER DELETE", vec![record(table, "OLD")]),
    ];
    let conditions = in_the_way(conn, table)?;
    if !conditions.is_empty() {
        let others = |also: &str| -> Vec<String> {
            let one =
                |condition: &String| format!("{} WHERE ({condition}){also}", record_rows(table));
            conditions.iter().map(one).collect()
        };
        found.push(make("before_insert", "BEFORE INSERT", others("")));
        let itself = format!(" AND NOT ({})", key_is_old(table));
        found.push(make("before_update", "BEFORE UPDATE", others(&itself)));
    }
    Ok(found)
}

/// Records the key of `NEW` or `OLD`.
fn record(table: &Table, row: &str) -> String {
    let values: String = keys(table).map(|name| format!(", {row}.{name}")).collect();
    format!("{} SELECT {}{values}", into(table), literal(&table.sqlite))
}

/// Records the keys of rows that are in the table.
fn record_rows(table: &Table) -> String {
    let values: String = keys(table).map(|name| format!(", {name}")).collect();
    format!(
        "{} SELECT {}{values} FROM {}",
        into(table),
        literal(&table.sqlite),
        quote(&table.sqlite)
    )
}

fn into(table: &Table) -> String {
    let columns: String = (0..table.key.len()).map(|place| format!(", k{place}")).collect();
    format!("INSERT INTO {CHANGES} (tbl{columns})")
}

fn keys(table: &Table) -> impl Iterator<Item = String> {
    table.key.iter().filter_map(|place| Some(quote(&table.columns.get(*place)?.sqlite)))
}

/// Byte for byte: a key that differs only in a way its collation does not see is another on the
/// target.
fn key_differs(table: &Table) -> String {
    let terms: Vec<_> =
        keys(table).map(|name| format!("OLD.{name} IS NOT NEW.{name} COLLATE BINARY")).collect();
    terms.join(" OR ")
}

fn key_is_old(table: &Table) -> String {
    let terms: Vec<_> =
        keys(table).map(|name| format!("{name} IS OLD.{name} COLLATE BINARY")).collect();
    terms.join(" AND ")
}

/// Writes text as SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
