//! Checkpoints that are recorded.

use serde_json::Value;
use store_core::checkpoints::{Checkpoint, Metrics, NewCheckpoint};
use store_core::json::Admitted;
use store_core::{CheckpointId, Error, Result};

use super::Context;
use super::text::{checked_url, checked_workflow};

/// A checkpoint that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyCheckpoint {
    /// As it will be read back, but for its version.
    pub(crate) checkpoint: Checkpoint,
    /// The version, when it is given.
    pub(crate) config_version: Option<i32>,
    pub(crate) runnable_config: Admitted,
    pub(crate) metrics: Admitted,
    pub(crate) metadata: Admitted,
    /// The metrics that compare: NaN does not.
    pub(crate) numbers: Vec<(String, f64)>,
}

impl ReadyCheckpoint {
    /// Checks a new checkpoint.
    pub(crate) fn new(context: &Context, new: NewCheckpoint) -> Result<Self> {
        checked_workflow(&new.workflow_id)?;
        if new.config_version.is_some_and(|version| version < 1) {
            return Err(Error::invalid("config_version", "starts at 1"));
        }
        new.artifact_url.as_deref().map_or(Ok(()), checked_url)?;
        checked_object("runnable_config", &new.runnable_config)?;
        checked_object("metadata", &new.metadata)?;
        let json = &context.json;
        let runnable_config = json.admit("runnable_config", new.runnable_config)?;
        let metrics = json.admit("metrics", new.metrics.into_json())?;
        let metadata = json.admit("metadata", new.metadata)?;
        let kept = Metrics::from_json(metrics.value.clone())?;
        let numbers = kept.numbers().filter(|(_, value)| !value.is_nan());
        Ok(Self {
            numbers: numbers.map(|(path, value)| (path.to_string(), value)).collect(),
            checkpoint: Checkpoint {
                id: CheckpointId::mint(),
                workflow_id: new.workflow_id,
                config_version: new.config_version.unwrap_or_default(),
                runnable_config: runnable_config.value.clone(),
                metrics: kept,
                metadata: metadata.value.clone(),
                artifact_url: new.artifact_url,
                is_best: new.is_best,
                parent_id: new.parent_id,
                created_at: context.clock.now(),
            },
            config_version: new.config_version,
            runnable_config,
            metrics,
            metadata,
        })
    }

    /// Makes the record that was stored under a version.
    pub(crate) fn into_record(self, config_version: i32) -> Checkpoint {
        Checkpoint { config_version, ..self.checkpoint }
    }

    /// Returns the bytes of JSON in the row.
    pub(crate) fn bytes(&self) -> i64 {
        [&self.runnable_config, &self.metrics, &self.metadata]
            .into_iter()
            .map(Admitted::bytes)
            .sum()
    }

    /// Says that another checkpoint has the version.
    pub(crate) fn taken(&self) -> Error {
        let (workflow, version) = (&self.checkpoint.workflow_id, self.config_version);
        let id = format!("{workflow}/{}", version.unwrap_or_default());
        Error::conflict("checkpoint", id, "this version is taken")
    }

    /// Says that the parent is not there.
    pub(crate) fn orphan(&self) -> Error {
        let parent = self.checkpoint.parent_id.map_or_else(String::new, |id| id.to_string());
        Error::not_found("checkpoint", parent)
    }
}

/// Says that a workflow has no version left.
pub(crate) fn used_up() -> Error {
    let reason = format!("the workflow has used the last one, {}: give one that is free", i32::MAX);
    Error::invalid("config_version", reason)
}

/// Checks that JSON is an object.
pub(super) fn checked_object(field: &str, value: &Value) -> Result<()> {
    if value.is_object() { Ok(()) } else { Err(Error::invalid(field, "must be an object")) }
}
