//! The rules of checkpoints that need no SQL: what both implementations do with their input.

pub(crate) mod checkpoint;
pub(crate) mod compare;
pub(crate) mod filter;
pub(crate) mod graph;
pub(crate) mod lineage;
pub(crate) mod retention;
pub(crate) mod text;

use std::sync::Arc;
use std::time::Duration;

use store_core::Clock;
use store_core::json::JsonPolicy;

/// How long `health` waits for its database.
pub(crate) const HEALTH_DEADLINE: Duration = Duration::from_secs(5);

/// What a store needs besides its database.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) json: JsonPolicy,
    pub(crate) clock: Arc<dyn Clock>,
}
