//! The rules of workflows that need no SQL: what both implementations do with their input.

pub(crate) mod change;
pub(crate) mod config;
pub(crate) mod cron;
pub(crate) mod graph;
mod handle;
pub(crate) mod listener;
pub(crate) mod manual;
pub(crate) mod queue;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod text;
pub(crate) mod version;
pub(crate) mod webhook;
pub(crate) mod workflow;

use std::sync::Arc;
use std::time::Duration;

use store_core::json::JsonPolicy;
use store_core::seal::KeyRing;
use store_core::{Clock, RunId, Timestamp};

/// How long `health` waits for its database.
pub(crate) const HEALTH_DEADLINE: Duration = Duration::from_secs(5);

/// What a store needs besides its database.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) json: JsonPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    /// What secrets are sealed with.
    pub(crate) keys: Option<KeyRing>,
}

/// The key a listing of runs continues after.
pub(crate) type RunKey = (Timestamp, RunId);
