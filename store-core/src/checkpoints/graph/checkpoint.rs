use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{GraphCheckpointId, ThreadId};

/// Where a checkpoint is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphConfig {
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// The namespace inside the thread: one for each subgraph, empty for the root. At most 255
    /// bytes, no control characters; compared byte by byte.
    pub checkpoint_ns: String,
    /// The checkpoint it was made from. Nothing has to be stored under this id.
    pub parent_id: Option<GraphCheckpointId>,
}

impl GraphConfig {
    /// Describes the root namespace of a thread, without a parent.
    #[must_use]
    pub const fn new(thread_id: ThreadId) -> Self {
        Self { thread_id, checkpoint_ns: String::new(), parent_id: None }
    }

    /// Puts into this namespace.
    #[must_use]
    pub fn in_namespace(self, checkpoint_ns: impl Into<String>) -> Self {
        Self { checkpoint_ns: checkpoint_ns.into(), ..self }
    }

    /// Puts a checkpoint that was made from this one.
    #[must_use]
    pub fn after(self, parent_id: GraphCheckpointId) -> Self {
        Self { parent_id: Some(parent_id), ..self }
    }

    /// Names the checkpoint with this id in the same place.
    #[must_use]
    pub fn checkpoint(&self, id: GraphCheckpointId) -> CheckpointRef {
        let Self { thread_id, checkpoint_ns, .. } = self.clone();
        CheckpointRef { thread_id, checkpoint_ns, id }
    }
}

/// Names one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRef {
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// The namespace inside the thread, as in [`GraphConfig`].
    pub checkpoint_ns: String,
    /// Its id.
    pub id: GraphCheckpointId,
}

/// The state of a graph between two steps, without the values of its channels.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphCheckpoint {
    /// Its id: a UUID of version 6 or 7.
    pub id: GraphCheckpointId,
    /// The version each channel is at: at most 10,000 channels, names and versions of 1 to 255
    /// bytes without control characters. The runtime chooses versions; they are only compared for
    /// equality.
    pub channel_versions: BTreeMap<String, String>,
    /// What each node has seen: an object, which the runtime alone reads.
    pub versions_seen: Value,
    /// Whatever else the runtime keeps in a checkpoint: an object.
    pub extra: Value,
}

impl GraphCheckpoint {
    /// Describes a checkpoint without channels.
    #[must_use]
    pub fn new(id: GraphCheckpointId) -> Self {
        let empty = || Value::Object(Map::new());
        Self { id, channel_versions: BTreeMap::new(), versions_seen: empty(), extra: empty() }
    }
}
