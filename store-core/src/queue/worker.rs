use serde_json::{Map, Value};

use crate::Timestamp;

/// What [`register_worker`](super::WorkerRegistry::register_worker) takes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWorker {
    /// The worker: 1 to 255 bytes, the same that it claims with.
    pub id: String,
    /// What it is able to do: at most 64 words of 1 to 255 bytes.
    pub capabilities: Vec<String>,
    /// Free data, an object.
    pub metadata: Value,
}

impl NewWorker {
    /// Describes a worker without capabilities.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), capabilities: Vec::new(), metadata: Value::Object(Map::new()) }
    }
}

/// A worker that said it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredWorker {
    /// The worker.
    pub id: String,
    /// What it is able to do.
    pub capabilities: Vec<String>,
    /// Free data.
    pub metadata: Value,
    /// When it was registered, by the database's clock.
    pub registered_at: Timestamp,
    /// When it last said so, by the database's clock.
    pub heartbeat_at: Timestamp,
}
