//! Pruning: what there is, and one batch of what goes.

use diesel::sql_types::{BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::postgres::db_error;
use uuid::Uuid;

use super::rows::KinRow;
use crate::rules::retention::{Doomed, Kin, ReadyPrune};
use store_core::postgres::{Bind, Statement};

type Columns = (SqlUuid, Nullable<SqlUuid>, Bool, Bool, Bool, BigInt);

const KIN: &str = "SELECT one.id, one.parent_id, one.is_best, NOT EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS newer WHERE newer.workflow_id = one.workflow_id \
     AND newer.config_version > one.config_version), EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS child WHERE child.parent_id = one.id \
     AND child.workflow_id <> one.workflow_id), one.record_bytes \
     FROM agentensor_checkpoints AS one WHERE one.workflow_id = ? \
     ORDER BY one.config_version DESC";

// parity: SQLite has one writer.
const LOCK: &str = "SELECT workflow_id FROM agentensor_workflows WHERE workflow_id = ? FOR UPDATE";

// parity: belongs to LOCK. Nobody becomes a child of what is locked. Children that stay lose their
// parent: they are locked along, all in one order.
const LOCK_BATCH: &str = "SELECT id FROM agentensor_checkpoints \
     WHERE id = ANY (?) OR parent_id = ANY ($1) ORDER BY id FOR UPDATE";

const BATCH: &str = "SELECT one.id, one.parent_id, one.is_best, NOT EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS newer WHERE newer.workflow_id = one.workflow_id \
     AND newer.config_version > one.config_version), EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS child WHERE child.parent_id = one.id \
     AND child.id <> ALL (?)), one.record_bytes \
     FROM agentensor_checkpoints AS one WHERE one.id = ANY ($1) \
     ORDER BY one.config_version DESC";

const DELETE: &str = "DELETE FROM agentensor_checkpoints WHERE id = ANY (?)";

/// Decides what of a workflow goes.
pub(super) async fn prune_plan(
    conn: &mut AsyncPgConnection,
    prune: &ReadyPrune,
) -> Result<Vec<Doomed>> {
    enum FindKin {}
    let binds = vec![Bind::Text(&prune.request.workflow_id)];
    let rows: Vec<KinRow> = Statement::<FindKin, Columns>::new(KIN, binds)
        .load(conn)
        .await
        .map_err(db_error("prune_plan"))?;
    let kin: Vec<Kin> = rows.into_iter().map(KinRow::into_kin).collect();
    Ok(prune.doomed(&kin))
}

/// Deletes what of a batch still goes, and returns that.
pub(super) async fn prune_batch(
    conn: &mut AsyncPgConnection,
    prune: &ReadyPrune,
    batch: &[Doomed],
) -> Result<Vec<Doomed>> {
    enum FindBatch {}
    enum DeleteBatch {}
    batch_lock(conn, prune, batch).await?;
    let rows: Vec<KinRow> =
        Statement::<FindBatch, Columns>::new(BATCH, vec![Bind::Uuids(ids_of(batch))])
            .load(conn)
            .await
            .map_err(db_error("prune_batch"))?;
    let kin: Vec<Kin> = rows.into_iter().map(KinRow::into_kin).collect();
    let doomed = prune.still_doomed(&kin);
    Statement::<DeleteBatch, ()>::new(DELETE, vec![Bind::Uuids(ids_of(&doomed))])
        .execute(conn)
        .await
        .map_err(db_error("prune_batch"))?;
    Ok(doomed)
}

// parity: belongs to LOCK.
/// Locks the workflow, then the checkpoints of a batch and their children.
async fn batch_lock(
    conn: &mut AsyncPgConnection,
    prune: &ReadyPrune,
    batch: &[Doomed],
) -> Result<()> {
    enum LockWorkflow {}
    enum LockBatch {}
    Statement::<LockWorkflow, Text>::new(LOCK, vec![Bind::Text(&prune.request.workflow_id)])
        .execute(conn)
        .await
        .map_err(db_error("batch_lock"))?;
    Statement::<LockBatch, SqlUuid>::new(LOCK_BATCH, vec![Bind::Uuids(ids_of(batch))])
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("batch_lock"))
}

// parity: SQLite binds no arrays.
fn ids_of(doomed: &[Doomed]) -> Vec<Uuid> {
    doomed.iter().map(|one| one.id.as_uuid()).collect()
}
