//! What a tool needs that writes rows of checkpoints that were made elsewhere: the rules they have
//! to meet, and the columns that are made of them. Nothing here touches a database.

use std::sync::Arc;

use store_core::checkpoints::NewCheckpoint;
use store_core::json::JsonPolicy;
use store_core::{Result, SystemClock};

use crate::rules::Context;
use crate::rules::checkpoint::ReadyCheckpoint;

/// The rules of checkpoints, for those that were made elsewhere.
#[derive(Debug, Clone)]
pub struct Import {
    context: Context,
}

/// The columns of the rows of a checkpoint that are made of it.
#[derive(Debug, Clone)]
pub struct CheckpointColumns {
    /// Its configuration as JSON.
    pub runnable_config: String,
    /// Its metrics as JSON.
    pub metrics: String,
    /// Its metadata as JSON.
    pub metadata: String,
    /// Its numbers that compare, by their paths: the rows of its metrics.
    pub numbers: Vec<(String, f64)>,
    /// The bytes of JSON in the row.
    pub record_bytes: i64,
}

impl Import {
    /// Takes the JSON policy of the target.
    #[must_use]
    pub fn new(json: JsonPolicy) -> Self {
        Self { context: Context { json, clock: Arc::new(SystemClock) } }
    }

    /// Checks a checkpoint.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn checkpoint(&self, given: NewCheckpoint) -> Result<CheckpointColumns> {
        let ready = ReadyCheckpoint::new(&self.context, given)?;
        Ok(CheckpointColumns {
            record_bytes: ready.bytes(),
            runnable_config: ready.runnable_config.text,
            metrics: ready.metrics.text,
            metadata: ready.metadata.text,
            numbers: ready.numbers,
        })
    }
}
