//! What changes or removes a checkpoint.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use store_core::checkpoints::Checkpoint;
use store_core::sqlite::db_error;
use store_core::{CheckpointId, Error, Result};

use super::rows::CheckpointRow;
use super::schema::agentensor_checkpoints::{self, dsl};
use crate::rules::Context;
use crate::rules::retention::need;
use store_core::sqlite::{Bind, Statement};

const NEED: &str = "SELECT one.is_best, NOT EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS newer WHERE newer.workflow_id = one.workflow_id \
     AND newer.config_version > one.config_version), EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS child WHERE child.parent_id = one.id) \
     FROM agentensor_checkpoints AS one WHERE one.id = ?";

/// Locks the workflow of a checkpoint, and returns the workflow's id.
fn checkpoint_lock(conn: &mut SqliteConnection, id: CheckpointId) -> Result<String> {
    // The transaction of the writer is the lock.
    agentensor_checkpoints::table
        .find(id.to_string())
        .select(dsl::workflow_id)
        .first(conn)
        .optional()
        .map_err(db_error("checkpoint_lock"))?
        .ok_or_else(|| Error::not_found("checkpoint", id))
}

/// Makes no checkpoint of a workflow the best one, but for `keep`. Its row is locked.
pub(super) fn best_clear(
    conn: &mut SqliteConnection,
    workflow_id: &str,
    keep: Option<CheckpointId>,
) -> Result<()> {
    // No id is empty.
    let keep = keep.map(|id| id.to_string()).unwrap_or_default();
    diesel::update(agentensor_checkpoints::table)
        .filter(dsl::workflow_id.eq(workflow_id))
        .filter(dsl::is_best)
        .filter(dsl::id.ne(keep))
        .set(dsl::is_best.eq(false))
        .execute(conn)
        .map(drop)
        .map_err(db_error("best_clear"))
}

/// Marks a checkpoint as the best one of its workflow.
pub(super) fn checkpoint_mark_best(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: CheckpointId,
) -> Result<Checkpoint> {
    let workflow_id = checkpoint_lock(conn, id)?;
    best_clear(conn, &workflow_id, Some(id))?;
    let row: CheckpointRow = diesel::update(agentensor_checkpoints::table.find(id.to_string()))
        .set(dsl::is_best.eq(true))
        .returning(CheckpointRow::as_returning())
        .get_result(conn)
        .map_err(db_error("checkpoint_mark_best"))?;
    row.into_record(&cx.json)
}

/// Deletes a checkpoint; unless `force` is set, only one that nothing needs.
pub(super) fn checkpoint_delete(
    conn: &mut SqliteConnection,
    id: CheckpointId,
    force: bool,
) -> Result<()> {
    checkpoint_lock(conn, id)?;
    if !force {
        checkpoint_needed(conn, id)?;
    }
    diesel::delete(agentensor_checkpoints::table.find(id.to_string()))
        .execute(conn)
        .map(drop)
        .map_err(db_error("checkpoint_delete"))
}

/// Fails when a checkpoint that is locked is the best, the latest or a parent.
fn checkpoint_needed(conn: &mut SqliteConnection, id: CheckpointId) -> Result<()> {
    enum FindNeed {}
    let find =
        Statement::<FindNeed, (Bool, Bool, Bool)>::new(NEED, vec![Bind::String(id.to_string())]);
    let (is_best, is_latest, is_parent): (bool, bool, bool) =
        find.get_result(conn).map_err(db_error("checkpoint_needed"))?;
    match need(is_best, is_latest, is_parent) {
        Some(from) => Err(Error::invalid_state("checkpoint", id, from, "deleted")),
        None => Ok(()),
    }
}
