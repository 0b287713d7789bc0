//! Rows as they are stored, and how they become records.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde_json::Value;
use store_core::history::{Execution, Step, TaskExecution, TaskResult, Usage};
use store_core::json::JsonPolicy;
use store_core::{Error, ExecutionId, Message, Result, TaskId, Timestamp};

use super::schema::{history_executions, history_results, history_steps, history_tasks};
use crate::rules::{ReadyExecution, ReadyResult, ReadyStep, ReadyTask};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = history_executions, check_for_backend(Sqlite))]
pub(super) struct ExecutionRow {
    pub(super) execution_id: String,
    pub(super) workflow_id: String,
    pub(super) inputs: String,
    pub(super) runnable_config: String,
    pub(super) tags: String,
    pub(super) callbacks: String,
    pub(super) metadata: String,
    pub(super) run_name: Option<String>,
    pub(super) status: String,
    pub(super) started_at: String,
    pub(super) completed_at: Option<String>,
    pub(super) error: Option<String>,
    pub(super) trace_id: Option<String>,
    pub(super) trace_started_at: Option<String>,
    pub(super) trace_completed_at: Option<String>,
    pub(super) trace_last_span_at: Option<String>,
    pub(super) step_count: i64,
    pub(super) step_bytes: i64,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cost_micros: i64,
    pub(super) record_bytes: i64,
    pub(super) updated_at: String,
}

impl ExecutionRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<Execution> {
        let read = Reader { table: "history_executions", id: &self.execution_id, json };
        Ok(Execution {
            workflow_id: self.workflow_id,
            inputs: read.json("inputs", &self.inputs)?,
            runnable_config: read.json("runnable_config", &self.runnable_config)?,
            tags: read.strings("tags", &self.tags)?,
            callbacks: read.array("callbacks", &self.callbacks)?,
            metadata: read.json("metadata", &self.metadata)?,
            run_name: self.run_name,
            status: read.parsed("status", &self.status)?,
            started_at: read.parsed("started_at", &self.started_at)?,
            completed_at: read.optional("completed_at", self.completed_at.as_deref())?,
            error: self.error,
            trace_id: self.trace_id,
            trace_started_at: read
                .optional("trace_started_at", self.trace_started_at.as_deref())?,
            trace_completed_at: read
                .optional("trace_completed_at", self.trace_completed_at.as_deref())?,
            trace_last_span_at: read
                .optional("trace_last_span_at", self.trace_last_span_at.as_deref())?,
            step_count: self.step_count,
            usage: Usage {
                input_tokens: self.input_tokens,
                output_tokens: self.output_tokens,
                cost_micros: self.cost_micros,
            },
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            execution_id: read.parsed("execution_id", &self.execution_id)?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = history_executions, check_for_backend(Sqlite))]
pub(super) struct NewExecutionRow<'a> {
    execution_id: &'a str,
    workflow_id: &'a str,
    inputs: &'a str,
    runnable_config: &'a str,
    tags: &'a str,
    callbacks: &'a str,
    metadata: &'a str,
    run_name: Option<&'a str>,
    status: &'a str,
    started_at: String,
    trace_id: Option<&'a str>,
    trace_started_at: Option<String>,
    trace_last_span_at: Option<String>,
    record_bytes: i64,
    updated_at: String,
}

impl<'a> NewExecutionRow<'a> {
    pub(super) fn new(ready: &'a ReadyExecution) -> Self {
        let execution = &ready.execution;
        Self {
            execution_id: execution.execution_id.as_str(),
            workflow_id: &execution.workflow_id,
            inputs: &ready.inputs.text,
            runnable_config: &ready.runnable_config.text,
            tags: &ready.tags.text,
            callbacks: &ready.callbacks.text,
            metadata: &ready.metadata.text,
            run_name: execution.run_name.as_deref(),
            status: execution.status.as_str(),
            started_at: execution.started_at.to_string(),
            trace_id: execution.trace_id.as_deref(),
            trace_started_at: execution.trace_started_at.map(|at| at.to_string()),
            trace_last_span_at: execution.trace_last_span_at.map(|at| at.to_string()),
            record_bytes: ready.bytes(),
            updated_at: execution.updated_at.to_string(),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = history_steps, check_for_backend(Sqlite))]
pub(super) struct StepRow {
    pub(super) execution_id: String,
    pub(super) step_index: i64,
    pub(super) at: String,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) payload: String,
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
            at: read.parsed("at", &self.at)?,
            kind: self.kind,
            name: self.name,
            payload: read.json("payload", &self.payload)?,
            usage: usage(self.input_tokens, self.output_tokens, self.cost_micros),
            idempotency_key: self.idempotency_key,
        })
    }
}

// parity: PostgreSQL's statement takes the step's place and fills it at once.
#[derive(Debug, Insertable)]
#[diesel(table_name = history_steps, check_for_backend(Sqlite))]
pub(super) struct NewStepRow<'a> {
    pub(super) execution_id: &'a str,
    pub(super) step_index: i64,
    pub(super) execution_started_at: &'a str,
    pub(super) at: String,
    pub(super) kind: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) payload: &'a str,
    pub(super) payload_bytes: i64,
    pub(super) byte_offset: i64,
    pub(super) input_tokens: Option<i64>,
    pub(super) output_tokens: Option<i64>,
    pub(super) cost_micros: Option<i64>,
    pub(super) idempotency_key: Option<&'a str>,
}

