//! Recording checkpoints: the version comes from the workflow's counter.

use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::postgres::db_error;

use super::changes::{best_clear, best_lock};
use super::error::on_record;
use super::rows::JsonText;
use crate::rules::checkpoint::{ReadyCheckpoint, used_up};
use store_core::postgres::{Bind, Statement};

// parity: one text for two statements, which SQLite does not need to join.
/// Takes the version of a checkpoint. A version given moves the counter forward, never back.
/// Nothing comes back when there is no next version.
macro_rules! count {
    () => {
        "INSERT INTO agentensor_workflows AS workflow (workflow_id, last_version) \
         VALUES (?, coalesce(?, 1)) ON CONFLICT (workflow_id) DO UPDATE SET last_version = \
         CASE WHEN $2 IS NULL THEN workflow.last_version + 1 \
         ELSE greatest(workflow.last_version, excluded.last_version) END \
         WHERE $2 IS NOT NULL OR workflow.last_version < 2147483647 \
         RETURNING workflow_id, coalesce($2, last_version)"
    };
}

// parity: belongs to count.
/// Stores a checkpoint with its numbers under the version that `$version` gives.
macro_rules! store {
    ($version:expr) => {
        concat!(
            "WITH version (workflow_id, number) AS (",
            $version,
            "), stored AS (INSERT INTO agentensor_checkpoints (workflow_id, config_version, id, \
             runnable_config, metrics, metadata, artifact_url, is_best, parent_id, record_bytes, \
             created_at) SELECT workflow_id, number, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM version \
             RETURNING id, workflow_id, config_version\
             ), numbers AS (INSERT INTO agentensor_checkpoint_metrics (checkpoint_id, path, \
             workflow_id, config_version, value) SELECT id, path, workflow_id, config_version, \
             value FROM stored CROSS JOIN unnest(?, ?) AS number (path, value)\
             ) SELECT config_version FROM stored"
        )
    };
}

const COUNT: &str =
    concat!("WITH version (workflow_id, number) AS (", count!(), ") SELECT number FROM version");

const STORE: &str = store!("SELECT ?, ?");

// parity: SQLite runs one statement after the other without a round trip.
const RECORD: &str = store!(count!());

// parity: belongs to RECORD.
/// Records a checkpoint that is not the best one, in one statement, and returns its version.
pub(super) async fn checkpoint_record_one(
    conn: &mut AsyncPgConnection,
    ready: &ReadyCheckpoint,
) -> Result<i32> {
    enum RecordCheckpoint {}
    let binds = store_binds(ready, Bind::MaybeInt(ready.config_version));
    let version: Option<i32> = Statement::<RecordCheckpoint, Integer>::new(RECORD, binds)
        .get_result(conn)
        .await
        .optional()
        .map_err(|error| on_record(ready, error))?;
    version.ok_or_else(used_up)
}

/// Records a checkpoint that is the best one and returns its version.
pub(super) async fn checkpoint_record(
    conn: &mut AsyncPgConnection,
    ready: &ReadyCheckpoint,
) -> Result<i32> {
    let version = version_take(conn, ready).await?;
    parent_hold(conn, ready).await?;
    best_clear(conn, &ready.checkpoint.workflow_id, None).await?;
    checkpoint_store(conn, ready, version).await?;
    Ok(version)
}

/// Takes the version of a checkpoint; with it the row of the workflow is locked.
async fn version_take(conn: &mut AsyncPgConnection, ready: &ReadyCheckpoint) -> Result<i32> {
    enum TakeVersion {}
    let given = ready.config_version;
    let binds = vec![Bind::Text(&ready.checkpoint.workflow_id), Bind::MaybeInt(given)];
    let version: Option<i32> = Statement::<TakeVersion, Integer>::new(COUNT, binds)
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("version_take"))?;
    version.ok_or_else(used_up)
}

// parity: SQLite has one writer.
/// Keeps others from deleting the parent, which may belong to another workflow.
async fn parent_hold(conn: &mut AsyncPgConnection, ready: &ReadyCheckpoint) -> Result<()> {
    let Some(parent) = ready.checkpoint.parent_id else { return Ok(()) };
    let found = best_lock(conn, &ready.checkpoint.workflow_id, parent).await?;
    if found { Ok(()) } else { Err(ready.orphan()) }
}

/// Stores a checkpoint under a version, with its numbers.
async fn checkpoint_store(
    conn: &mut AsyncPgConnection,
    ready: &ReadyCheckpoint,
    version: i32,
) -> Result<()> {
    enum StoreCheckpoint {}
    let binds = store_binds(ready, Bind::Int(version));
    Statement::<StoreCheckpoint, Integer>::new(STORE, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| on_record(ready, error))
}

// parity: belongs to store.
fn store_binds<'a>(ready: &'a ReadyCheckpoint, version: Bind<'a>) -> Vec<Bind<'a>> {
    let checkpoint = &ready.checkpoint;
    vec![
        Bind::Text(&checkpoint.workflow_id),
        version,
        Bind::Uuid(checkpoint.id.as_uuid()),
        Bind::Json(JsonText(&ready.runnable_config.text)),
        Bind::Json(JsonText(&ready.metrics.text)),
        Bind::Json(JsonText(&ready.metadata.text)),
        Bind::MaybeText(checkpoint.artifact_url.as_deref()),
        Bind::Bool(checkpoint.is_best),
        Bind::MaybeUuid(checkpoint.parent_id.map(|id| id.as_uuid())),
        Bind::BigInt(ready.bytes()),
        Bind::Instant(Some(checkpoint.created_at.to_datetime())),
        Bind::Texts(ready.numbers.iter().map(|(path, _)| path.as_str()).collect()),
        Bind::Doubles(ready.numbers.iter().map(|(_, value)| *value).collect()),
    ]
}
