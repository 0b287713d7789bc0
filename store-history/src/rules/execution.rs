use serde_json::Value;
use store_core::history::{Execution, ExecutionStatus, NewExecution, Usage};
use store_core::json::Admitted;
use store_core::{Error, ExecutionId, Result, Timestamp, check_external};

use super::Context;
use super::text::{checked_error, checked_key, checked_short, checked_tags};

/// An execution that may be stored: checked, and complete with what was left out.
#[derive(Debug, Clone)]
pub(crate) struct ReadyExecution {
    pub(crate) execution: Execution,
    pub(crate) inputs: Admitted,
    pub(crate) runnable_config: Admitted,
    pub(crate) tags: Admitted,
    pub(crate) callbacks: Admitted,
    pub(crate) metadata: Admitted,
}

impl ReadyExecution {
    /// Checks a new execution and fills in what its configuration says.
    pub(crate) fn new(context: &Context, new: NewExecution) -> Result<Self> {
        check_external("workflow_id", &new.workflow_id)?;
        let config = match &new.runnable_config {
            Value::Object(config) => config,
            _ => return Err(Error::invalid("runnable_config", "must be an object")),
        };
        let tags = match new.tags {
            Some(tags) => tags,
            None => strings("runnable_config.tags", config.get("tags"))?,
        };
        let callbacks = match new.callbacks {
            Some(callbacks) => callbacks,
            None => array("runnable_config.callbacks", config.get("callbacks"))?,
        };
        let metadata = new.metadata.or_else(|| non_null(config.get("metadata")));
        let metadata = metadata.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let run_name = match new.run_name {
            Some(name) => Some(name),
            None => string("runnable_config.run_name", config.get("run_name"))?,
        };
        if !metadata.is_object() {
            return Err(Error::invalid("metadata", "must be an object"));
        }
        checked_tags(&tags)?;
        checked_short("run_name", run_name.as_ref())?;
        checked_key("trace_id", new.trace_id.as_ref())?;

        let json = &context.json;
        let admitted = (
            json.admit("inputs", new.inputs)?,
            json.admit("runnable_config", new.runnable_config)?,
            json.admit("tags", Value::from(tags.clone()))?,
            json.admit("callbacks", Value::Array(callbacks))?,
            json.admit("metadata", metadata)?,
        );
        let now = context.clock.now();
        let started_at = new.started_at.unwrap_or(now);
        Ok(Self {
            execution: Execution {
                execution_id: new.execution_id,
                workflow_id: new.workflow_id,
                inputs: admitted.0.value.clone(),
                runnable_config: admitted.1.value.clone(),
                tags,
                callbacks: array("callbacks", Some(&admitted.3.value))?,
                metadata: admitted.4.value.clone(),
                run_name,
                status: ExecutionStatus::Running,
                started_at,
                completed_at: None,
                error: None,
                trace_id: new.trace_id,
                trace_started_at: Some(new.trace_started_at.unwrap_or(started_at)),
                trace_completed_at: None,
                trace_last_span_at: Some(started_at),
                step_count: 0,
                usage: Usage::default(),
                updated_at: now,
            },
            inputs: admitted.0,
            runnable_config: admitted.1,
            tags: admitted.2,
            callbacks: admitted.3,
            metadata: admitted.4,
        })
    }

    /// Returns the bytes of JSON in the row.
    pub(crate) fn bytes(&self) -> i64 {
        [&self.inputs, &self.runnable_config, &self.tags, &self.callbacks, &self.metadata]
            .into_iter()
            .map(Admitted::bytes)
            .sum()
    }
}

/// How an execution ends.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    pub(crate) execution_id: ExecutionId,
    pub(crate) status: ExecutionStatus,
    pub(crate) error: Option<String>,
    pub(crate) at: Timestamp,
}

impl Finish {
    /// Checks the end of an execution.
    pub(crate) fn new(
        context: &Context,
        id: &ExecutionId,
        status: ExecutionStatus,
        error: Option<&str>,
    ) -> Result<Self> {
        if let Some(text) = error {
            checked_error(text)?;
        }
        Ok(Self {
            execution_id: id.clone(),
            status,
            error: error.map(str::to_owned),
            at: context.clock.now(),
        })
    }
}

fn non_null(value: Option<&Value>) -> Option<Value> {
    value.filter(|value| !value.is_null()).cloned()
}

fn array(field: &str, value: Option<&Value>) -> Result<Vec<Value>> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(_) => Err(Error::invalid(field, "must be an array")),
    }
}

fn string(field: &str, value: Option<&Value>) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::invalid(field, "must be a string")),
    }
}

fn strings(field: &str, value: Option<&Value>) -> Result<Vec<String>> {
    array(field, value)?
        .into_iter()
        .map(|item| match item {
            Value::String(text) => Ok(text),
            _ => Err(Error::invalid(field, "must hold strings only")),
        })
        .collect()
}