// parity: belongs to NewStepRow.
impl<'a> NewStepRow<'a> {
    pub(super) fn new(
        id: &'a ExecutionId,
        step: &'a ReadyStep,
        step_index: i64,
        byte_offset: i64,
        execution_started_at: &'a str,
    ) -> Self {
        Self {
            execution_id: id.as_str(),
            step_index,
            execution_started_at,
            at: step.at.to_string(),
            kind: step.kind.as_deref(),
            name: step.name.as_deref(),
            payload: &step.payload.text,
            payload_bytes: step.payload.bytes(),
            byte_offset,
            input_tokens: step.usage.map(|usage| usage.input_tokens),
            output_tokens: step.usage.map(|usage| usage.output_tokens),
            cost_micros: step.usage.map(|usage| usage.cost_micros),
            idempotency_key: step.idempotency_key.as_deref(),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = history_tasks, check_for_backend(Sqlite))]
pub(super) struct TaskRow {
    pub(super) execution_id: String,
    pub(super) task_id: String,
    pub(super) attempt: i32,
    pub(super) runtime: Option<String>,
    pub(super) args: Option<String>,
    pub(super) result: Option<String>,
    pub(super) error: Option<String>,
    pub(super) started_at: String,
    pub(super) completed_at: Option<String>,
    pub(super) duration_ms: Option<i64>,
    pub(super) status: String,
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
            args: self.args.map(|text| read.json("args", &text)).transpose()?,
            result: self.result.map(|text| read.json("result", &text)).transpose()?,
            error: self.error,
            started_at: read.parsed("started_at", &self.started_at)?,
            completed_at: read.optional("completed_at", self.completed_at.as_deref())?,
            duration_ms: self.duration_ms,
            status: read.parsed("status", &self.status)?,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = history_tasks, check_for_backend(Sqlite), treat_none_as_null = true)]
pub(super) struct NewTaskRow<'a> {
    execution_id: &'a str,
    task_id: &'a str,
    attempt: i32,
    runtime: Option<&'a str>,
    args: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
    started_at: String,
    completed_at: Option<String>,
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
            args: ready.args.as_ref().map(|admitted| admitted.text.as_str()),
            result: ready.result.as_ref().map(|admitted| admitted.text.as_str()),
            error: task.error.as_deref(),
            started_at: task.started_at.to_string(),
            completed_at: task.completed_at.map(|at| at.to_string()),
            duration_ms: task.duration_ms,
            status: task.status.as_str(),
            record_bytes: ready.bytes(),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = history_results, check_for_backend(Sqlite))]
pub(super) struct ResultRow {
    pub(super) execution_id: String,
    pub(super) task_id: String,
    pub(super) result_key: String,
    pub(super) value: String,
    pub(super) updated_at: String,
    pub(super) record_bytes: i64,
}

impl ResultRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<TaskResult> {
        let id = format!("{}/{}/{}", self.execution_id, self.task_id, self.result_key);
        let read = Reader { table: "history_results", id: &id, json };
        Ok(TaskResult {
            execution_id: read.parsed("execution_id", &self.execution_id)?,
            task_id: read.parsed("task_id", &self.task_id)?,
            value: read.json("value", &self.value)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            key: self.result_key,
        })
    }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = history_results, check_for_backend(Sqlite))]
pub(super) struct NewResultRow<'a> {
    execution_id: &'a str,
    task_id: &'a str,
    result_key: &'a str,
    value: &'a str,
    updated_at: String,
    record_bytes: i64,
}

impl<'a> NewResultRow<'a> {
    pub(super) fn new(ready: &'a ReadyResult) -> Self {
        Self {
            execution_id: ready.result.execution_id.as_str(),
            task_id: ready.result.task_id.as_str(),
            result_key: &ready.result.key,
            value: &ready.value.text,
            updated_at: ready.updated_at.to_string(),
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
    // parity: JSON arrives as text.
    fn json(&self, column: &'static str, text: &str) -> Result<Value> {
        let value = serde_json::from_str(text)
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))?;
        Ok(self.json.restore(value))
    }

    fn array(&self, column: &'static str, text: &str) -> Result<Vec<Value>> {
        match self.json(column, text)? {
            Value::Array(items) => Ok(items),
            _ => Err(self.corrupt(column, "is no array")),
        }
    }

    fn strings(&self, column: &'static str, text: &str) -> Result<Vec<String>> {
        self.array(column, text)?
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

    fn optional(&self, column: &'static str, text: Option<&str>) -> Result<Option<Timestamp>> {
        text.map(|text| self.parsed(column, text)).transpose()
    }

    fn corrupt(&self, column: &'static str, reason: &str) -> Error {
        Error::corrupt(self.table, column, self.id, Message(reason.to_owned()))
    }
}
