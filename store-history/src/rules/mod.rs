//! The rules of run history that need no SQL: what both implementations do with their input.

mod execution;
mod filter;
mod step;
mod task;
mod text;

pub(crate) use execution::{Finish, ReadyExecution};
pub(crate) use filter::{ReadyFilter, checked_batch, checked_months};
pub(crate) use step::{ReadyStep, checked_batch_of_steps};
pub(crate) use task::{ReadyResult, ReadyTask};

use std::sync::Arc;
use std::time::Duration;

use store_core::json::JsonPolicy;
use store_core::{Clock, ExecutionId, Timestamp};

/// How long `health` waits for its database.
pub(crate) const HEALTH_DEADLINE: Duration = Duration::from_secs(5);

/// What a store needs besides its database.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) json: JsonPolicy,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The key a listing of executions continues after.
pub(crate) type ExecutionKey = (Timestamp, ExecutionId);
/// The key a listing of steps continues after: the index, and the byte offset at that edge.
pub(crate) type StepKey = (i64, i64);
/// The key a listing of tasks continues after.
pub(crate) type TaskKey = (String, i32);
/// The key a listing of results continues after.
pub(crate) type ResultKey = (String, String);
