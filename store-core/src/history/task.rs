use serde_json::Value;

use super::ExecutionStatus;
use crate::{ExecutionId, TaskId, Timestamp};

/// One attempt at one task of an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskExecution {
    /// The execution it belongs to.
    pub execution_id: ExecutionId,
    /// The task.
    pub task_id: TaskId,
    /// Which attempt this is: 1 and up.
    pub attempt: i32,
    /// Where it ran, such as `python` or a host: at most 255 bytes.
    pub runtime: Option<String>,
    /// What it was called with.
    pub args: Option<Value>,
    /// What it returned.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it finished.
    pub completed_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// Where it stands.
    pub status: ExecutionStatus,
}

impl TaskExecution {
    /// Describes a first attempt that is running.
    #[must_use]
    pub const fn running(
        execution_id: ExecutionId,
        task_id: TaskId,
        started_at: Timestamp,
    ) -> Self {
        Self {
            execution_id,
            task_id,
            attempt: 1,
            runtime: None,
            args: None,
            result: None,
            error: None,
            started_at,
            completed_at: None,
            duration_ms: None,
            status: ExecutionStatus::Running,
        }
    }
}

/// A value a task left behind under a key.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskResult {
    /// The execution it belongs to.
    pub execution_id: ExecutionId,
    /// The task that left it.
    pub task_id: TaskId,
    /// Its key: unique within the task.
    pub key: String,
    /// The value.
    pub value: Value,
    /// When it was last put.
    pub updated_at: Timestamp,
}

/// What `put_result` takes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTaskResult {
    /// The execution it belongs to.
    pub execution_id: ExecutionId,
    /// The task that leaves it.
    pub task_id: TaskId,
    /// Its key: 1 to 255 bytes, no control characters.
    pub key: String,
    /// The value.
    pub value: Value,
}
