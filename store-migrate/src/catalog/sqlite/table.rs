//! One table of the catalogue, by the pragmas that explain it.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::Shape;
use super::model::{Column, ForeignKey, Index, IndexColumn, Origin, Table, Visibility};
use crate::error::{Error, Result, sqlite};

pub(super) fn read(conn: &Connection, name: &str, sql: String, shape: &Shape) -> Result<Table> {
    let (columns, primary_key, autoincrement) = columns(conn, name)?;
    let sequence = if autoincrement { sequence(conn, name)? } else { None };
    Ok(Table {
        name: name.to_owned(),
        sql,
        without_rowid: shape.without_rowid,
        strict: shape.strict,
        autoincrement,
        sequence,
        columns,
        primary_key,
        foreign_keys: foreign_keys(conn, name)?,
        indexes: indexes(conn, name)?,
    })
}

fn columns(conn: &Connection, table: &str) -> Result<(Vec<Column>, Vec<usize>, bool)> {
    let listed = list(
        conn,
        table,
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main')",
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, bool>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, u32>(4)?,
                row.get::<_, u8>(5)?,
            ))
        },
    )?;
    let mut key: Vec<(u32, usize)> = Vec::new();
    let mut columns = Vec::with_capacity(listed.len());
    let mut autoincrement = false;
    for (place, (name, declared, not_null, default, pk, hidden)) in listed.into_iter().enumerate() {
        if pk > 0 {
            key.push((pk, place));
        }
        let doing = || format!("reading column {name} of {table}");
        let (_, collation, _, _, counts) = conn
            .column_metadata(Some("main"), table, name.as_str())
            .map_err(|source| Error::Sqlite { doing: doing(), source })?;
        autoincrement |= counts;
        // SQLite has a collation for every column of a table.
        let collation = collation
            .map_or_else(|| "BINARY".to_owned(), |name| name.to_string_lossy().into_owned());
        let visibility = match hidden {
            0 => Visibility::Plain,
            2 => Visibility::GeneratedVirtual,
            3 => Visibility::GeneratedStored,
            _ => Visibility::Hidden,
        };
        columns.push(Column { name, declared, not_null, default, visibility, collation });
    }
    key.sort_unstable();
    Ok((columns, key.into_iter().map(|(_, place)| place).collect(), autoincrement))
}

fn sequence(conn: &Connection, table: &str) -> Result<Option<i64>> {
    conn.query_row("SELECT seq FROM main.sqlite_sequence WHERE name = ?1", [table], |row| {
        row.get(0)
    })
    .optional()
    .map_err(sqlite(format!("reading the sequence of {table}")))
}

/// Foreign keys come last first, each with a line for every column of it.
fn foreign_keys(conn: &Connection, table: &str) -> Result<Vec<ForeignKey>> {
    let lines = list(
        conn,
        table,
        "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete
         FROM pragma_foreign_key_list(?1, 'main') ORDER BY id DESC, seq",
        |row| {
            let key = ForeignKey {
                parent: row.get(1)?,
                columns: vec![row.get(2)?],
                parent_columns: row.get::<_, Option<String>>(3)?.into_iter().collect(),
                on_update: row.get(4)?,
                on_delete: row.get(5)?,
            };
            Ok((row.get::<_, i64>(0)?, key))
        },
    )?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    for (id, line) in lines {
        match keys.last_mut() {
            Some((last, key)) if *last == id => {
                key.columns.extend(line.columns);
                key.parent_columns.extend(line.parent_columns);
            }
            _ => keys.push((id, line)),
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// Indexes, too, come last first.
fn indexes(conn: &Connection, table: &str) -> Result<Vec<Index>> {
    let mut indexes = list(
        conn,
        table,
        "SELECT i.name, s.sql, i.\"unique\", i.origin, i.partial
         FROM pragma_index_list(?1, 'main') AS i
         LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = i.name
         ORDER BY i.seq DESC",
        |row| {
            Ok(Index {
                name: row.get(0)?,
                sql: row.get(1)?,
                unique: row.get(2)?,
                origin: match row.get::<_, String>(3)?.as_str() {
                    "pk" => Origin::PrimaryKey,
                    "u" => Origin::Unique,
                    _ => Origin::Created,
                },
                partial: row.get(4)?,
                columns: Vec::new(),
            })
        },
    )?;
    for index in &mut indexes {
        index.columns = index_columns(conn, &index.name)?;
    }
    Ok(indexes)
}

fn index_columns(conn: &Connection, index: &str) -> Result<Vec<IndexColumn>> {
    list(
        conn,
        index,
        "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno",
        |row| Ok(IndexColumn { name: row.get(0)?, desc: row.get(1)?, collation: row.get(2)? }),
    )
}

fn list<T>(
    conn: &Connection,
    of: &str,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let doing = || sqlite(format!("reading the schema of {of}"));
    let mut statement = conn.prepare(sql).map_err(doing())?;
    let rows = statement.query_map([of], read).map_err(doing())?;
    rows.collect::<Result<_, _>>().map_err(doing())
}
