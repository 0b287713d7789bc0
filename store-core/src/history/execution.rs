use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::{Step, Usage};
use crate::{Error, ExecutionId, Timestamp};

/// One run of a workflow or an agent, without its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// The id the application chose.
    pub execution_id: ExecutionId,
    /// What was run: 1 to 255 bytes.
    pub workflow_id: String,
    /// What it was started with.
    pub inputs: Value,
    /// The configuration it ran under.
    pub runnable_config: Value,
    /// Labels, in the order they were given.
    pub tags: Vec<String>,
    /// Callbacks, as the application describes them.
    pub callbacks: Vec<Value>,
    /// Free data, an object; `list` can filter by it.
    pub metadata: Value,
    /// A name for people.
    pub run_name: Option<String>,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it finished.
    pub completed_at: Option<Timestamp>,
    /// Why it failed, or why it was cancelled.
    pub error: Option<String>,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
    /// When its trace began.
    pub trace_started_at: Option<Timestamp>,
    /// When its trace ended.
    pub trace_completed_at: Option<Timestamp>,
    /// The latest instant a step of it carried.
    pub trace_last_span_at: Option<Timestamp>,
    /// How many steps it has: the index of the next one.
    pub step_count: i64,
    /// The sum of its steps' usage.
    pub usage: Usage,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
}

/// An execution and all of its steps, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionWithSteps {
    /// The execution.
    pub execution: Execution,
    /// Its steps by index.
    pub steps: Vec<Step>,
}

/// What `start` takes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExecution {
    /// The id; it must be new.
    pub execution_id: ExecutionId,
    /// What is run: 1 to 255 bytes, no control characters.
    pub workflow_id: String,
    /// What it is started with.
    pub inputs: Value,
    /// The configuration, an object.
    pub runnable_config: Value,
    /// Labels; when none are given, `runnable_config.tags`.
    pub tags: Option<Vec<String>>,
    /// Callbacks; when none are given, `runnable_config.callbacks`.
    pub callbacks: Option<Vec<Value>>,
    /// Free data, an object; when none is given, `runnable_config.metadata`.
    pub metadata: Option<Value>,
    /// A name for people; when none is given, `runnable_config.run_name`.
    pub run_name: Option<String>,
    /// When it started; now, when none is given.
    pub started_at: Option<Timestamp>,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
    /// When its trace began; `started_at`, when none is given.
    pub trace_started_at: Option<Timestamp>,
}

impl NewExecution {
    /// Describes an execution that starts now with empty inputs and configuration.
    #[must_use]
    pub fn new(execution_id: ExecutionId, workflow_id: impl Into<String>) -> Self {
        Self {
            execution_id,
            workflow_id: workflow_id.into(),
            inputs: Value::Object(serde_json::Map::new()),
            runnable_config: Value::Object(serde_json::Map::new()),
            tags: None,
            callbacks: None,
            metadata: None,
            run_name: None,
            started_at: None,
            trace_id: None,
            trace_started_at: None,
        }
    }
}

/// Where an execution, or a task, stands. Only `Running` changes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExecutionStatus {
    /// At work.
    Running,
    /// Finished as wanted.
    Succeeded,
    /// Finished with an error.
    Failed,
    /// Stopped from outside.
    Cancelled,
}

impl ExecutionStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// Returns the word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ExecutionStatus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            Error::invalid("status", "is none of running, succeeded, failed, cancelled")
        })
    }
}

/// Which executions are meant. Every part that is given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExecutionFilter {
    /// Of this workflow.
    pub workflow_id: Option<String>,
    /// In this status.
    pub status: Option<ExecutionStatus>,
    /// Started at this instant or later.
    pub started_from: Option<Timestamp>,
    /// Started before this instant.
    pub started_before: Option<Timestamp>,
    /// Carrying this tag.
    pub tag: Option<String>,
    /// Of this trace.
    pub trace_id: Option<String>,
    /// Whose metadata contains this object, in the sense of PostgreSQL's `@>`.
    pub metadata_contains: Option<Value>,
}

/// What usage is summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageGroup {
    /// By workflow; the key is the workflow's id.
    Workflow,
    /// By the UTC day of the start; the key is `YYYY-MM-DD`.
    Day,
    /// By status; the key is the status.
    Status,
}

/// The usage of a group of executions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageTotal {
    /// What the group has in common.
    pub key: String,
    /// How many executions it holds.
    pub executions: i64,
    /// How many steps they have.
    pub steps: i64,
    /// What they used.
    pub usage: Usage,
}
