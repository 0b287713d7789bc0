//! Reading sources: which tables of Orcheo they have, and their rows.

use std::collections::BTreeMap;

use super::catalogue::{self, Becomes, CATALOGUE, Table};
use super::options::Source;
use super::postgres::PostgresReader;
use super::report::Tally;
use super::row::Row;
use super::sqlite::SqliteReader;
use crate::error::{Error, Result};

/// The tables of a source with their columns.
pub(super) type Found = BTreeMap<String, Vec<String>>;

/// A source in the transaction it is read in.
pub(super) struct Reader {
    name: String,
    found: Found,
    kind: Kind,
}

enum Kind {
    Sqlite(SqliteReader),
    Postgres(PostgresReader),
}

impl Reader {
    /// Begins to read a source.
    pub(super) fn open(source: Source, tally: &mut Tally) -> Result<Self> {
        let name = source.name();
        let (found, kind) = match source {
            Source::Sqlite(path) => {
                let reader = SqliteReader::open(&path)?;
                (reader.tables()?, Kind::Sqlite(reader))
            }
            Source::Postgres { client, .. } => {
                let reader = PostgresReader::open(*client)?;
                (reader.tables()?, Kind::Postgres(reader))
            }
        };
        let mut this = Self { name, found, kind };
        this.check()?;
        this.name_unmapped(tally)?;
        Ok(this)
    }

    /// Tells whether the source has a table.
    pub(super) fn has(&self, table: &Table) -> bool {
        self.found.contains_key(table.name)
    }

    /// Hands out the rows of a table, in its order.
    pub(super) fn rows(
        &mut self,
        table: &'static Table,
        each: &mut dyn FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let Some(there) = self.found.get(table.name) else { return Ok(()) };
        let named = |name: &str| there.iter().any(|one| one == name);
        let columns: Vec<&'static str> =
            table.columns.iter().map(|column| column.name).filter(|name| named(name)).collect();
        let order: Vec<&'static str> =
            table.order.iter().copied().filter(|name| named(name)).collect();
        match &mut self.kind {
            Kind::Sqlite(reader) => reader.rows(table, &columns, &order, each),
            Kind::Postgres(reader) => reader.rows(table, &columns, &order, each),
        }
    }

    /// Refuses what is no database of Orcheo.
    fn check(&self) -> Result<()> {
        if let Some(journal) = self.found.keys().find(|name| is_journal(name)) {
            return Err(Error::refused(format!(
                "{} has the table {journal}: it is a database of the stores, move it with \
                 --layout stores",
                self.name
            )));
        }
        if !self.found.keys().any(|name| catalogue::find(name).is_some()) {
            return Err(Error::refused(format!(
                "{} has none of the tables of Orcheo: check the path, or use --layout auto",
                self.name
            )));
        }
        for table in CATALOGUE {
            let Some(there) = self.found.get(table.name) else { continue };
            let lacks = |name: &str| !there.iter().any(|one| one == name);
            if let Some(column) = table.columns.iter().find(|one| one.always && lacks(one.name)) {
                return Err(Error::refused(format!(
                    "{}: the table {} has no column {}, so that it is not a table of Orcheo",
                    self.name, table.name, column.name
                )));
            }
        }
        Ok(())
    }

    /// Names what becomes nothing: tables and columns nobody knows, and those left out.
    fn name_unmapped(&mut self, tally: &mut Tally) -> Result<()> {
        for (name, columns) in self.found.clone() {
            let Some(table) = catalogue::find(&name) else {
                let rows = self.count(&name, None)?;
                tally.unmapped(&name, None, "is no table that the stores have a place for", rows);
                continue;
            };
            tally.table(table.name);
            for column in &columns {
                let known = table.columns.iter().find(|one| one.name == column);
                let reason = match known.map(|one| one.becomes) {
                    Some(Becomes::Columns(_)) => continue,
                    Some(Becomes::Nothing(reason)) => reason,
                    None => "is no column that this release knows",
                };
                let rows = self.count(&name, Some(column))?;
                tally.unmapped(&name, Some(column), reason, rows);
            }
        }
        Ok(())
    }

    /// Counts the rows of a table, or those with a value in a column.
    fn count(&mut self, table: &str, column: Option<&str>) -> Result<u64> {
        match &mut self.kind {
            Kind::Sqlite(reader) => reader.count(table, column),
            Kind::Postgres(reader) => reader.count(table, column),
        }
    }
}

/// Tells whether a table is the journal of a store.
fn is_journal(name: &str) -> bool {
    name.starts_with("store_") && name.ends_with("_migrations")
}

/// Quotes the name of a table or column.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Makes the query that counts.
pub(super) fn count_sql(table: &str, column: Option<&str>) -> String {
    let counted = column.map_or_else(|| "*".to_owned(), quoted);
    format!("SELECT count({counted}) FROM {}", quoted(table))
}
