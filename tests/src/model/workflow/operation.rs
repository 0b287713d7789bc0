//! The operations that are compared, and their answers.

use std::time::Duration;

use serde_json::Value;
use store_core::workflow::{
    AuditEntry, NewRun, NewWorkflow, Publication, RetryPolicy, Run, RunFilter, RunStatus,
    RunnableConfig, Workflow, WorkflowFilter, WorkflowUpdate, WorkflowVersion,
};
use store_core::{Error, Order, RunId, Timestamp, WorkflowId, WorkflowVersionId};

/// One operation on workflows or runs.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is called as the method it stands for")]
pub enum Operation {
    Create(NewWorkflow),
    Fetch(WorkflowId),
    Resolve(String, bool),
    List(WorkflowFilter, Order, u32),
    Update(WorkflowId, WorkflowUpdate),
    Archive(WorkflowId),
    Unarchive(WorkflowId),
    Publish(WorkflowId, Publication),
    Unpublish(WorkflowId),
    Delete(WorkflowId),
    Audit(WorkflowId, Order, u32),
    CreateVersion(WorkflowId, Value, Option<RunnableConfig>),
    Configure(WorkflowVersionId, Option<RunnableConfig>),
    Latest(WorkflowId),
    Versions(WorkflowId, Order, u32),
    CreateRun(NewRun),
    Start(RunId),
    Succeed(RunId, Option<Value>),
    Fail(RunId, String),
    Cancel(RunId, Option<String>),
    FetchRun(RunId),
    Runs(RunFilter, Order, u32),
    RunAudit(RunId, Order, u32),
    /// Sets the retry policy of a workflow, or deletes it.
    Retry(WorkflowId, Option<RetryPolicy>),
    DeleteRuns(Timestamp, Vec<RunStatus>, u32),
    /// Moves the clock, in all that are compared.
    Advance(Duration),
}

/// What an operation answered; listings are walked to their end.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is called as what it holds")]
pub enum Answer {
    Nothing,
    Workflow(Box<Workflow>),
    Workflows(Vec<Workflow>),
    Version(Option<Box<WorkflowVersion>>),
    Versions(Vec<WorkflowVersion>),
    Run(Box<Run>),
    /// A run that failed, and its next attempt with the instant it is for.
    Failed(Box<Run>, Option<(RunId, Timestamp)>),
    Runs(Vec<Run>),
    Audit(Vec<AuditEntry>),
    Retry(RetryPolicy),
    Deleted(u64),
}

/// What an operation came to.
pub type Outcome = Result<Answer, Refusal>;

/// An error without its wording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called as the error it stands for")]
pub enum Refusal {
    NotFound,
    Conflict,
    /// With the field, without the path below it.
    Invalid(String),
    InvalidState,
    /// An error that no operation on sound data may answer with.
    Unexpected(String),
}

impl Refusal {
    /// An `Invalid` that names `field`.
    pub(super) fn invalid(field: &str) -> Self {
        Self::Invalid(field.to_owned())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::NotFound,
            Error::Conflict { .. } => Self::Conflict,
            Error::Invalid { field, .. } => {
                Self::invalid(field.split(['.', '[']).next().unwrap_or_default())
            }
            Error::InvalidState { .. } => Self::InvalidState,
            other => Self::Unexpected(other.to_string()),
        }
    }
}
