//! Reading tables in one snapshot.

use std::collections::HashMap;
use std::io::Read as _;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, MAIN_DB, params_from_iter};

use super::{position, quote};
use crate::error::sqlite;
use crate::model::{Kind, SqliteOrder, Table};
use crate::scan::{From, LARGE_BYTES, Origin, PIECE_BYTES, Row, Source, Visit};
use crate::value::{Unconvertible, Value, read};
use crate::{Error, Result};

/// A database in one read transaction: whatever others write meanwhile, it does not change.
pub(crate) struct Snapshot {
    conn: Connection,
    /// Rows that count as ones that do not convert: of each table the row number, the column, and
    /// why.
    aside: Aside,
}

/// Rows to set aside: by table and row number, a column and the reason.
pub(crate) type Aside = HashMap<String, HashMap<i64, (String, Unconvertible)>>;

impl Snapshot {
    /// Begins the transaction.
    pub(crate) fn begin(conn: Connection) -> Result<Self> {
        let doing = || "beginning to read the source";
        conn.execute_batch("BEGIN").map_err(sqlite(doing()))?;
        // A snapshot is taken by the first look, not by BEGIN.
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_row| Ok(()))
            .map_err(sqlite(doing()))?;
        Ok(Self { conn, aside: Aside::new() })
    }

    /// Lets rows count as ones that do not convert.
    pub(crate) fn set_aside(&mut self, aside: Aside) {
        self.aside = aside;
    }

    /// Returns the connection, for what is read beside rows.
    pub(crate) const fn conn(&self) -> &Connection {
        &self.conn
    }
}

impl Source for Snapshot {
    fn scan(&mut self, table: &Table, from: From<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let doing = || format!("reading table {}", table.sqlite);
        let query = Query::of(table, from)?;
        let mut statement = self.conn.prepare(&query.sql).map_err(sqlite(doing()))?;
        let binds = query.bind(table, from)?;
        let aside = self.aside.get(&table.sqlite);
        let mut rows = statement.query(params_from_iter(binds)).map_err(sqlite(doing()))?;
        while let Some(row) = rows.next().map_err(sqlite(doing()))? {
            let origin = Stored { conn: &self.conn, table, query: &query, row };
            let mut row = origin.row()?;
            if let Some(aside) = aside
                && let Some((column, reason)) = row.rowid.and_then(|rowid| aside.get(&rowid))
            {
                let place = table.columns.iter().position(|one| one.sqlite == *column);
                // A column that is generated is not moved: then the row is told by its first.
                if let Some(value) = row.values.get_mut(place.unwrap_or(0)) {
                    *value = Err(reason.clone());
                }
            }
            visit(row)?;
        }
        Ok(())
    }
}

/// The statement that reads a table, and where its columns stand in the result.
struct Query {
    sql: String,
    /// For each column its place, and that of its length when it may be a large blob.
    places: Vec<(usize, Option<usize>)>,
    rowid: Option<usize>,
    /// What it is ordered by, as SQL.
    order: Vec<String>,
}

impl Query {
    fn of(table: &Table, from: From<'_>) -> Result<Self> {
        let mut selected = Vec::new();
        let mut places = Vec::with_capacity(table.columns.len());
        let alias = match &table.order {
            SqliteOrder::Rowid(alias) => Some(quote(alias)),
            SqliteOrder::Key | SqliteOrder::None => None,
        };
        for column in &table.columns {
            let name = quote(&column.sqlite);
            places.push((selected.len(), None));
            match (column.kind, &alias) {
                (Kind::SearchWords, _) => selected.push("NULL".to_owned()),
                // Only a row with a number can have a blob that is read apart. Neither the type nor
                // the length of a column makes SQLite read the rest of it.
                (Kind::Blob, Some(_)) => {
                    let large =
                        format!("typeof({name}) = 'blob' AND length({name}) > {LARGE_BYTES}");
                    places.pop();
                    places.push((selected.len(), Some(selected.len() + 1)));
                    selected.push(format!("CASE WHEN {large} THEN NULL ELSE {name} END"));
                    selected.push(format!("CASE WHEN {large} THEN length({name}) END"));
                }
                _ => selected.push(name),
            }
        }
        let order = match &table.order {
            SqliteOrder::Rowid(alias) => vec![quote(alias)],
            SqliteOrder::Key => key_of(table)?,
            SqliteOrder::None => Vec::new(),
        };
        let rowid = alias.map(|alias| {
            selected.push(alias);
            selected.len() - 1
        });
        let mut sql = format!("SELECT {} FROM {}", selected.join(", "), quote(&table.sqlite));
        if let From::Behind(_) = from {
            let marks = vec!["?"; order.len()].join(", ");
            sql = format!("{sql} WHERE ({}) > ({marks})", order.join(", "));
        }
        if let From::Changed(..) = from {
            let key = key_of(table)?;
            let recorded: Vec<_> = (0..key.len()).map(|place| format!("k{place}")).collect();
            sql = format!(
                "{sql} WHERE ({}) IN (SELECT {} FROM _migrate_changes \
                 WHERE seq > ? AND seq <= ? AND tbl = ?)",
                key.join(", "),
                recorded.join(", ")
            );
        }
        if matches!(from, From::Start | From::Behind(_)) && !order.is_empty() {
            sql = format!("{sql} ORDER BY {}", order.join(", "));
        }
        Ok(Self { sql, places, rowid, order })
    }

