//! What changes or removes a checkpoint.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::checkpoints::Checkpoint;
use store_core::postgres::db_error;
use store_core::{CheckpointId, Error, Result};
use uuid::Uuid;

use super::rows::CheckpointRow;
use super::schema::agentensor_checkpoints::{self, dsl};
use crate::rules::Context;
use crate::rules::retention::need;
use store_core::postgres::{Bind, Statement};

// parity: SQLite has one writer.
const LOCK: &str = "SELECT workflow.workflow_id FROM agentensor_workflows AS workflow \
     JOIN agentensor_checkpoints AS checkpoint USING (workflow_id) WHERE checkpoint.id = ? \
     FOR UPDATE OF workflow";

// parity: belongs to LOCK.
const LOCK_BEST: &str = "SELECT id FROM agentensor_checkpoints \
     WHERE id = ? OR (workflow_id = ? AND is_best) ORDER BY id FOR NO KEY UPDATE";

// parity: belongs to LOCK.
const LOCK_LINE: &str = "SELECT id FROM agentensor_checkpoints \
     WHERE id = ? OR parent_id = $1 ORDER BY id FOR UPDATE";

const NEED: &str = "SELECT one.is_best, NOT EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS newer WHERE newer.workflow_id = one.workflow_id \
     AND newer.config_version > one.config_version), EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS child WHERE child.parent_id = one.id) \
     FROM agentensor_checkpoints AS one WHERE one.id = ?";

/// Locks the workflow of a checkpoint, and returns the workflow's id.
async fn checkpoint_lock(conn: &mut AsyncPgConnection, id: CheckpointId) -> Result<String> {
    enum LockWorkflow {}
    Statement::<LockWorkflow, Text>::new(LOCK, vec![Bind::Uuid(id.as_uuid())])
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("checkpoint_lock"))?
        .ok_or_else(|| Error::not_found("checkpoint", id))
}

// parity: belongs to LOCK.
/// Locks a checkpoint and the best one of a workflow, whose row is locked; tells whether the
/// checkpoint is there.
///
/// Who locks several checkpoints locks them in the order of their ids: lines lead from one workflow
/// into another, so that the rows of workflows alone would not keep out deadlocks.
pub(super) async fn best_lock(
    conn: &mut AsyncPgConnection,
    workflow_id: &str,
    id: CheckpointId,
) -> Result<bool> {
    enum LockBest {}
    let binds = vec![Bind::Uuid(id.as_uuid()), Bind::Text(workflow_id)];
    let locked: Vec<Uuid> = Statement::<LockBest, SqlUuid>::new(LOCK_BEST, binds)
        .load(conn)
        .await
        .map_err(db_error("best_lock"))?;
    Ok(locked.contains(&id.as_uuid()))
}

// parity: belongs to LOCK.
/// Locks a checkpoint and its children, in the order of their ids. Nobody becomes a child of what
/// is locked.
async fn line_lock(conn: &mut AsyncPgConnection, id: CheckpointId) -> Result<()> {
    enum LockLine {}
    let binds = vec![Bind::Uuid(id.as_uuid())];
    let locked: Vec<Uuid> = Statement::<LockLine, SqlUuid>::new(LOCK_LINE, binds)
        .load(conn)
        .await
        .map_err(db_error("line_lock"))?;
    // It may have been deleted while this waited for its workflow.
    let found = locked.contains(&id.as_uuid());
    if found { Ok(()) } else { Err(Error::not_found("checkpoint", id)) }
}

/// Makes no checkpoint of a workflow the best one, but for `keep`. Its row is locked.
pub(super) async fn best_clear(
    conn: &mut AsyncPgConnection,
    workflow_id: &str,
    keep: Option<CheckpointId>,
) -> Result<()> {
    let keep = keep.map_or(Uuid::nil(), |id| id.as_uuid());
    diesel::update(agentensor_checkpoints::table)
        .filter(dsl::workflow_id.eq(workflow_id))
        .filter(dsl::is_best)
        .filter(dsl::id.ne(keep))
        .set(dsl::is_best.eq(false))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("best_clear"))
}

/// Marks a checkpoint as the best one of its workflow.
pub(super) async fn checkpoint_mark_best(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: CheckpointId,
) -> Result<Checkpoint> {
    let workflow_id = checkpoint_lock(conn, id).await?;
    // It may have been deleted while this waited for its workflow.
    if !best_lock(conn, &workflow_id, id).await? {
        return Err(Error::not_found("checkpoint", id));
    }
    best_clear(conn, &workflow_id, Some(id)).await?;
    let row: CheckpointRow = diesel::update(agentensor_checkpoints::table.find(id.as_uuid()))
        .set(dsl::is_best.eq(true))
        .returning(CheckpointRow::as_returning())
        .get_result(conn)
        .await
        .map_err(db_error("checkpoint_mark_best"))?;
    row.into_record(&cx.json)
}

/// Deletes a checkpoint; unless `force` is set, only one that nothing needs.
pub(super) async fn checkpoint_delete(
    conn: &mut AsyncPgConnection,
    id: CheckpointId,
    force: bool,
) -> Result<()> {
    checkpoint_lock(conn, id).await?;
    line_lock(conn, id).await?;
    if !force {
        checkpoint_needed(conn, id).await?;
    }
    diesel::delete(agentensor_checkpoints::table.find(id.as_uuid()))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("checkpoint_delete"))
}

/// Fails when a checkpoint that is locked is the best, the latest or a parent.
async fn checkpoint_needed(conn: &mut AsyncPgConnection, id: CheckpointId) -> Result<()> {
    enum FindNeed {}
    let find = Statement::<FindNeed, (Bool, Bool, Bool)>::new(NEED, vec![Bind::Uuid(id.as_uuid())]);
    let (is_best, is_latest, is_parent): (bool, bool, bool) =
        find.get_result(conn).await.map_err(db_error("checkpoint_needed"))?;
    match need(is_best, is_latest, is_parent) {
        Some(from) => Err(Error::invalid_state("checkpoint", id, from, "deleted")),
        None => Ok(()),
    }
}
