//! The rules of graph state that need no SQL.

pub(crate) mod assembly;
pub(crate) mod blob;
pub(crate) mod filter;
pub(crate) mod input;
pub(crate) mod put;
pub(crate) mod writes;

use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::seal::KeyRing;
use store_core::{Clock, GraphCheckpointId};

/// What the graph state needs besides its database.
#[derive(Debug, Clone)]
pub(crate) struct GraphContext {
    pub(crate) json: JsonPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    /// What values are sealed with.
    pub(crate) keys: Option<KeyRing>,
}

/// The key a listing of checkpoints continues after: the id and the namespace.
pub(crate) type CheckpointKey = (GraphCheckpointId, String);
