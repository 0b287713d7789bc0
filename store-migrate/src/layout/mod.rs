//! What kinds of databases are moved, and the plan of each.

pub(crate) mod stores;

use tokio_postgres::Client;

use crate::catalog::{self, sqlite::Visibility};
use crate::error::sqlite;
use crate::model::{Layout, Plan};
use crate::postgres::State;
use crate::{Error, Result};

/// Returns the plan that moves a database back which came from SQLite by the layout `auto`: its
/// tables are made as they were there.
///
/// # Errors
/// `Refused` when the state of that migration is not in the source any more.
pub(crate) async fn way_back(client: &Client) -> Result<Plan> {
    let mut found = State::all(client).await?;
    found.retain(|migration| migration.layout == Layout::Auto);
    let (Some(migration), None) = (found.pop(), found.pop()) else {
        return Err(Error::refused(
            "the layout auto moves a PostgreSQL schema to SQLite only if one migration of that \
             layout made it, and its tables _migrate_* are still there: they know the schema it had \
             on SQLite",
        ));
    };
    let mut plan = migration.plan;
    let origin = std::mem::take(&mut plan.origin);
    let is_table = |step: &&crate::model::Step| step.what == "table";
    plan.before = origin.iter().filter(is_table).cloned().collect();
    // A virtual table fills itself from nothing: what it had is not moved.
    plan.after = origin.iter().filter(|step| !is_table(step)).cloned().collect();
    plan.origin = origin;
    without_generated(&mut plan)?;
    Ok(plan)
}

/// Leaves out the columns that SQLite generates: on PostgreSQL some of them are ordinary ones.
fn without_generated(plan: &mut Plan) -> Result<()> {
    let doing = || "looking at the schema of the origin";
    let conn = rusqlite::Connection::open_in_memory().map_err(sqlite(doing()))?;
    for step in &plan.before {
        conn.execute_batch(&step.sql).map_err(sqlite(doing()))?;
    }
    let catalog = catalog::sqlite::read(&conn)?;
    for (number, table) in plan.tables.iter_mut().enumerate() {
        let Some(origin) = catalog.table(&table.sqlite) else { continue };
        let stored = |name: &str| {
            let column = origin.columns.iter().find(|column| column.name == name);
            column.is_some_and(|column| column.visibility == Visibility::Plain)
        };
        // From the last to the first, so that the places before stay what they are.
        for place in (0..table.columns.len()).rev() {
            if table.columns.get(place).is_some_and(|column| stored(&column.sqlite)) {
                continue;
            }
            table.columns.remove(place);
            table.key.retain(|key| *key != place);
            table.key.iter_mut().filter(|key| **key > place).for_each(|key| *key -= 1);
            let mine = plan.sequences.iter_mut().filter(|sequence| sequence.table == number);
            mine.filter(|sequence| sequence.column > place)
                .for_each(|sequence| sequence.column -= 1);
        }
    }
    Ok(())
}
