//! Rows as they are stored, and how they become records.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde_json::Value;
use store_core::checkpoints::{Checkpoint, Metrics};
use store_core::json::JsonPolicy;
use store_core::{Error, Result};

use super::schema::agentensor_checkpoints;
use crate::rules::retention::Kin;

/// A checkpoint, with the columns in the order of the table.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = agentensor_checkpoints, check_for_backend(Sqlite))]
pub(super) struct CheckpointRow {
    id: String,
    workflow_id: String,
    config_version: i32,
    runnable_config: String,
    metrics: String,
    metadata: String,
    artifact_url: Option<String>,
    is_best: bool,
    parent_id: Option<String>,
    pub(super) record_bytes: i64,
    created_at: String,
}

impl CheckpointRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<Checkpoint> {
        let read = Reader { table: "agentensor_checkpoints", id: &self.id, json };
        let parent_id = self.parent_id.as_deref();
        Ok(Checkpoint {
            id: read.parsed("id", &self.id)?,
            workflow_id: self.workflow_id,
            config_version: self.config_version,
            runnable_config: read.json("runnable_config", &self.runnable_config)?,
            metrics: read.metrics("metrics", &self.metrics)?,
            metadata: read.json("metadata", &self.metadata)?,
            artifact_url: self.artifact_url,
            is_best: self.is_best,
            parent_id: parent_id.map(|id| read.parsed("parent_id", id)).transpose()?,
            created_at: read.parsed("created_at", &self.created_at)?,
        })
    }
}

/// A checkpoint as far as it matters for what a prune deletes.
#[derive(Debug, Queryable)]
pub(super) struct KinRow {
    id: String,
    parent_id: Option<String>,
    is_best: bool,
    is_latest: bool,
    has_other_children: bool,
    bytes: i64,
}

impl KinRow {
    pub(super) fn into_kin(self, json: &JsonPolicy) -> Result<Kin> {
        let read = Reader { table: "agentensor_checkpoints", id: &self.id, json };
        let parent_id = self.parent_id.as_deref();
        Ok(Kin {
            id: read.parsed("id", &self.id)?,
            parent_id: parent_id.map(|id| read.parsed("parent_id", id)).transpose()?,
            is_best: self.is_best,
            is_latest: self.is_latest,
            has_other_children: self.has_other_children,
            bytes: self.bytes,
        })
    }
}

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
struct Reader<'a> {
    table: &'static str,
    id: &'a str,
    json: &'a JsonPolicy,
}

impl Reader<'_> {
    // parity: JSON arrives as text.
    fn json(&self, column: &'static str, text: &str) -> Result<Value> {
        let value = serde_json::from_str(text)
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))?;
        Ok(self.json.restore(value))
    }

    fn metrics(&self, column: &'static str, text: &str) -> Result<Metrics> {
        Metrics::from_json(self.json(column, text)?)
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    // parity: ids and instants arrive as text.
    fn parsed<T: std::str::FromStr<Err = Error>>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T> {
        text.parse().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }
}
