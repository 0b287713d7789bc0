//! Who holds a handle: counters that a check guards.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Violation, db_error};
use store_core::workflow::Workflow;
use store_core::{Error, Result};

use super::schema::workflow_handles::{self, dsl};

/// Moves the handle of a workflow from how it was held before to how it is held after.
pub(super) async fn handle_move(
    conn: &mut AsyncPgConnection,
    before: Option<&Workflow>,
    after: Option<&Workflow>,
) -> Result<()> {
    // In the order of the handles, so that two moves cannot deadlock.
    let mut moves: BTreeMap<&str, (i32, i32)> = BTreeMap::new();
    for (workflow, by) in [(before, -1), (after, 1)] {
        let Some(workflow) = workflow else { continue };
        let Some(handle) = &workflow.handle else { continue };
        let (active, archived) = moves.entry(handle).or_default();
        *(if workflow.is_archived { archived } else { active }) += by;
    }
    for (handle, by) in moves {
        match by {
            (0, 0) => {}
            (active, archived) if active < 0 || archived < 0 => {
                handle_count(conn, handle, by).await?
            }
            _ => handle_add(conn, handle, by).await?,
        }
    }
    Ok(())
}

/// Adds a holder; the check of the table refuses what the rule forbids.
async fn handle_add(
    conn: &mut AsyncPgConnection,
    handle: &str,
    (active, archived): (i32, i32),
) -> Result<()> {
    diesel::insert_into(workflow_handles::table)
        .values((dsl::handle.eq(handle), dsl::active.eq(active), dsl::archived.eq(archived)))
        .on_conflict(dsl::handle)
        .do_update()
        .set((
            dsl::active.eq(dsl::active + excluded(dsl::active)),
            dsl::archived.eq(dsl::archived + excluded(dsl::archived)),
        ))
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| on_taken(handle, error))
}

/// Counts a holder less, or one that is archived or taken out of the archive.
async fn handle_count(
    conn: &mut AsyncPgConnection,
    handle: &str,
    (active, archived): (i32, i32),
) -> Result<()> {
    diesel::update(workflow_handles::table.find(handle))
        .set((dsl::active.eq(dsl::active + active), dsl::archived.eq(dsl::archived + archived)))
        .execute(conn)
        .await
        .map_err(|error| on_taken(handle, error))?;
    diesel::delete(workflow_handles::table.find(handle))
        .filter(dsl::active.eq(0).and(dsl::archived.eq(0)))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("handle_count"))
}

fn on_taken(handle: &str, error: diesel::result::Error) -> Error {
    match Violation::of(&error) {
        Some(Violation::Check(name)) if name == "ck_workflow_handles_taken" => {
            Error::conflict("handle", handle, "another workflow holds it, or holds it archived")
        }
        _ => db_error("handle_move")(error),
    }
}
