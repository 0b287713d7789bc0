//! Taking off what slows a load down, and putting it back.

use rusqlite::Connection;

use super::{State, quote};
use crate::error::sqlite;
use crate::model::{Step, Table};
use crate::{Error, Result};

/// Returns the indexes and triggers of tables as steps that make them again, and drops them.
///
/// Indexes that belong to a constraint stay: SQLite cannot do without.
pub(crate) fn detach(conn: &Connection, tables: &[Table]) -> Result<Vec<Step>> {
    let doing = || "taking indexes off";
    let mut steps = Vec::new();
    for table in tables {
        let mut statement = conn
            .prepare(
                "SELECT type, name, sql FROM sqlite_schema \
                 WHERE tbl_name = ?1 AND type IN ('index', 'trigger') AND sql IS NOT NULL \
                 ORDER BY type, name",
            )
            .map_err(sqlite(doing()))?;
        let rows = statement
            .query_map([&table.sqlite], |row| {
                Ok(Step { what: row.get(0)?, name: row.get(1)?, sql: row.get(2)? })
            })
            .map_err(sqlite(doing()))?;
        for step in rows {
            steps.push(step.map_err(sqlite(doing()))?);
        }
    }
    // Triggers last: while indexes are built nothing writes, and the index of words is built whole.
    steps.sort_by_key(|step| step.what == "trigger");
    for step in &steps {
        let what = if step.what == "index" { "INDEX" } else { "TRIGGER" };
        conn.execute_batch(&format!("DROP {what} {}", quote(&step.name)))
            .map_err(sqlite(doing()))?;
    }
    Ok(steps)
}

/// Builds what is pending, each step with its note in one transaction, and calls `each` before it.
pub(crate) fn attach(
    conn: &mut Connection,
    migration: &str,
    each: &mut dyn FnMut(&Step) -> Result<()>,
) -> Result<()> {
    for (ordinal, step) in State::pending(conn, migration)? {
        each(&step)?;
        let doing = || format!("building {} {}", step.what, step.name);
        let transaction = conn
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(sqlite(doing()))?;
        transaction.execute_batch(&step.sql).map_err(sqlite(doing()))?;
        State::done(&transaction, migration, ordinal)?;
        transaction.commit().map_err(sqlite(doing()))?;
    }
    Ok(())
}

/// Returns the statements that fill the indexes of words of a database: FTS5 tables whose content is
/// another table.
pub(crate) fn rebuild_words(conn: &Connection, tables: &[Table]) -> Result<Vec<Step>> {
    let doing = || "looking for indexes of words";
    let mut statement = conn
        .prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%USING fts5%'",
        )
        .map_err(sqlite(doing()))?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .map_err(sqlite(doing()))?;
    let mut steps = Vec::new();
    for row in rows {
        let (name, sql) = row.map_err(sqlite(doing()))?;
        let of_a_table = |table: &Table| sql.contains(&format!("content = '{}'", table.sqlite));
        if tables.iter().any(of_a_table) {
            let quoted = quote(&name);
            let sql = format!("INSERT INTO {quoted} ({quoted}) VALUES ('rebuild')");
            steps.push(Step { what: "index of words".into(), name, sql });
        }
    }
    Ok(steps)
}

/// Fails with the first rows that refer to nothing.
pub(crate) fn check_foreign_keys(conn: &Connection) -> Result<Vec<(String, Option<i64>, String)>> {
    let doing = || "checking foreign keys";
    let mut statement = conn.prepare("PRAGMA foreign_key_check").map_err(sqlite(doing()))?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(sqlite(doing()))?;
    rows.take(100).collect::<rusqlite::Result<_>>().map_err(sqlite(doing()))
}

/// Empties tables.
pub(crate) fn clear(conn: &Connection, tables: &[Table]) -> Result<()> {
    for table in tables.iter().rev() {
        conn.execute_batch(&format!("DELETE FROM {}", quote(&table.sqlite)))
            .map_err(sqlite(format!("emptying table {}", table.sqlite)))?;
    }
    Ok(())
}

/// Sets the counter behind an AUTOINCREMENT column ahead of `value`.
///
/// A column that only aliases the row number has no counter: SQLite takes the highest and one more.
pub(crate) fn advance(conn: &Connection, table: &str, value: i64) -> Result<()> {
    let doing = || format!("setting the counter of table {table}");
    if !counts(conn, table)? {
        return Ok(());
    }
    let changed = conn
        .execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", (table, value))
        .map_err(sqlite(doing()))?;
    if changed == 0 {
        conn.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, value))
            .map_err(sqlite(doing()))?;
    }
    Ok(())
}

/// Tells whether a table has an AUTOINCREMENT column.
pub(crate) fn counts(conn: &Connection, table: &str) -> Result<bool> {
    let found: Option<crate::catalog::sqlite::Table> =
        crate::catalog::sqlite::read(conn)?.tables.into_iter().find(|one| one.name == table);
    Ok(found.is_some_and(|table| table.autoincrement))
}

/// Returns what the counter behind an AUTOINCREMENT column stands at; `None` when there is none.
pub(crate) fn counter(conn: &Connection, table: &str) -> Result<Option<i64>> {
    let doing = || format!("reading the counter of table {table}");
    let there: bool = conn
        .query_row(
            "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'sqlite_sequence'",
            [],
            |row| row.get(0),
        )
        .map_err(sqlite(doing()))?;
    if !there {
        return Ok(None);
    }
    let mut statement =
        conn.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?1").map_err(sqlite(doing()))?;
    let mut rows = statement.query([table]).map_err(sqlite(doing()))?;
    match rows.next().map_err(sqlite(doing()))? {
        Some(row) => row.get(0).map(Some).map_err(sqlite(doing())),
        None => Ok(None),
    }
}

/// Refuses a database that is damaged.
pub(crate) fn check_pages(conn: &Connection) -> Result<()> {
    let doing = || "checking the source for damage";
    let mut statement = conn.prepare("PRAGMA quick_check(1000)").map_err(sqlite(doing()))?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(sqlite(doing()))?;
    let answers: Vec<String> = rows.collect::<rusqlite::Result<_>>().map_err(sqlite(doing()))?;
    // Values that break a rule of their table are not damage: they are looked at one by one.
    let is_damage = |answer: &&String| {
        let rules = [
            "CHECK constraint failed in ",
            "NULL value in ",
            "TEXT value in ",
            "NUMERIC value in ",
        ];
        *answer != "ok"
            && !answer.starts_with("non-")
            && !rules.iter().any(|rule| answer.starts_with(rule))
    };
    let Some(answer) = answers.iter().find(is_damage) else { return Ok(()) };
    Err(Error::refused(format!(
        "the source is damaged: {answer}. Restore it from a backup, or recover what can be read \
         with `sqlite3 old.db .recover | sqlite3 new.db`"
    )))
}
