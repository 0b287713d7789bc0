//! What two rows of a table cannot have in common: such a row makes `REPLACE` delete another.

use rusqlite::Connection;

use super::index_sql::{self, Parts};
use crate::error::sqlite;
use crate::model::{SqliteOrder, Table};
use crate::sqlite::quote;
use crate::{Error, Result};

/// A condition, in SQL, on rows of a table that are in the way of the row `NEW` of a trigger.
pub(super) type InTheWay = String;

struct Column {
    name: String,
    primary: bool,
}

/// Returns the conditions of a table, but that of its planned key: the change of that key is
/// recorded anyway.
///
/// # Errors
/// `Refused` for an index whose statement is not understood; what SQLite says.
pub(super) fn in_the_way(conn: &Connection, table: &Table) -> Result<Vec<InTheWay>> {
    let columns = columns_of(conn, &table.sqlite)?;
    let key: Vec<&str> = table
        .key
        .iter()
        .filter_map(|place| Some(table.columns.get(*place)?.sqlite.as_str()))
        .collect();
    let mut found = Vec::new();
    let primary: Vec<&str> =
        columns.iter().filter(|one| one.primary).map(|one| one.name.as_str()).collect();
    if primary_is_row_number(conn, table, &primary)? {
        if !same(&primary, &key) {
            found.push(plain(&primary));
        }
    } else if let Some(alias) = row_number(conn, table, &columns)? {
        found.push(plain(&[&alias]));
    }
    let mut indexes = conn
        .prepare(
            "SELECT i.name, i.partial, s.sql FROM pragma_index_list(?1) AS i \
             LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = i.name \
             WHERE i.\"unique\" = 1 ORDER BY i.name",
        )
        .map_err(sqlite(doing(table)))?;
    let rows = indexes
        .query_map([&table.sqlite], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, Option<String>>(2)?))
        })
        .map_err(sqlite(doing(table)))?;
    for row in rows {
        let (name, partial, sql) = row.map_err(sqlite(doing(table)))?;
        let terms = terms_of(conn, table, &name)?;
        let names: Option<Vec<&str>> = terms.iter().map(|(name, _)| name.as_deref()).collect();
        // One that tells apart by another collation than the key does keep more rows apart or fewer.
        let binary = terms.iter().all(|(_, collation)| collation == "BINARY");
        if !partial && binary && names.is_some_and(|names| same(&names, &key)) {
            continue;
        }
        let parts = sql.as_deref().map(|sql| parts_of(table, &name, sql)).transpose()?;
        found.push(condition(table, &name, &columns, &terms, parts)?);
    }
    found.dedup();
    Ok(found)
}

fn doing(table: &Table) -> String {
    format!("looking at the unique keys of table {}", table.sqlite)
}

fn columns_of(conn: &Connection, table: &str) -> Result<Vec<Column>> {
    let doing = || format!("looking at table {table}");
    let mut statement = conn
        .prepare("SELECT name, pk > 0 FROM pragma_table_xinfo(?1) ORDER BY pk, cid")
        .map_err(sqlite(doing()))?;
    let rows = statement
        .query_map([table], |row| Ok(Column { name: row.get(0)?, primary: row.get(1)? }))
        .map_err(sqlite(doing()))?;
    rows.collect::<rusqlite::Result<_>>().map_err(sqlite(doing()))
}

fn without_rowid(conn: &Connection, table: &Table) -> Result<bool> {
    conn.query_row(
        "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1",
        [&table.sqlite],
        |row| row.get(0),
    )
    .map_err(sqlite(doing(table)))
}

/// Tells whether the primary key is `INTEGER PRIMARY KEY`: it needs no index.
fn primary_is_row_number(conn: &Connection, table: &Table, primary: &[&str]) -> Result<bool> {
    if primary.len() != 1 || without_rowid(conn, table)? {
        return Ok(false);
    }
    conn.query_row(
        "SELECT count(*) = 0 FROM pragma_index_list(?1) WHERE origin = 'pk'",
        [&table.sqlite],
        |row| row.get(0),
    )
    .map_err(sqlite(doing(table)))
}

/// Returns a name of the row number, when the table has one that no column hides.
fn row_number(conn: &Connection, table: &Table, columns: &[Column]) -> Result<Option<String>> {
    if let SqliteOrder::Rowid(alias) = &table.order {
        return Ok(Some(alias.clone()));
    }
    if without_rowid(conn, table)? {
        return Ok(None);
    }
    let hidden =
        |alias: &&str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(alias));
    Ok(["rowid", "_rowid_", "oid"].into_iter().find(|alias| !hidden(alias)).map(str::to_owned))
}

fn same(names: &[&str], key: &[&str]) -> bool {
    names.len() == key.len()
        && names.iter().all(|name| key.iter().any(|other| other.eq_ignore_ascii_case(name)))
}

fn plain(names: &[&str]) -> InTheWay {
    let terms: Vec<_> = names.iter().map(|name| format!("{0} = NEW.{0}", quote(name))).collect();
    terms.join(" AND ")
}

/// Returns the terms of an index: the name of a column, or none for an expression, and a collation.
fn terms_of(
    conn: &Connection,
    table: &Table,
    index: &str,
) -> Result<Vec<(Option<String>, String)>> {
    let mut statement = conn
        .prepare("SELECT name, coll FROM pragma_index_xinfo(?1) WHERE \"key\" = 1 ORDER BY seqno")
        .map_err(sqlite(doing(table)))?;
    let rows = statement
        .query_map([index], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(sqlite(doing(table)))?;
    rows.collect::<rusqlite::Result<_>>().map_err(sqlite(doing(table)))
}

fn parts_of(table: &Table, index: &str, sql: &str) -> Result<Parts> {
    index_sql::parts(sql).ok_or_else(|| {
        Error::refused(format!(
            "index {index} of table {} is written in a way that is not understood; changes of the \
             table cannot be captured",
            table.sqlite
        ))
    })
}

fn condition(
    table: &Table,
    index: &str,
    columns: &[Column],
    terms: &[(Option<String>, String)],
    parts: Option<Parts>,
) -> Result<InTheWay> {
    let mut conditions = Vec::new();
    for (place, (name, collation)) in terms.iter().enumerate() {
        let collation = quote(collation);
        if let Some(name) = name {
            let name = quote(name);
            conditions.push(format!("{name} COLLATE {collation} = NEW.{name}"));
            continue;
        }
        let term = parts.as_ref().and_then(|parts| parts.terms.get(place));
        let Some(term) = term else {
            return Err(Error::refused(format!("index {index} of {} has no term", table.sqlite)));
        };
        conditions.push(format!("({term}) COLLATE {collation} = {}", of_new(table, columns, term)));
    }
    // Rows outside a partial index are in nobody's way. Whether the new row is in it does not
    // matter: a change too many is harmless.
    if let Some(condition) = parts.and_then(|parts| parts.condition) {
        conditions.push(format!("({condition})"));
    }
    Ok(conditions.join(" AND "))
}

/// Evaluates an expression for the new row: its columns are given the names they have in the table.
fn of_new(table: &Table, columns: &[Column], term: &str) -> String {
    let new: Vec<_> = columns
        .iter()
        .map(|column| quote(&column.name))
        .map(|name| format!("NEW.{name} AS {name}"))
        .collect();
    format!("(SELECT ({term}) FROM (SELECT {}) AS {})", new.join(", "), quote(&table.sqlite))
}
