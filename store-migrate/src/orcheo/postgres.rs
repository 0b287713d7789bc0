//! A PostgreSQL schema as a source. Its rows take the form that they have in a SQLite file.

use std::collections::BTreeMap;

use futures_util::{TryStreamExt as _, pin_mut};
use tokio::runtime::Handle;
use tokio_postgres::Client;

use super::catalogue::Table;
use super::cell::Cell;
use super::row::Row;
use super::source::{Found, count_sql, quoted};
use crate::error::{Error, Result, postgres};

/// A schema in the transaction it is read in.
pub(super) struct PostgresReader {
    client: Client,
    runtime: Handle,
    /// The types of columns, by table and column.
    types: BTreeMap<(String, String), String>,
}

impl PostgresReader {
    /// Begins the transaction that everything is read in. Not to be called on a thread of a runtime
    /// that must not wait.
    pub(super) fn open(client: Client) -> Result<Self> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        const COLUMNS: &str = "SELECT c.table_name::text, c.column_name::text, c.data_type::text \
             FROM information_schema.columns AS c JOIN information_schema.tables AS t \
             USING (table_schema, table_name) \
             WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' \
             ORDER BY c.table_name, c.ordinal_position";
        let runtime = Handle::try_current().map_err(|_none| {
            Error::refused("convert has to be called inside of a Tokio runtime")
        })?;
        let doing = "reading the schema";
        runtime.block_on(client.batch_execute(BEGIN)).map_err(postgres(doing))?;
        let rows = runtime.block_on(client.query(COLUMNS, &[])).map_err(postgres(doing))?;
        let mut types = BTreeMap::new();
        for row in rows {
            let get = |place| row.try_get::<_, String>(place).map_err(postgres(doing));
            types.insert((get(0)?, get(1)?), get(2)?);
        }
        Ok(Self { client, runtime, types })
    }

    /// Lists the tables with their columns.
    pub(super) fn tables(&self) -> Result<Found> {
        let mut found = Found::new();
        for (table, column) in self.types.keys() {
            found.entry(table.clone()).or_default().push(column.clone());
        }
        Ok(found)
    }

    /// Counts the rows of a table, or those with a value in a column.
    pub(super) fn count(&self, table: &str, column: Option<&str>) -> Result<u64> {
        let sql = count_sql(table, column);
        let doing = format!("reading {table}");
        let row =
            self.runtime.block_on(self.client.query_one(&sql, &[])).map_err(postgres(&doing))?;
        let count: i64 = row.try_get(0).map_err(postgres(doing))?;
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
        let doing = format!("reading {}", table.name);
        let forms: Vec<Form> = columns.iter().map(|column| self.form(table.name, column)).collect();
        let selected: Vec<String> =
            columns.iter().zip(&forms).map(|(column, form)| form.select(column)).collect();
        let order: Vec<String> =
            order.iter().map(|column| self.ordered(table.name, column)).collect();
        let (selected, order) = (selected.join(", "), order.join(", "));
        let sql = format!("SELECT {selected} FROM {} ORDER BY {order}", quoted(table.name));
        let none: [&str; 0] = [];
        let stream = self.runtime.block_on(self.client.query_raw(&sql, none));
        let stream = stream.map_err(postgres(&doing))?;
        pin_mut!(stream);
        while let Some(row) = self.runtime.block_on(stream.try_next()).map_err(postgres(&doing))? {
            let mut cells = Vec::with_capacity(columns.len());
            for (place, (column, form)) in columns.iter().zip(&forms).enumerate() {
                cells.push((*column, form.read(&row, place).map_err(postgres(&doing))?));
            }
            each(Row::new(table, cells))?;
        }
        Ok(())
    }

    fn form(&self, table: &str, column: &str) -> Form {
        match self.type_of(table, column) {
            "smallint" | "integer" | "bigint" => Form::Integer,
            "boolean" => Form::Boolean,
            "timestamp with time zone" => Form::Instant,
            _ => Form::Text,
        }
    }

    fn type_of(&self, table: &str, column: &str) -> &str {
        let key = (table.to_owned(), column.to_owned());
        self.types.get(&key).map_or("text", String::as_str)
    }

    /// Orders text by its bytes, as SQLite does.
    fn ordered(&self, table: &str, column: &str) -> String {
        match self.form(table, column) {
            Form::Text => format!("{}::text COLLATE \"C\"", quoted(column)),
            _ => quoted(column),
        }
    }
}

/// How a column is asked for, so that it comes in the form of a SQLite file.
#[derive(Debug, Clone, Copy)]
enum Form {
    Integer,
    Boolean,
    Instant,
    Text,
}

impl Form {
    fn select(self, column: &str) -> String {
        let column = quoted(column);
        match self {
            Self::Integer => format!("{column}::bigint"),
            Self::Boolean => format!("{column}::integer::bigint"),
            // An infinite instant stays one, and is refused where it is read.
            Self::Instant => format!(
                "CASE WHEN isfinite({column}) THEN to_char({column} AT TIME ZONE 'UTC', \
                 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"') ELSE {column}::text END"
            ),
            Self::Text => format!("{column}::text"),
        }
    }

    fn read(
        self,
        row: &tokio_postgres::Row,
        place: usize,
    ) -> std::result::Result<Cell, tokio_postgres::Error> {
        Ok(match self {
            Self::Integer | Self::Boolean => {
                row.try_get::<_, Option<i64>>(place)?.map_or(Cell::Null, Cell::Integer)
            }
            Self::Instant | Self::Text => row
                .try_get::<_, Option<String>>(place)?
                .map_or(Cell::Null, |text| Cell::Text(text.into_bytes())),
        })
    }
}