    fn bind(&self, table: &Table, from: From<'_>) -> Result<Vec<rusqlite::types::Value>> {
        use rusqlite::types::Value::{Integer, Text};

        let values = match from {
            From::Anywhere | From::Start => return Ok(Vec::new()),
            From::Changed(_, span) => {
                return Ok(vec![
                    Integer(span.after),
                    Integer(span.upto),
                    Text(table.sqlite.clone()),
                ]);
            }
            From::Behind(text) => position::read(text)?,
        };
        if values.len() != self.order.len() || values.is_empty() {
            return Err(Error::refused("the position of the migration is that of another table"));
        }
        Ok(values)
    }
}

fn key_of(table: &Table) -> Result<Vec<String>> {
    table
        .key
        .iter()
        .map(|place| table.columns.get(*place).map(|column| quote(&column.sqlite)))
        .collect::<Option<Vec<_>>>()
        .filter(|key| !key.is_empty())
        .ok_or_else(|| {
            Error::refused(format!("table {} is to be read by a key it has not", table.sqlite))
        })
}

/// A row where it is stored.
struct Stored<'s> {
    conn: &'s Connection,
    table: &'s Table,
    query: &'s Query,
    row: &'s rusqlite::Row<'s>,
}

impl Stored<'_> {
    fn row(&self) -> Result<Row<'_>> {
        let rowid = match self.query.rowid {
            Some(place) => Some(self.row.get(place).map_err(self.failed())?),
            None => None,
        };
        let mut values = Vec::with_capacity(self.table.columns.len());
        for (column, (place, length)) in self.table.columns.iter().zip(&self.query.places) {
            if let Some(length) = length
                && let ValueRef::Integer(length) = self.field(*length)?
            {
                let length = u64::try_from(length).unwrap_or(0);
                values.push(Ok(Value::LargeBlob(length)));
                continue;
            }
            values.push(read(column.kind, self.field(*place)?));
        }
        Ok(Row { values, rowid, origin: self })
    }

    fn field(&self, place: usize) -> Result<ValueRef<'_>> {
        self.row.get_ref(place).map_err(self.failed())
    }

    fn failed(&self) -> impl FnOnce(rusqlite::Error) -> Error + use<> {
        sqlite(format!("reading table {}", self.table.sqlite))
    }
}

impl Origin for Stored<'_> {
    fn large(
        &self,
        column: usize,
        rowid: Option<i64>,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let (Some(rowid), Some(column)) = (rowid, self.table.columns.get(column)) else {
            return Err(Error::refused("a large blob of a row without a number"));
        };
        let mut blob = self
            .conn
            .blob_open(MAIN_DB, self.table.sqlite.as_str(), column.sqlite.as_str(), rowid, true)
            .map_err(self.failed())?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = blob.read(&mut piece).map_err(|error| {
                Error::refused(format!("reading {}.{}: {error}", self.table.sqlite, column.sqlite))
            })?;
            if read == 0 {
                return Ok(());
            }
            take(&piece[..read])?;
        }
    }

    fn position(&self) -> Result<String> {
        let values = match (&self.table.order, self.query.rowid) {
            (SqliteOrder::Rowid(_), Some(place)) => vec![self.field(place)?],
            (SqliteOrder::Key, _) => {
                let places = self.table.key.iter().filter_map(|key| self.query.places.get(*key));
                places.map(|(place, _)| self.field(*place)).collect::<Result<_>>()?
            }
            _ => Vec::new(),
        };
        Ok(position::write(&values))
    }

    fn raw(&self, column: usize) -> Result<(String, Vec<u8>)> {
        let place = self.query.places.get(column).map_or(column, |(place, _)| *place);
        Ok(match self.field(place)? {
            ValueRef::Null => ("null".into(), Vec::new()),
            ValueRef::Integer(value) => ("integer".into(), value.to_string().into_bytes()),
            ValueRef::Real(value) => ("real".into(), value.to_string().into_bytes()),
            ValueRef::Text(bytes) => ("text".into(), bytes.to_vec()),
            ValueRef::Blob(bytes) => ("blob".into(), bytes.to_vec()),
        })
    }
}
