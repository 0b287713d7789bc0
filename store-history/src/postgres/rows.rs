//! Rows as they are stored, and how they become records.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::history::{Execution, Step, TaskExecution, TaskResult, Usage};
use store_core::json::JsonPolicy;
use store_core::{Error, Message, Result, TaskId, Timestamp};

use super::schema::{history_executions, history_results, history_steps, history_tasks};
use crate::rules::{ReadyExecution, ReadyResult, ReadyTask};

// parity: SQLite binds the text itself.
pub(super) use store_core::postgres::JsonText;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = history_executions, check_for_backend(Pg))]
pub(super) struct ExecutionRow {
    pub(super) execution_id: String,
    pub(super) workflow_id: String,
    pub(super) inputs: Value,
    pub(super) runnable_config: Value,
    pub(super) tags: Value,
    pub(super) callbacks: Value,
    pub(super) metadata: Value,
    pub(super) run_name: Option<String>,
    pub(super) status: String,
    pub(super) started_at: DateTime<Utc>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    pub(super) error: Option<String>,
    pub(super) trace_id: Option<String>,
    pub(super) trace_started_at: Option<DateTime<Utc>>,
    pub(super) trace_completed_at: Option<DateTime<Utc>>,
    pub(super) trace_last_span_at: Option<DateTime<Utc>>,
    pub(super) step_count: i64,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(super) step_bytes: i64,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cost_micros: i64,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(super) record_bytes: i64,
    pub(super) updated_at: DateTime<Utc>,
}

impl ExecutionRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<Execution> {
        let read = Reader { table: "history_executions", id: &self.execution_id, json };
        Ok(Execution {
            workflow_id: self.workflow_id,
            inputs: read.json(self.inputs),
            runnable_config: read.json(self.runnable_config),
            tags: read.strings("tags", self.tags)?,
            callbacks: read.array("callbacks", self.callbacks)?,
            metadata: read.json(self.metadata),
            run_name: self.run_name,
            status: read.parsed("status", &self.status)?,
            started_at: read.instant("started_at", self.started_at)?,
            completed_at: read.optional("completed_at", self.completed_at)?,
            error: self.error,
            trace_id: self.trace_id,
            trace_started_at: read.optional("trace_started_at", self.trace_started_at)?,
            trace_completed_at: read.optional("trace_completed_at", self.trace_completed_at)?,
            trace_last_span_at: read.optional("trace_last_span_at", self.trace_last_span_at)?,
            step_count: self.step_count,
            usage: Usage {
                input_tokens: self.input_tokens,
                output_tokens: self.output_tokens,
                cost_micros: self.cost_micros,
            },
            updated_at: read.instant("updated_at", self.updated_at)?,
            execution_id: read.parsed("execution_id", &self.execution_id)?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = history_executions, check_for_backend(Pg))]
pub(super) struct NewExecutionRow<'a> {
    execution_id: &'a str,
    workflow_id: &'a str,
    inputs: JsonText<'a>,
    runnable_config: JsonText<'a>,
    tags: JsonText<'a>,
    callbacks: JsonText<'a>,
    metadata: JsonText<'a>,
    run_name: Option<&'a str>,
    status: &'a str,
    started_at: DateTime<Utc>,
    trace_id: Option<&'a str>,
    trace_started_at: Option<DateTime<Utc>>,
    trace_last_span_at: Option<DateTime<Utc>>,
    record_bytes: i64,
    updated_at: DateTime<Utc>,
}

impl<'a> NewExecutionRow<'a> {
    pub(super) fn new(ready: &'a ReadyExecution) -> Self {
        let execution = &ready.execution;
        Self {
            execution_id: execution.execution_id.as_str(),
            workflow_id: &execution.workflow_id,
            inputs: JsonText(&ready.inputs.text),
            runnable_config: JsonText(&ready.runnable_config.text),
            tags: JsonText(&ready.tags.text),
            callbacks: JsonText(&ready.callbacks.text),
            metadata: JsonText(&ready.metadata.text),
            run_name: execution.run_name.as_deref(),
            status: execution.status.as_str(),
            started_at: execution.started_at.to_datetime(),
            trace_id: execution.trace_id.as_deref(),
            trace_started_at: execution.trace_started_at.map(Timestamp::to_datetime),
            trace_last_span_at: execution.trace_last_span_at.map(Timestamp::to_datetime),
            record_bytes: ready.bytes(),
            updated_at: execution.updated_at.to_datetime(),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = history_steps, check_for_backend(Pg))]
pub(super) struct StepRow {
    pub(super) execution_id: String,
    pub(super) step_index: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) payload: Value,
    pub(super) payload_bytes: i64,
    pub(super) byte_offset: i64,
    pub(super) input_tokens: Option<i64>,
    pub(super) output_tokens: Option<i64>,
    pub(super) cost_micros: Option<i64>,
    pub(super) idempotency_key: Option<String>,
}

