//! What a tool needs that writes rows of records that were made elsewhere: the rules they have to
//! meet, and the columns that are made of them. Nothing here touches a database.

use std::sync::Arc;

use store_core::history::{Execution, NewExecution, NewStep, Usage};
use store_core::json::JsonPolicy;
use store_core::{Result, SystemClock, Timestamp};

use crate::rules::{Context, Finish, ReadyExecution, ReadyStep};

/// The rules of run history, for records that were made elsewhere.
#[derive(Debug, Clone)]
pub struct Import {
    context: Context,
}

/// An execution and the columns of its row that are made of it.
#[derive(Debug, Clone)]
pub struct ExecutionColumns {
    /// The execution in the form of the rules.
    pub execution: Execution,
    /// Its inputs as JSON.
    pub inputs: String,
    /// Its configuration as JSON.
    pub runnable_config: String,
    /// Its tags as JSON.
    pub tags: String,
    /// Its callbacks as JSON.
    pub callbacks: String,
    /// Its metadata as JSON.
    pub metadata: String,
    /// The bytes of JSON in the row.
    pub record_bytes: i64,
}

/// A step and the columns of its row that are made of it.
#[derive(Debug, Clone)]
pub struct StepColumns {
    /// When it happened.
    pub at: Timestamp,
    /// Its payload as JSON.
    pub payload: String,
    /// The bytes of that.
    pub payload_bytes: i64,
    /// What it used.
    pub usage: Option<Usage>,
}

impl Import {
    /// Takes the JSON policy of the target.
    #[must_use]
    pub fn new(json: JsonPolicy) -> Self {
        Self { context: Context { json, clock: Arc::new(SystemClock) } }
    }

    /// Checks an execution, whatever its status.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn execution(&self, given: Execution) -> Result<ExecutionColumns> {
        // The end is checked by the rules of finishing, the rest by those of starting.
        let error = given.error.as_deref();
        Finish::new(&self.context, &given.execution_id, given.status, error)?;
        let new = NewExecution {
            execution_id: given.execution_id.clone(),
            workflow_id: given.workflow_id.clone(),
            inputs: given.inputs.clone(),
            runnable_config: given.runnable_config.clone(),
            tags: Some(given.tags.clone()),
            callbacks: Some(given.callbacks.clone()),
            metadata: Some(given.metadata.clone()),
            run_name: given.run_name.clone(),
            started_at: Some(given.started_at),
            trace_id: given.trace_id.clone(),
            trace_started_at: given.trace_started_at,
        };
        let ready = ReadyExecution::new(&self.context, new)?;
        let record_bytes = ready.bytes();
        Ok(ExecutionColumns {
            execution: Execution {
                // Nothing that was given is filled in.
                run_name: given.run_name,
                status: given.status,
                completed_at: given.completed_at,
                error: given.error,
                trace_started_at: given.trace_started_at,
                trace_completed_at: given.trace_completed_at,
                trace_last_span_at: given.trace_last_span_at,
                step_count: given.step_count,
                usage: given.usage,
                updated_at: given.updated_at,
                ..ready.execution
            },
            inputs: ready.inputs.text,
            runnable_config: ready.runnable_config.text,
            tags: ready.tags.text,
            callbacks: ready.callbacks.text,
            metadata: ready.metadata.text,
            record_bytes,
        })
    }

    /// Checks a step.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn step(&self, given: NewStep) -> Result<StepColumns> {
        let ready = ReadyStep::new(&self.context, given)?;
        Ok(StepColumns {
            at: ready.at,
            payload_bytes: ready.payload.bytes(),
            payload: ready.payload.text,
            usage: ready.usage,
        })
    }
}
