//! A table and what becomes of it.

use super::create::TableSql;
use super::expression::Term;
use super::names::Names;
use crate::catalog::sqlite::Table as SourceTable;
use crate::model::{Column, PgType, Sequence, SqliteOrder, Table};

/// A table and what becomes of it.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) source: &'a SourceTable,
    pub(super) sql: TableSql,
    /// Its name on PostgreSQL.
    pub(super) name: String,
    pub(super) columns: Vec<MadeColumn>,
    pub(super) constraints: Names,
    /// Sets of columns that are unique on PostgreSQL.
    pub(super) uniques: Vec<Vec<usize>>,
    pub(super) rows: u64,
}

/// A column and what becomes of it.
#[derive(Debug)]
pub(super) struct MadeColumn {
    /// Its name on PostgreSQL.
    pub(super) name: String,
    pub(super) pg_type: PgType,
    /// The same with its length, in SQL.
    pub(super) sql_type: String,
    pub(super) term: Term,
    /// The expression it is computed by on PostgreSQL too.
    pub(super) generated: Option<String>,
    pub(super) nulls: u64,
    pub(super) longest: usize,
}

/// Returns whether a column of a type can have an identity.
pub(super) const fn counts(pg_type: PgType) -> bool {
    matches!(pg_type, PgType::Int2 | PgType::Int4 | PgType::Int8)
}

/// Returns the counters of all tables.
pub(super) fn sequences(tables: &[Made<'_>]) -> Vec<Sequence> {
    let counter = |(table, made): (usize, &Made<'_>)| {
        let place = made.source.rowid_column()?;
        let column = made.moved().position(|moved| moved == place)?;
        counts(made.columns[place].pg_type).then_some(Sequence { table, column })
    };
    tables.iter().enumerate().filter_map(counter).collect()
}

impl Made<'_> {
    /// Returns the places of the columns that are moved.
    fn moved(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.columns.len()).filter(|&place| self.columns[place].generated.is_none())
    }

    pub(super) fn terms(&self) -> Vec<Term> {
        self.columns.iter().map(|column| column.term.clone()).collect()
    }

    /// Returns whether its primary key can be one: SQLite takes NULL in it.
    pub(super) fn has_key(&self) -> bool {
        let key = &self.source.primary_key;
        !key.is_empty() && key.iter().all(|&place| self.columns[place].nulls == 0)
    }

    /// Returns the table as the plan has it.
    pub(super) fn plan(&self) -> Table {
        let moved: Vec<usize> = self.moved().collect();
        let columns = moved.iter().map(|&place| Column {
            sqlite: self.source.columns[place].name.clone(),
            postgres: self.columns[place].name.clone(),
            kind: self.columns[place].pg_type.kind(),
            pg_type: self.columns[place].pg_type,
        });
        let columns = columns.collect();
        let key = if self.has_key() { self.source.primary_key.as_slice() } else { &[] };
        let at = |place: &usize| moved.iter().position(|moved| moved == place);
        Table {
            sqlite: self.source.name.clone(),
            postgres: self.name.clone(),
            columns,
            key: key.iter().filter_map(at).collect(),
            order: self.order(),
        }
    }

    fn order(&self) -> SqliteOrder {
        if let Some(name) = self.source.rowid_name() {
            return SqliteOrder::Rowid(name);
        }
        // A comparison goes by the collation of the column, the order by that of the key.
        let ascending = self.source.key_index().is_some_and(|index| {
            index.columns.iter().zip(&self.source.primary_key).all(|(of, &place)| {
                !of.desc && of.collation.eq_ignore_ascii_case(&self.source.columns[place].collation)
            })
        });
        if self.source.without_rowid && ascending { SqliteOrder::Key } else { SqliteOrder::None }
    }
}