impl StepRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<Step> {
        let id = format!("{}/{}", self.execution_id, self.step_index);
        let read = Reader { table: "history_steps", id: &id, json };
        Ok(Step {
            execution_id: read.parsed("execution_id", &self.execution_id)?,
            index: self.step_index,
            at: read.instant("at", self.at)?,
            kind: self.kind,
            name: self.name,
            payload: read.json(self.payload),
            usage: usage(self.input_tokens, self.output_tokens, self.cost_micros),
            idempotency_key: self.idempotency_key,
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = history_tasks, check_for_backend(Pg))]
pub(super) struct TaskRow {
    pub(super) execution_id: String,
    pub(super) task_id: String,
    pub(super) attempt: i32,
    pub(super) runtime: Option<String>,
    pub(super) args: Option<Value>,
    pub(super) result: Option<Value>,
    pub(super) error: Option<String>,
    pub(super) started_at: DateTime<Utc>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    pub(super) duration_ms: Option<i64>,
    pub(super) status: String,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(super) record_bytes: i64,
}

impl TaskRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<TaskExecution> {
        let id = format!("{}/{}/{}", self.execution_id, self.task_id, self.attempt);
        let read = Reader { table: "history_tasks", id: &id, json };
        Ok(TaskExecution {
            execution_id: read.parsed("execution_id", &self.execution_id)?,
            task_id: read.parsed::<TaskId>("task_id", &self.task_id)?,
            attempt: self.attempt,
            runtime: self.runtime,
            args: self.args.map(|value| read.json(value)),
            result: self.result.map(|value| read.json(value)),
            error: self.error,
            started_at: read.instant("started_at", self.started_at)?,
            completed_at: read.optional("completed_at", self.completed_at)?,
            duration_ms: self.duration_ms,
            status: read.parsed("status", &self.status)?,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = history_tasks, check_for_backend(Pg), treat_none_as_null = true)]
pub(super) struct NewTaskRow<'a> {
    execution_id: &'a str,
    task_id: &'a str,
    attempt: i32,
    runtime: Option<&'a str>,
    args: Option<JsonText<'a>>,
    result: Option<JsonText<'a>>,
    error: Option<&'a str>,
    started_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    duration_ms: Option<i64>,
    status: &'a str,
    record_bytes: i64,
}

impl<'a> NewTaskRow<'a> {
    pub(super) fn new(ready: &'a ReadyTask) -> Self {
        let task = &ready.task;
        Self {
            execution_id: task.execution_id.as_str(),
            task_id: task.task_id.as_str(),
            attempt: task.attempt,
            runtime: task.runtime.as_deref(),
            args: ready.args.as_ref().map(|admitted| JsonText(&admitted.text)),
            result: ready.result.as_ref().map(|admitted| JsonText(&admitted.text)),
            error: task.error.as_deref(),
            started_at: task.started_at.to_datetime(),
            completed_at: task.completed_at.map(Timestamp::to_datetime),
            duration_ms: task.duration_ms,
            status: task.status.as_str(),
            record_bytes: ready.bytes(),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = history_results, check_for_backend(Pg))]
pub(super) struct ResultRow {
    pub(super) execution_id: String,
    pub(super) task_id: String,
    pub(super) result_key: String,
    pub(super) value: Value,
    pub(super) updated_at: DateTime<Utc>,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(super) record_bytes: i64,
}

impl ResultRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<TaskResult> {
        let id = format!("{}/{}/{}", self.execution_id, self.task_id, self.result_key);
        let read = Reader { table: "history_results", id: &id, json };
        Ok(TaskResult {
            execution_id: read.parsed("execution_id", &self.execution_id)?,
            task_id: read.parsed("task_id", &self.task_id)?,
            value: read.json(self.value),
            updated_at: read.instant("updated_at", self.updated_at)?,
            key: self.result_key,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = history_results, check_for_backend(Pg))]
pub(super) struct NewResultRow<'a> {
    execution_id: &'a str,
    task_id: &'a str,
    result_key: &'a str,
    value: JsonText<'a>,
    updated_at: DateTime<Utc>,
    record_bytes: i64,
}

impl<'a> NewResultRow<'a> {
    pub(super) fn new(ready: &'a ReadyResult) -> Self {
        Self {
            execution_id: ready.result.execution_id.as_str(),
            task_id: ready.result.task_id.as_str(),
            result_key: &ready.result.key,
            value: JsonText(&ready.value.text),
            updated_at: ready.updated_at.to_datetime(),
            record_bytes: ready.value.bytes(),
        }
    }
}

/// The three columns are all null or all set.
fn usage(input: Option<i64>, output: Option<i64>, cost: Option<i64>) -> Option<Usage> {
    match (input, output, cost) {
        (Some(input_tokens), Some(output_tokens), Some(cost_micros)) => {
            Some(Usage { input_tokens, output_tokens, cost_micros })
        }
        _ => None,
    }
}

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
struct Reader<'a> {
    table: &'static str,
    id: &'a str,
    json: &'a JsonPolicy,
}

impl Reader<'_> {
    // parity: JSONB arrives parsed.
    fn json(&self, value: Value) -> Value {
        self.json.restore(value)
    }

    fn array(&self, column: &'static str, value: Value) -> Result<Vec<Value>> {
        match self.json(value) {
            Value::Array(items) => Ok(items),
            _ => Err(self.corrupt(column, "is no array")),
        }
    }

    fn strings(&self, column: &'static str, value: Value) -> Result<Vec<String>> {
        self.array(column, value)?
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(self.corrupt(column, "holds something else than strings")),
            })
            .collect()
    }

    fn parsed<T: std::str::FromStr<Err = Error>>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T> {
        text.parse().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    // parity: instants arrive parsed.
    fn instant(&self, column: &'static str, instant: DateTime<Utc>) -> Result<Timestamp> {
        instant.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn optional(
        &self,
        column: &'static str,
        instant: Option<DateTime<Utc>>,
    ) -> Result<Option<Timestamp>> {
        instant.map(|instant| self.instant(column, instant)).transpose()
    }

    fn corrupt(&self, column: &'static str, reason: &str) -> Error {
        Error::corrupt(self.table, column, self.id, Message(reason.to_owned()))
    }
}
