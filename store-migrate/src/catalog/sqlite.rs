//! The catalogue of a SQLite database: `sqlite_schema` and the pragmas that explain it.

mod model;
mod table;

use rusqlite::Connection;

use crate::error::{Error, Result, sqlite};

pub use model::{
    Catalog, Column, ForeignKey, Index, IndexColumn, Object, Origin, Table, Virtual, Visibility,
};

/// A line of `sqlite_schema`.
struct Entry {
    kind: String,
    name: String,
    table: String,
    sql: Option<String>,
}

/// Reads the catalogue of the main database.
///
/// Tables come in the order they were made; the ones of SQLite itself are left out.
///
/// # Errors
///
/// Fails when SQLite cannot read its schema.
pub fn read(conn: &Connection) -> Result<Catalog> {
    let entries = entries(conn)?;
    let listed = listed(conn)?;
    let mut catalog = Catalog::default();
    for entry in entries.iter().filter(|entry| entry.kind == "table") {
        if let Some(module) = module(entry.sql.as_deref()) {
            catalog.virtual_tables.push(Virtual {
                name: entry.name.clone(),
                module,
                sql: sql_of(entry),
                shadows: Vec::new(),
            });
        }
    }
    for entry in entries {
        let object =
            || Object { name: entry.name.clone(), table: entry.table.clone(), sql: sql_of(&entry) };
        match entry.kind.as_str() {
            "view" => catalog.views.push(object()),
            "trigger" => catalog.triggers.push(object()),
            "table" if internal(&entry.name) || catalog.virtual_table(&entry.name).is_some() => {}
            "table" => {
                let shape = listed.iter().find(|shape| shape.name == entry.name);
                if !note_shadow(&mut catalog, &entry.name, shape) {
                    let shape = shape.ok_or_else(|| {
                        Error::refused(format!("SQLite does not list its table {}", entry.name))
                    })?;
                    let table = table::read(conn, &entry.name, sql_of(&entry), shape)?;
                    catalog.tables.push(table);
                }
            }
            _ => {}
        }
    }
    Ok(catalog)
}

/// What `pragma_table_list` adds to a name.
#[derive(Debug, Clone)]
struct Shape {
    name: String,
    kind: String,
    without_rowid: bool,
    strict: bool,
}

fn entries(conn: &Connection) -> Result<Vec<Entry>> {
    let doing = "reading sqlite_schema";
    let mut statement = conn
        .prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY rowid")
        .map_err(sqlite(doing))?;
    let rows = statement
        .query_map([], |row| {
            Ok(Entry { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
        })
        .map_err(sqlite(doing))?;
    rows.collect::<Result<_, _>>().map_err(sqlite(doing))
}

fn listed(conn: &Connection) -> Result<Vec<Shape>> {
    let doing = "listing the tables";
    let mut statement = conn
        .prepare("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'")
        .map_err(sqlite(doing))?;
    let rows = statement
        .query_map([], |row| {
            Ok(Shape {
                name: row.get(0)?,
                kind: row.get(1)?,
                without_rowid: row.get(2)?,
                strict: row.get(3)?,
            })
        })
        .map_err(sqlite(doing))?;
    rows.collect::<Result<_, _>>().map_err(sqlite(doing))
}

/// Files a table that keeps the data of a virtual one under it, and says whether it is one.
fn note_shadow(catalog: &mut Catalog, name: &str, shape: Option<&Shape>) -> bool {
    let sure = shape.is_some_and(|shape| shape.kind == "shadow");
    let owner = catalog.virtual_tables.iter_mut().filter(|owner| owner.has_shadow(name, sure));
    match owner.max_by_key(|owner| owner.name.len()) {
        Some(owner) => {
            owner.shadows.push(name.to_owned());
            true
        }
        None => false,
    }
}

/// Returns whether SQLite keeps a table for itself.
fn internal(name: &str) -> bool {
    name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"))
}

fn sql_of(entry: &Entry) -> String {
    // Only the indexes of constraints have no SQL.
    entry.sql.clone().unwrap_or_default()
}

/// Returns the module of `CREATE VIRTUAL TABLE … USING module`.
fn module(sql: Option<&str>) -> Option<String> {
    let tokens = super::tokens::tokens(sql?)?;
    let word = |place: usize, word: &str| tokens.get(place).is_some_and(|token| token.is(word));
    if !(word(0, "CREATE") && word(1, "VIRTUAL")) {
        return None;
    }
    let using = tokens.iter().position(|token| token.is("USING"))?;
    tokens.get(using + 1)?.name()
}

#[cfg(test)]
mod tests;
