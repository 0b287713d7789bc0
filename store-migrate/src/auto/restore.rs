//! The schema of the origin as it is, to make it again.

use rusqlite::Connection;

use super::BOOKKEEPING;
use crate::catalog::sqlite;
use crate::error::Result;
use crate::model::Step;

/// Returns the SQL that makes the schema of a SQLite database again: tables, then virtual tables,
/// indexes, views and triggers, each in the order they were made.
///
/// What SQLite or the modules of virtual tables make themselves is not among it.
///
/// # Errors
///
/// Fails when SQLite cannot read its schema.
pub fn sqlite_schema(conn: &Connection) -> Result<Vec<Step>> {
    let catalog = sqlite::read(conn)?;
    let step = |what: &str, name: &str, sql: &str| Step {
        what: what.to_owned(),
        name: name.to_owned(),
        sql: sql.to_owned(),
    };
    let own = |name: &str| name.starts_with(BOOKKEEPING);
    let mut steps = Vec::new();
    let tables = || catalog.tables.iter().filter(|table| !own(&table.name));
    steps.extend(tables().map(|table| step("table", &table.name, &table.sql)));
    let virtual_tables = catalog.virtual_tables.iter();
    steps.extend(virtual_tables.map(|table| step("virtual table", &table.name, &table.sql)));
    for index in tables().flat_map(|table| &table.indexes) {
        steps.extend(index.sql.as_ref().map(|sql| step("index", &index.name, sql)));
    }
    steps.extend(catalog.views.iter().map(|view| step("view", &view.name, &view.sql)));
    let triggers = catalog.triggers.iter().filter(|trigger| !own(&trigger.name));
    steps.extend(triggers.map(|trigger| step("trigger", &trigger.name, &trigger.sql)));
    Ok(steps)
}
