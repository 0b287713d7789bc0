//! Pruning: what there is, and one batch of what goes.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use serde_json::Value;
use store_core::Result;
use store_core::sqlite::db_error;

use super::rows::KinRow;
use crate::rules::Context;
use crate::rules::retention::{Doomed, Kin, ReadyPrune};
use store_core::sqlite::{Bind, Statement};

type Columns = (Text, Nullable<Text>, Bool, Bool, Bool, BigInt);

const KIN: &str = "SELECT one.id, one.parent_id, one.is_best, NOT EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS newer WHERE newer.workflow_id = one.workflow_id \
     AND newer.config_version > one.config_version), EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS child WHERE child.parent_id = one.id \
     AND child.workflow_id <> one.workflow_id), one.record_bytes \
     FROM agentensor_checkpoints AS one WHERE one.workflow_id = ? \
     ORDER BY one.config_version DESC";

const BATCH: &str = "SELECT one.id, one.parent_id, one.is_best, NOT EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS newer WHERE newer.workflow_id = one.workflow_id \
     AND newer.config_version > one.config_version), EXISTS (\
     SELECT 1 FROM agentensor_checkpoints AS child WHERE child.parent_id = one.id \
     AND child.id NOT IN (SELECT value FROM json_each(?))), one.record_bytes \
     FROM agentensor_checkpoints AS one WHERE one.id IN (SELECT value FROM json_each(?)) \
     ORDER BY one.config_version DESC";

const DELETE: &str =
    "DELETE FROM agentensor_checkpoints WHERE id IN (SELECT value FROM json_each(?))";

/// Decides what of a workflow goes.
pub(super) fn prune_plan(
    conn: &mut SqliteConnection,
    cx: &Context,
    prune: &ReadyPrune,
) -> Result<Vec<Doomed>> {
    enum FindKin {}
    let binds = vec![Bind::Text(&prune.request.workflow_id)];
    let rows: Vec<KinRow> = Statement::<FindKin, Columns>::new(KIN, binds)
        .load(conn)
        .map_err(db_error("prune_plan"))?;
    let kin: Vec<Kin> =
        rows.into_iter().map(|row| row.into_kin(&cx.json)).collect::<Result<_>>()?;
    Ok(prune.doomed(&kin))
}

/// Deletes what of a batch still goes, and returns that.
pub(super) fn prune_batch(
    conn: &mut SqliteConnection,
    cx: &Context,
    prune: &ReadyPrune,
    batch: &[Doomed],
) -> Result<Vec<Doomed>> {
    enum FindBatch {}
    enum DeleteBatch {}
    // The transaction of the writer is the lock.
    let ids = ids_of(batch);
    let binds = vec![Bind::Text(&ids), Bind::Text(&ids)];
    let rows: Vec<KinRow> = Statement::<FindBatch, Columns>::new(BATCH, binds)
        .load(conn)
        .map_err(db_error("prune_batch"))?;
    let kin: Vec<Kin> =
        rows.into_iter().map(|row| row.into_kin(&cx.json)).collect::<Result<_>>()?;
    let doomed = prune.still_doomed(&kin);
    Statement::<DeleteBatch, ()>::new(DELETE, vec![Bind::String(ids_of(&doomed))])
        .execute(conn)
        .map_err(db_error("prune_batch"))?;
    Ok(doomed)
}

// parity: SQLite binds no arrays.
fn ids_of(doomed: &[Doomed]) -> String {
    doomed.iter().map(|one| Value::from(one.id.to_string())).collect::<Value>().to_string()
}
