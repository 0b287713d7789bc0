//! Rows as they are stored, and how they become records.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::checkpoints::{Checkpoint, Metrics};
use store_core::json::JsonPolicy;
use store_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::schema::agentensor_checkpoints;
use crate::rules::retention::Kin;

// parity: SQLite binds the text itself.
pub(super) use store_core::postgres::JsonText;

/// A checkpoint, with the columns in the order of the table.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = agentensor_checkpoints, check_for_backend(Pg))]
pub(super) struct CheckpointRow {
    id: Uuid,
    workflow_id: String,
    config_version: i32,
    runnable_config: Value,
    metrics: Value,
    metadata: Value,
    artifact_url: Option<String>,
    is_best: bool,
    parent_id: Option<Uuid>,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(super) record_bytes: i64,
    created_at: DateTime<Utc>,
}

impl CheckpointRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<Checkpoint> {
        let read = Reader { table: "agentensor_checkpoints", id: self.id, json };
        Ok(Checkpoint {
            id: self.id.into(),
            workflow_id: self.workflow_id,
            config_version: self.config_version,
            runnable_config: read.json(self.runnable_config),
            metrics: read.metrics("metrics", self.metrics)?,
            metadata: read.json(self.metadata),
            artifact_url: self.artifact_url,
            is_best: self.is_best,
            parent_id: self.parent_id.map(Into::into),
            created_at: read.instant("created_at", self.created_at)?,
        })
    }
}

/// A checkpoint as far as it matters for what a prune deletes.
#[derive(Debug, Queryable)]
pub(super) struct KinRow {
    id: Uuid,
    parent_id: Option<Uuid>,
    is_best: bool,
    is_latest: bool,
    has_other_children: bool,
    bytes: i64,
}

impl KinRow {
    pub(super) fn into_kin(self) -> Kin {
        Kin {
            id: self.id.into(),
            parent_id: self.parent_id.map(Into::into),
            is_best: self.is_best,
            is_latest: self.is_latest,
            has_other_children: self.has_other_children,
            bytes: self.bytes,
        }
    }
}

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
struct Reader<'a> {
    table: &'static str,
    id: Uuid,
    json: &'a JsonPolicy,
}

impl Reader<'_> {
    // parity: JSONB arrives parsed.
    fn json(&self, value: Value) -> Value {
        self.json.restore(value)
    }

    fn metrics(&self, column: &'static str, value: Value) -> Result<Metrics> {
        Metrics::from_json(self.json(value))
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    // parity: instants arrive parsed.
    fn instant(&self, column: &'static str, instant: DateTime<Utc>) -> Result<Timestamp> {
        instant.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }
}
