//! Reads the tables and says what they and their columns are called and become.

use rusqlite::Connection;

use super::column::{Decision, Reading};
use super::create::{self, TableSql};
use super::expression::{self, Term};
use super::map::TableMap;
use super::names::{Names, quote};
use super::table::{Made, MadeColumn};
use super::{AutoOptions, Builder, KEPT, Progress, scan};
use crate::catalog::sqlite::{Column, Origin, Table};
use crate::error::{Error, Result};
use crate::model::PgType;

/// The columns a table of PostgreSQL can have.
const MOST_COLUMNS: usize = 1600;

impl<'a> Builder<'a> {
    /// Reads all tables and says how they are made.
    pub(super) fn read(
        &mut self,
        conn: &Connection,
        options: &AutoOptions,
        progress: &mut dyn FnMut(Progress<'_>) -> Result<()>,
    ) -> Result<()> {
        let names = self.name_tables(options)?;
        for (source, name) in self.sources.clone().into_iter().zip(names) {
            let map = options.map.as_ref().and_then(|map| map.table(&source.name));
            let mut readings = readings(source, map, options);
            let rows = scan::table(conn, source, &mut readings, progress)?;
            let mut made = self.make(source, name, readings, map, rows)?;
            self.create(&mut made);
            self.tables.push(made);
        }
        Ok(())
    }

    /// Tables and indexes get their names before what an operator did not name; those of the map
    /// file first.
    fn name_tables(&mut self, options: &AutoOptions) -> Result<Vec<String>> {
        let mapped = |table: &Table| {
            options
                .map
                .as_ref()
                .and_then(|map| map.table(&table.name))
                .and_then(|map| map.to.clone())
        };
        for table in &self.sources {
            if let Some(to) = mapped(table) {
                take(&mut self.relations, &to, &format!("the table {}", table.name))?;
            }
        }
        let mut names = Vec::with_capacity(self.sources.len());
        for table in self.sources.clone() {
            let name = match mapped(table) {
                Some(to) => to,
                None => {
                    let name = self.relations.relation(&table.name);
                    self.note_name("table", &table.name, &table.name, &name);
                    name
                }
            };
            names.push(name);
        }
        let indexes = self.sources.iter().flat_map(|table| &table.indexes);
        for index in indexes.filter(|index| index.origin == Origin::Created) {
            let name = self.relations.relation(&index.name);
            self.indexes.insert(index.name.clone(), name);
        }
        Ok(names)
    }

    pub(super) fn note_name(&mut self, what: &str, about: &str, from: &str, to: &str) {
        if from != to {
            let why = if from.len() > 63 {
                "is longer than the 63 bytes PostgreSQL keeps of a name"
            } else {
                "is a name PostgreSQL cannot use here"
            };
            self.note(format!("{what} {about}"), format!("{why}; it is called {to}"), None);
        }
    }

    fn make(
        &mut self,
        source: &'a Table,
        name: String,
        readings: Vec<Reading>,
        map: Option<&TableMap>,
        rows: u64,
    ) -> Result<Made<'a>> {
        if source.columns.len() > MOST_COLUMNS {
            return Err(Error::refused(format!(
                "{} has {} columns; a table of PostgreSQL has at most {MOST_COLUMNS}: leave it out \
                 with skip = true in a map file",
                source.name,
                source.columns.len()
            )));
        }
        let names = self.name_columns(source, map)?;
        let mut columns = Vec::with_capacity(names.len());
        for ((column, reading), name) in source.columns.iter().zip(readings).zip(names) {
            columns.push(self.decide(source, column, reading, name));
        }
        let sql = create::table(&source.sql).unwrap_or_else(|| {
            let message =
                "cannot be read: CHECK constraints and generated columns are not carried over";
            self.note(format!("the SQL of table {}", source.name), message, Some(&source.sql));
            TableSql::default()
        });
        self.generate(source, &sql, &mut columns);
        let constraints = Names::default();
        Ok(Made { source, sql, name, columns, constraints, uniques: Vec::new(), rows })
    }

