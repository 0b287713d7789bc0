//! A SQLite file as a source.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::catalogue::Table;
use super::cell::Cell;
use super::row::Row;
use super::source::{Found, count_sql, quoted};
use crate::error::{Error, Result, file, sqlite};

/// A file in the transaction it is read in.
pub(super) struct SqliteReader {
    conn: Connection,
    path: String,
}

impl SqliteReader {
    /// Opens a file to read, and takes the snapshot that everything is read from.
    pub(super) fn open(path: &Path) -> Result<Self> {
        // SQLite only says that it cannot open it.
        let kind = std::fs::metadata(path).map_err(file(path))?;
        if !kind.is_file() {
            return Err(Error::refused(format!("{} is not a file", path.display())));
        }
        let shown = path.display().to_string();
        let doing = format!("opening {shown}");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(sqlite(&doing))?;
        conn.busy_timeout(std::time::Duration::from_secs(10)).map_err(sqlite(&doing))?;
        // The transaction begins with the first read.
        conn.execute_batch("BEGIN").map_err(sqlite(&doing))?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
            .map_err(sqlite(doing))?;
        Ok(Self { conn, path: shown })
    }

    fn doing(&self, what: &str) -> String {
        format!("reading {what} of {}", self.path)
    }

    /// Lists the tables with their columns.
    pub(super) fn tables(&self) -> Result<Found> {
        const TABLES: &str = "SELECT one.name, part.name FROM pragma_table_list AS one \
             JOIN pragma_table_info(one.name) AS part \
             WHERE one.schema = 'main' AND one.type IN ('table', 'virtual') \
             AND one.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let doing = self.doing("the schema");
        let mut statement = self.conn.prepare(TABLES).map_err(sqlite(&doing))?;
        let mut found = Found::new();
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
            .map_err(sqlite(&doing))?;
        for row in rows {
            let (table, column) = row.map_err(sqlite(&doing))?;
            found.entry(table).or_default().push(column);
        }
        Ok(found)
    }

    /// Counts the rows of a table, or those with a value in a column.
    pub(super) fn count(&self, table: &str, column: Option<&str>) -> Result<u64> {
        let count: i64 = self
            .conn
            .query_row(&count_sql(table, column), [], |row| row.get(0))
            .map_err(sqlite(self.doing(table)))?;
        Ok(count.unsigned_abs())
    }

    /// Hands out the rows of a table.
    pub(super) fn rows(
        &self,
        table: &'static Table,
        columns: &[&'static str],
        order: &[&'static str],
        each: &mut dyn FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let list =
            |names: &[&str]| names.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {}",
            list(columns),
            quoted(table.name),
            list(order)
        );
        let doing = self.doing(table.name);
        let mut statement = self.conn.prepare(&sql).map_err(sqlite(&doing))?;
        let mut rows = statement.query([]).map_err(sqlite(&doing))?;
        while let Some(row) = rows.next().map_err(sqlite(&doing))? {
            let mut cells = Vec::with_capacity(columns.len());
            for (place, column) in columns.iter().enumerate() {
                let value = row.get_ref(place).map_err(sqlite(&doing))?;
                cells.push((*column, cell(value)));
            }
            each(Row::new(table, cells))?;
        }
        Ok(())
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) => Cell::Text(bytes.to_vec()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}
