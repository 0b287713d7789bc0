use serde_json::{Map, Value};

use super::RunnableConfig;
use crate::words::words;
use crate::{RunId, Timestamp, WorkflowId, WorkflowVersionId};

/// One run of a version of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The version that is run.
    pub workflow_version_id: WorkflowVersionId,
    /// Where it stands.
    pub status: RunStatus,
    /// What started it, such as `manual`, `cron`, `webhook` or the label of a batch.
    pub triggered_by: String,
    /// What it was started with.
    pub input: Value,
    /// The configuration it runs under: the version's with what the run overrides.
    pub runnable_config: RunnableConfig,
    /// Labels, out of the configuration.
    pub tags: Vec<String>,
    /// Callbacks, out of the configuration.
    pub callbacks: Vec<Value>,
    /// Free data, out of the configuration; an object.
    pub metadata: Value,
    /// A name for people, out of the configuration.
    pub run_name: Option<String>,
    /// What it came to.
    pub output: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// Which attempt this is: 1 for the first.
    pub attempt: i32,
    /// The attempt before this one.
    pub retry_of: Option<RunId>,
    /// The key under which it was created once.
    pub idempotency_key: Option<String>,
    /// When it is to run; at once, when none.
    pub scheduled_for: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Increases with every change.
    pub row_version: i64,
}

words! {
    /// Where a run stands. The last three do not change again.
    pub enum RunStatus of "status" {
        /// Created, not started.
        Pending = "pending",
        /// At work.
        Running = "running",
        /// Finished as wanted.
        Succeeded = "succeeded",
        /// Finished with an error.
        Failed = "failed",
        /// Stopped from outside.
        Cancelled = "cancelled",
    }
}

impl RunStatus {
    /// The statuses of runs that are over.
    pub const FINISHED: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Cancelled];

    /// Tells whether a run in this status is over.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// What `create_run` takes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The version; the latest, when none is given.
    pub workflow_version_id: Option<WorkflowVersionId>,
    /// What starts it: 1 to 255 bytes.
    pub triggered_by: String,
    /// What it is started with.
    pub input: Value,
    /// What it overrides in the version's configuration.
    pub runnable_config: RunnableConfig,
    /// A key under which it is created once: 1 to 255 bytes, unique in the workflow.
    pub idempotency_key: Option<String>,
    /// When it is to run; at once, when none is given.
    pub scheduled_for: Option<Timestamp>,
}

impl NewRun {
    /// Describes a run of the latest version, at once, with an empty input.
    #[must_use]
    pub fn new(workflow_id: WorkflowId, triggered_by: impl Into<String>) -> Self {
        Self {
            workflow_id,
            workflow_version_id: None,
            triggered_by: triggered_by.into(),
            input: Value::Object(Map::new()),
            runnable_config: RunnableConfig::default(),
            idempotency_key: None,
            scheduled_for: None,
        }
    }
}

/// A run that failed, and what the retry policy made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedRun {
    /// The run.
    pub run: Run,
    /// The next attempt, if there is one.
    pub retry: Option<RetryDecision>,
}

/// The next attempt at a run that failed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryDecision {
    /// The run of the next attempt.
    pub run_id: RunId,
    /// Which retry this is: 1 for the first, that is, for the second attempt.
    pub retry_number: i32,
    /// When it is to run.
    pub scheduled_for: Timestamp,
    /// How long after the failure that is, in seconds.
    pub delay_seconds: f64,
}

/// Which runs are meant. Every part that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this workflow.
    pub workflow_id: Option<WorkflowId>,
    /// In this status.
    pub status: Option<RunStatus>,
    /// Started by this.
    pub triggered_by: Option<String>,
    /// Created at this instant or later.
    pub created_from: Option<Timestamp>,
    /// Created before this instant.
    pub created_before: Option<Timestamp>,
    /// Carrying this tag.
    pub tag: Option<String>,
}
