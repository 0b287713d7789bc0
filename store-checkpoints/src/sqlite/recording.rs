//! Recording checkpoints: the version comes from the workflow's counter.

use diesel::prelude::*;
use diesel::sql_types::Integer;
use store_core::Result;
use store_core::sqlite::db_error;

use super::changes::best_clear;
use super::error::on_record;
use crate::rules::checkpoint::{ReadyCheckpoint, used_up};
use store_core::sqlite::{Bind, Statement};

// A version given moves the counter forward, never back. Nothing comes back when there is no next
// version.
const COUNT: &str = "INSERT INTO agentensor_workflows AS workflow (workflow_id, last_version) \
     VALUES (?, coalesce(?, 1)) ON CONFLICT (workflow_id) DO UPDATE SET last_version = \
     CASE WHEN ? IS NULL THEN workflow.last_version + 1 \
     ELSE max(workflow.last_version, excluded.last_version) END \
     WHERE ? IS NOT NULL OR workflow.last_version < 2147483647 RETURNING last_version";

const STORE: &str = "INSERT INTO agentensor_checkpoints (id, workflow_id, config_version, \
     runnable_config, metrics, metadata, artifact_url, is_best, parent_id, record_bytes, \
     created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

// parity: PostgreSQL stores the numbers with the checkpoint; here a statement costs no round trip.
const NUMBER: &str = "INSERT INTO agentensor_checkpoint_metrics (checkpoint_id, path, workflow_id, \
     config_version, value) VALUES (?, ?, ?, ?, ?)";

/// Records a checkpoint and returns its version.
pub(super) fn checkpoint_record(
    conn: &mut SqliteConnection,
    ready: &ReadyCheckpoint,
) -> Result<i32> {
    let version = version_take(conn, ready)?;
    if ready.checkpoint.is_best {
        best_clear(conn, &ready.checkpoint.workflow_id, None)?;
    }
    checkpoint_store(conn, ready, version)?;
    Ok(version)
}

/// Takes the version of a checkpoint; with it the row of the workflow is locked.
fn version_take(conn: &mut SqliteConnection, ready: &ReadyCheckpoint) -> Result<i32> {
    enum TakeVersion {}
    let given = ready.config_version;
    let binds = vec![
        Bind::Text(&ready.checkpoint.workflow_id),
        Bind::MaybeInt(given),
        Bind::MaybeInt(given),
        Bind::MaybeInt(given),
    ];
    let counted: Option<i32> = Statement::<TakeVersion, Integer>::new(COUNT, binds)
        .get_result(conn)
        .optional()
        .map_err(db_error("version_take"))?;
    counted.map(|counted| given.unwrap_or(counted)).ok_or_else(used_up)
}

/// Stores a checkpoint under a version, with its numbers.
fn checkpoint_store(
    conn: &mut SqliteConnection,
    ready: &ReadyCheckpoint,
    version: i32,
) -> Result<()> {
    enum StoreCheckpoint {}
    let checkpoint = &ready.checkpoint;
    let binds = vec![
        Bind::String(checkpoint.id.to_string()),
        Bind::Text(&checkpoint.workflow_id),
        Bind::Int(version),
        Bind::Text(&ready.runnable_config.text),
        Bind::Text(&ready.metrics.text),
        Bind::Text(&ready.metadata.text),
        Bind::MaybeText(checkpoint.artifact_url.as_deref()),
        Bind::Bool(checkpoint.is_best),
        Bind::MaybeString(checkpoint.parent_id.map(|id| id.to_string())),
        Bind::BigInt(ready.bytes()),
        Bind::String(checkpoint.created_at.to_string()),
    ];
    Statement::<StoreCheckpoint, ()>::new(STORE, binds)
        .execute(conn)
        .map_err(|error| on_record(ready, error))?;
    numbers_store(conn, ready, version)
}

// parity: belongs to NUMBER.
fn numbers_store(conn: &mut SqliteConnection, ready: &ReadyCheckpoint, version: i32) -> Result<()> {
    enum StoreNumber {}
    let id = ready.checkpoint.id.to_string();
    for (path, value) in &ready.numbers {
        let binds = vec![
            Bind::Text(&id),
            Bind::Text(path),
            Bind::Text(&ready.checkpoint.workflow_id),
            Bind::Int(version),
            Bind::Double(*value),
        ];
        Statement::<StoreNumber, ()>::new(NUMBER, binds)
            .execute(conn)
            .map_err(db_error("numbers_store"))?;
    }
    Ok(())
}
