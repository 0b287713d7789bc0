//! Writes of a task that may be put.

use std::collections::HashSet;

use store_core::checkpoints::graph::{CheckpointRef, GraphWrite};
use store_core::{Error, Result, TaskId, Timestamp, check_external};

use super::GraphContext;
use super::blob::Blob;
use super::input::{
    checked_count, checked_id, checked_namespace, checked_path, checked_total, checked_value,
};

/// Writes that were checked. Without `Debug`, like their values.
pub(crate) struct ReadyWrites {
    pub(crate) checkpoint: CheckpointRef,
    pub(crate) task_id: TaskId,
    pub(crate) task_path: String,
    pub(crate) writes: Vec<ReadyWrite>,
    pub(crate) now: Timestamp,
}

/// One of them.
pub(crate) struct ReadyWrite {
    pub(crate) index: i32,
    pub(crate) channel: String,
    pub(crate) blob: Blob,
}

impl ReadyWrites {
    /// Checks writes, and seals their values if there is a key ring.
    pub(crate) fn new(
        cx: &GraphContext,
        checkpoint: &CheckpointRef,
        task_id: &TaskId,
        task_path: &str,
        writes: Vec<GraphWrite>,
    ) -> Result<Self> {
        checked_namespace(&checkpoint.checkpoint_ns)?;
        checked_id("checkpoint_id", checkpoint.id)?;
        checked_path(task_path)?;
        checked_count("writes", writes.len())?;
        let mut indices = HashSet::new();
        for (place, write) in writes.iter().enumerate() {
            let field = format!("writes[{place}]");
            check_external(&format!("{field}.channel"), &write.channel)?;
            checked_value(&field, &write.value)?;
            if !indices.insert(write.index) {
                return Err(Error::invalid(format!("{field}.index"), "occurs earlier"));
            }
        }
        checked_total("writes", writes.iter().map(|write| &write.value))?;
        let ready = |GraphWrite { index, channel, value }| {
            Ok(ReadyWrite { index, channel, blob: Blob::new(cx.keys.as_ref(), value)? })
        };
        Ok(Self {
            checkpoint: checkpoint.clone(),
            task_id: task_id.clone(),
            task_path: task_path.to_owned(),
            writes: writes.into_iter().map(ready).collect::<Result<_>>()?,
            now: cx.clock.now(),
        })
    }
}
