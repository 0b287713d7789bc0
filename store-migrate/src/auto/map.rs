//! The map file: what an operator decides about tables and columns.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::catalog::sqlite::Catalog;
use crate::error::{Error, Result};
use crate::model::PgType;

/// What a map file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    #[serde(default)]
    tables: BTreeMap<String, TableMap>,
}

/// What a map file says of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMap {
    /// Its name on PostgreSQL.
    #[serde(default)]
    pub to: Option<String>,
    /// It is not moved.
    #[serde(default)]
    pub skip: bool,
    #[serde(default)]
    columns: BTreeMap<String, ColumnMap>,
}

/// What a map file says of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnMap {
    /// Its name on PostgreSQL.
    #[serde(default)]
    pub to: Option<String>,
    /// Its type on PostgreSQL.
    #[serde(default, rename = "type")]
    declared: Option<String>,
}

impl Map {
    /// Reads the text of a map file.
    ///
    /// # Errors
    ///
    /// Fails with `Usage` when it is not TOML, says something no map can say, or names a type that
    /// is not known.
    pub fn parse(text: &str) -> Result<Self> {
        let map: Self = toml::from_str(text)
            .map_err(|error| Error::Usage(format!("the map file cannot be read: {error}")))?;
        for (table, of_table) in &map.tables {
            for (column, of_column) in &of_table.columns {
                if let Some(name) = &of_column.declared
                    && type_named(name).is_none()
                {
                    return Err(Error::Usage(format!(
                        "the map file gives {table}.{column} the unknown type {name:?}; known are \
                         boolean, smallint, integer, bigint, double precision, numeric, text, \
                         bytea, uuid, timestamptz, timestamp, date, jsonb and json"
                    )));
                }
            }
        }
        Ok(map)
    }

    /// Checks that all tables and columns it names are in the source.
    ///
    /// # Errors
    ///
    /// Fails with `Usage` and the name that is in the map but not in the source.
    pub fn check(&self, catalog: &Catalog) -> Result<()> {
        for (name, of_table) in &self.tables {
            let Some(table) = catalog.tables.iter().find(|table| table.name == *name) else {
                let reason =
                    format!("the map file names the table {name:?}, which is not in the source");
                return Err(Error::Usage(reason));
            };
            for column in of_table.columns.keys() {
                if !table.columns.iter().any(|known| known.name == *column) {
                    return Err(Error::Usage(format!(
                        "the map file names the column {column:?} of {name}, which has none of this name"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Returns what it says of a table.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableMap> {
        self.tables.get(name)
    }
}

impl TableMap {
    /// Returns what it says of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnMap> {
        self.columns.get(name)
    }
}

impl ColumnMap {
    /// Returns the type it gives.
    #[must_use]
    pub fn pg_type(&self) -> Option<PgType> {
        self.declared.as_deref().and_then(type_named)
    }
}

/// Returns a type by the name SQL or `pg_type` has for it.
fn type_named(name: &str) -> Option<PgType> {
    let name = name.trim().to_ascii_lowercase();
    let known = match name.as_str() {
        "boolean" => PgType::Bool,
        "smallint" => PgType::Int2,
        "integer" | "int" => PgType::Int4,
        "bigint" => PgType::Int8,
        "double precision" => PgType::Float8,
        "decimal" => PgType::Numeric,
        "timestamp with time zone" => PgType::Timestamptz,
        "timestamp without time zone" => PgType::Timestamp,
        // Words for an index are cut by the store they belong to, not read from a column.
        name => PgType::from_name(name).filter(|known| *known != PgType::Tsvector)?,
    };
    Some(known)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::Map;
    use crate::model::PgType;

    fn refused(text: &str) -> String {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE t(a, b)").unwrap();
        let catalog = crate::catalog::sqlite::read(&conn).unwrap();
        let error = Map::parse(text).and_then(|map| map.check(&catalog)).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn tables_and_columns_are_mapped() {
        let text = "[tables.t]\nto = \"u\"\n[tables.t.columns.a]\ntype = \"timestamptz\"\nto = \"b\"\n\
                    [tables.x]\nskip = true\n";
        let map = Map::parse(text).unwrap();
        let table = map.table("t").unwrap();
        assert_eq!(table.to.as_deref(), Some("u"));
        let column = table.column("a").unwrap();
        assert_eq!(
            (column.pg_type(), column.to.as_deref()),
            (Some(PgType::Timestamptz), Some("b"))
        );
        assert!(map.table("x").unwrap().skip);
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert!(refused("[tables.missing]\nskip = true").contains("\"missing\""));
        assert!(refused("[tables.t.columns.zz]\nto = \"y\"").contains("\"zz\" of t"));
        assert!(refused("[tables.t.columns.a]\ntype = \"money\"").contains("\"money\""));
        assert!(refused("[tables.t]\nskipp = true").contains("skipp"));
    }
}
