use serde_json::{Map, Value};

use super::Metrics;
use crate::{CheckpointId, Timestamp};

/// What a training run had reached: one version of what a workflow learns.
///
/// Once recorded it does not change, apart from `is_best`, and from `parent_id` when the parent is
/// deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The id the store minted.
    pub id: CheckpointId,
    /// What is trained: 1 to 128 bytes.
    pub workflow_id: String,
    /// The number within the workflow, from 1.
    pub config_version: i32,
    /// The configuration that was reached, an object.
    pub runnable_config: Value,
    /// How good it is.
    pub metrics: Metrics,
    /// Free data, an object; `query` can filter by it.
    pub metadata: Value,
    /// Where the weights are, or whatever else is too large for a database.
    pub artifact_url: Option<String>,
    /// Whether it is the best of its workflow; at most one is.
    pub is_best: bool,
    /// The checkpoint that training went on from; none when there was none, or it was deleted.
    pub parent_id: Option<CheckpointId>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// What `record` takes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCheckpoint {
    /// What is trained: 1 to 128 bytes, no control characters. It need not exist anywhere.
    pub workflow_id: String,
    /// The number, from 1, when it is not to be the next one.
    pub config_version: Option<i32>,
    /// The configuration that was reached, an object.
    pub runnable_config: Value,
    /// How good it is.
    pub metrics: Metrics,
    /// Free data, an object.
    pub metadata: Value,
    /// Where the weights are: 1 to 2048 bytes, no control characters.
    pub artifact_url: Option<String>,
    /// Whether it is now the best of its workflow.
    pub is_best: bool,
    /// The checkpoint that training went on from, of this workflow or another.
    pub parent_id: Option<CheckpointId>,
}

impl NewCheckpoint {
    /// Describes the next version of a workflow, with empty configuration, metrics and metadata,
    /// which is not the best.
    #[must_use]
    pub fn new(workflow_id: impl Into<String>) -> Self {
        Self {
            workflow_id: workflow_id.into(),
            config_version: None,
            runnable_config: Value::Object(Map::new()),
            metrics: Metrics::new(),
            metadata: Value::Object(Map::new()),
            artifact_url: None,
            is_best: false,
            parent_id: None,
        }
    }
}
