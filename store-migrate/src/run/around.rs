//! What stands around the rows of a target: constraints, indexes, counters.

use rusqlite::Connection;
use tokio_postgres::Client;

use crate::error::{postgres as pg_error, sqlite as sqlite_error};
use crate::model::{Column, Step, Table};
use crate::opened::Opened;
use crate::report::Difference;
use crate::sqlite::{check_foreign_keys, quote};
use crate::state::Migration;
use crate::{Result, postgres, sqlite};

/// Returns what is missing around the rows of the target.
pub(crate) async fn around(
    target: Opened,
    migration: &Migration,
) -> Result<(Vec<Difference>, Opened)> {
    let mut found = Vec::new();
    match &target {
        Opened::Postgres(snapshot) => {
            let client = snapshot.client();
            if !migration.id.is_empty() {
                for step in postgres::State::objects(client, &migration.id).await? {
                    if let Some(what) = missing_on_postgres(client, &step).await? {
                        found.push(about(&step, what));
                    }
                }
            }
            for (table, column) in sequences(migration) {
                found.extend(behind_on_postgres(client, table, column).await?);
            }
        }
        // Nothing is loaded into files.
        Opened::Archive(_) => {}
        Opened::Sqlite(snapshot) => {
            let conn = snapshot.conn();
            if !migration.id.is_empty() {
                for step in sqlite::State::objects(conn, &migration.id)? {
                    found.extend(missing_on_sqlite(conn, &step)?);
                }
            }
            for (table, column) in sequences(migration) {
                found.extend(behind_on_sqlite(conn, table, column)?);
            }
            for (table, rowid, parent) in check_foreign_keys(conn)? {
                let key = rowid.map(|rowid| format!("rowid={rowid}")).unwrap_or_default();
                let what = format!("refers to a row of {parent} that is not there");
                found.push(Difference { table, key, columns: Vec::new(), what });
            }
        }
    }
    Ok((found, target))
}

fn sequences(migration: &Migration) -> impl Iterator<Item = (&Table, &Column)> {
    migration.plan.sequences.iter().filter_map(|sequence| {
        let table = migration.plan.tables.get(sequence.table)?;
        Some((table, table.columns.get(sequence.column)?))
    })
}

fn about(step: &Step, what: &str) -> Difference {
    Difference {
        table: format!("{} {}", step.what, step.name),
        key: String::new(),
        columns: Vec::new(),
        what: what.to_owned(),
    }
}

async fn missing_on_postgres(client: &Client, step: &Step) -> Result<Option<&'static str>> {
    let sql = match step.what.as_str() {
        "index" => {
            "SELECT x.indisvalid FROM pg_class i JOIN pg_index x ON x.indexrelid = i.oid \
             WHERE i.relname = $1 AND i.relnamespace = current_schema()::regnamespace"
        }
        // One that is NOT VALID was asked for, and holds for what is written from now on.
        "constraint" | "foreign key" | Step::CHECK => {
            // Those of partitions have the name of their table's.
            "SELECT TRUE FROM pg_constraint WHERE conname = $1 AND conparentid = 0 \
             AND connamespace = current_schema()::regnamespace LIMIT 1"
        }
        _ => return Ok(None),
    };
    let row = client
        .query_opt(sql, &[&step.name])
        .await
        .map_err(pg_error(format!("looking for {} {}", step.what, step.name)))?;
    Ok(match row.map(|row| row.get(0)) {
        None => Some("is missing on the target"),
        Some(false) => Some("is not valid on the target"),
        Some(true) => None,
    })
}

async fn behind_on_postgres(
    client: &Client,
    table: &Table,
    column: &Column,
) -> Result<Option<Difference>> {
    let counter = postgres::counter(client, &table.postgres, &column.postgres).await?;
    let sql =
        format!("SELECT max({})::int8 FROM {}", quote(&column.postgres), quote(&table.postgres));
    let row = client
        .query_one(&sql, &[])
        .await
        .map_err(pg_error(format!("looking at the sequence of {}", table.postgres)))?;
    Ok(behind(table, column, counter, row.get(0)))
}

fn behind_on_sqlite(
    conn: &Connection,
    table: &Table,
    column: &Column,
) -> Result<Option<Difference>> {
    if !sqlite::counts(conn, &table.sqlite)? {
        return Ok(None);
    }
    let counter = sqlite::counter(conn, &table.sqlite)?;
    let sql = format!("SELECT max({}) FROM {}", quote(&column.sqlite), quote(&table.sqlite));
    let highest = conn
        .query_row(&sql, [], |row| row.get(0))
        .map_err(sqlite_error(format!("looking at the counter of {}", table.sqlite)))?;
    Ok(behind(table, column, counter, highest))
}

fn behind(
    table: &Table,
    column: &Column,
    counter: Option<i64>,
    highest: Option<i64>,
) -> Option<Difference> {
    let highest = highest?;
    if counter.is_some_and(|counter| counter >= highest) {
        return None;
    }
    Some(Difference {
        table: table.sqlite.clone(),
        key: String::new(),
        columns: vec![column.sqlite.clone()],
        what: "has a counter behind its rows on the target".to_owned(),
    })
}

fn missing_on_sqlite(conn: &Connection, step: &Step) -> Result<Option<Difference>> {
    if step.what == "index of words" {
        return Ok(None);
    }
    let there: bool = conn
        .query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?1", [&step.name], |row| {
            row.get(0)
        })
        .map_err(sqlite_error(format!("looking for {} {}", step.what, step.name)))?;
    Ok((!there).then(|| about(step, "is missing on the target")))
}
