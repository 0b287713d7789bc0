use std::collections::BTreeMap;

use serde_json::Value;

use super::{ChannelValue, CheckpointRef, GraphCheckpoint, GraphConfig, PendingWrite};
use crate::{GraphCheckpointId, Timestamp};

/// A checkpoint with everything that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphState {
    /// Where it was put.
    pub config: GraphConfig,
    /// The checkpoint.
    pub checkpoint: GraphCheckpoint,
    /// The values of its channels; a channel without one is empty.
    pub values: BTreeMap<String, ChannelValue>,
    /// What the runtime says about the step.
    pub metadata: Value,
    /// What tasks wrote to it, by `task_path`, `task_id` and `index`, compared byte by byte.
    pub pending_writes: Vec<PendingWrite>,
    /// When it was put first.
    pub created_at: Timestamp,
}

impl GraphState {
    /// Names the checkpoint.
    #[must_use]
    pub fn reference(&self) -> CheckpointRef {
        self.config.checkpoint(self.checkpoint.id)
    }
}

/// Which checkpoints of a thread are listed. Empty, it means all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GraphFilter {
    /// Only those of this namespace; all namespaces when none is given.
    pub checkpoint_ns: Option<String>,
    /// Only those whose metadata contains this object.
    pub metadata: Option<Value>,
    /// Only those whose id is smaller than this one.
    pub before: Option<GraphCheckpointId>,
}
