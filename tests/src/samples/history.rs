//! Records of run history.

use serde_json::{Value, json};
use store_core::history::{NewExecution, NewStep, NewTaskResult, TaskExecution, Usage};
use store_core::{ExecutionId, TaskId, Timestamp};

/// Makes an execution id.
pub fn id(text: &str) -> ExecutionId {
    ExecutionId::new(text).expect("a valid execution id")
}

/// Makes a task id.
pub fn task_id(text: &str) -> TaskId {
    TaskId::new(text).expect("a valid task id")
}

/// Parses an instant.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a valid instant")
}

/// An execution with nothing but its id and workflow.
pub fn execution(text: &str) -> NewExecution {
    NewExecution::new(id(text), "workflow")
}

/// A step with nothing but a payload.
pub fn step(payload: Value) -> NewStep {
    NewStep::new(payload)
}

/// A step under an idempotency key.
pub fn keyed(key: &str, payload: Value) -> NewStep {
    NewStep { idempotency_key: Some(key.to_owned()), ..NewStep::new(payload) }
}

/// A usage.
pub fn usage(input_tokens: i64, output_tokens: i64, cost_micros: i64) -> Usage {
    Usage { input_tokens, output_tokens, cost_micros }
}

/// A first attempt that is running.
pub fn task(execution: &str, task: &str, started_at: Timestamp) -> TaskExecution {
    TaskExecution::running(id(execution), task_id(task), started_at)
}

/// A result.
pub fn result(execution: &str, task: &str, key: &str, value: Value) -> NewTaskResult {
    NewTaskResult { execution_id: id(execution), task_id: task_id(task), key: key.into(), value }
}

/// A value with one of everything that JSON has.
pub fn everything() -> Value {
    json!({
        "null": null, "true": true, "false": false, "zero": 0, "negative": -42,
        "float": 1.5, "tiny": 5e-324, "text": "späße \"quoted\" \\ \n\t 🎉 日本語 עברית",
        "empty": "", "array": [], "object": {}, "nested": [{"a": [[1, 2], {"b": null}]}],
        "": "the empty key", "key with \"quotes\"": 1
    })
}
