use store_core::history::{ExecutionStatus, NewTaskResult, TaskExecution, TaskResult};
use store_core::json::Admitted;
use store_core::{Error, Result, Timestamp, check_external};

use super::Context;
use super::text::{checked_error, checked_short};

/// An attempt at a task that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyTask {
    pub(crate) task: TaskExecution,
    pub(crate) args: Option<Admitted>,
    pub(crate) result: Option<Admitted>,
}

impl ReadyTask {
    /// Checks an attempt at a task; the JSON moves out of `task` into its stored form.
    pub(crate) fn new(context: &Context, mut task: TaskExecution) -> Result<Self> {
        if task.attempt < 1 {
            return Err(Error::invalid("attempt", "starts at 1"));
        }
        if task.duration_ms.is_some_and(|millis| millis < 0) {
            return Err(Error::invalid("duration_ms", "must not be negative"));
        }
        let running = task.status == ExecutionStatus::Running;
        if running != task.completed_at.is_none() {
            let reason = "must be set exactly when the attempt is finished";
            return Err(Error::invalid("completed_at", reason));
        }
        checked_short("runtime", task.runtime.as_ref())?;
        task.error.as_deref().map_or(Ok(()), checked_error)?;
        let json = |field, value: Option<_>| {
            value.map(|value| context.json.admit(field, value)).transpose()
        };
        let args: Option<Admitted> = json("args", task.args.take())?;
        let result: Option<Admitted> = json("result", task.result.take())?;
        task.args = args.as_ref().map(|admitted| admitted.value.clone());
        task.result = result.as_ref().map(|admitted| admitted.value.clone());
        Ok(Self { task, args, result })
    }

    /// Returns the bytes of JSON and error text in the row.
    pub(crate) fn bytes(&self) -> i64 {
        let json: i64 = self.args.iter().chain(&self.result).map(Admitted::bytes).sum();
        let error = self.task.error.as_ref().map_or(0, String::len);
        json.saturating_add(i64::try_from(error).unwrap_or(i64::MAX))
    }
}

/// A task's result that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyResult {
    pub(crate) result: NewTaskResult,
    pub(crate) value: Admitted,
    pub(crate) updated_at: Timestamp,
}

impl ReadyResult {
    /// Checks a result.
    pub(crate) fn new(context: &Context, mut result: NewTaskResult) -> Result<Self> {
        check_external("key", &result.key)?;
        let value = context.json.admit("value", result.value.take())?;
        Ok(Self { result, value, updated_at: context.clock.now() })
    }

    /// Makes the record that was stored.
    pub(crate) fn into_record(self) -> TaskResult {
        TaskResult {
            execution_id: self.result.execution_id,
            task_id: self.result.task_id,
            key: self.result.key,
            value: self.value.value,
            updated_at: self.updated_at,
        }
    }
}