    fn name_columns(&mut self, source: &Table, map: Option<&TableMap>) -> Result<Vec<String>> {
        let mapped = |column: &Column| {
            map.and_then(|map| map.column(&column.name)).and_then(|map| map.to.clone())
        };
        let mut taken = Names::default();
        for column in &source.columns {
            if let Some(to) = mapped(column) {
                take(&mut taken, &to, &format!("the column {}.{}", source.name, column.name))?;
            }
        }
        let mut names = Vec::with_capacity(source.columns.len());
        for column in &source.columns {
            let name = match mapped(column) {
                Some(to) => to,
                None => {
                    let name = taken.column(&column.name);
                    let about = format!("{}.{}", source.name, column.name);
                    self.note_name("column", &about, &column.name, &name);
                    name
                }
            };
            names.push(name);
        }
        Ok(names)
    }

    fn decide(
        &mut self,
        source: &Table,
        column: &Column,
        reading: Reading,
        name: String,
    ) -> MadeColumn {
        let about = format!("column {}.{}", source.name, column.name);
        let (counts, affinity) = (reading.counts, reading.affinity);
        let Decision { pg_type, sql_type, note, failures } = reading.decide(&column.declared);
        if let Some(note) = note {
            self.note(about.clone(), note, None);
        }
        let binary = column.collation.eq_ignore_ascii_case("BINARY");
        if !binary && pg_type == PgType::Text {
            let message = format!(
                "is compared by the collation {} on SQLite; on PostgreSQL it is compared exactly",
                column.collation
            );
            self.note(about, message, None);
        }
        self.problem_count += failures.count;
        let room = KEPT.saturating_sub(self.problems.len());
        self.problems.extend(failures.kept.into_iter().take(room));
        let term = Term {
            name: column.name.clone(),
            sql: quote(&name),
            class: expression::class(pg_type, affinity),
            binary,
        };
        let (nulls, longest) = (counts.nulls, counts.longest);
        MadeColumn { name, pg_type, sql_type, term, generated: None, nulls, longest }
    }

    /// Translates generated columns. One that cannot be is an ordinary column with its values.
    fn generate(&mut self, source: &Table, sql: &TableSql, columns: &mut [MadeColumn]) {
        // On PostgreSQL one generated column cannot be computed from another.
        let terms: Vec<Term> = (source.columns.iter().zip(&*columns))
            .filter(|(column, _)| !column.is_generated())
            .map(|(_, made)| made.term.clone())
            .collect();
        for (column, made) in source.columns.iter().zip(columns) {
            if !column.is_generated() {
                continue;
            }
            let expression = (sql.generated.iter())
                .find(|(name, _)| name.eq_ignore_ascii_case(&column.name))
                .map(|(_, expression)| expression.as_str());
            made.generated = expression
                .and_then(|sql| expression::scalar(sql, &terms))
                .filter(|translated| translated.class == made.term.class)
                .map(|translated| translated.sql);
            if made.generated.is_none() {
                let about = format!("column {}.{}", source.name, column.name);
                let message = "is computed on SQLite by an expression that is not translated; it \
                               becomes an ordinary column with the values it has";
                self.note(about, message, expression);
            }
        }
    }
}

fn readings(source: &Table, map: Option<&TableMap>, options: &AutoOptions) -> Vec<Reading> {
    let columns = source.columns.iter().enumerate();
    columns
        .map(|(place, column)| {
            let map = map.and_then(|map| map.column(&column.name));
            Reading::new(place, column, source.strict, map, options)
        })
        .collect()
}

/// Takes a name of the map file, which is used as it is or not at all.
fn take(names: &mut Names, to: &str, what: &str) -> Result<()> {
    if !to.is_empty() && to.len() <= 63 && !to.contains('\0') && names.take(to) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "the map file calls {what} {to:?}: a name has 1 to 63 bytes and is given once"
    )))
}
