use serde_json::Value;

use crate::{Actor, Timestamp, WorkflowId, WorkflowVersionId};

/// Who may start a workflow by hand, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManualPolicy {
    /// What runs are said to be triggered by when a dispatch has no label.
    pub label: Option<String>,
    /// Who may; everybody, when nobody is named.
    pub allowed_actors: Vec<Actor>,
    /// Whether a dispatch needs a comment.
    pub require_comment: bool,
    /// The input of runs that are given none.
    pub default_payload: Option<Value>,
    /// How many seconds must pass between two dispatches.
    pub cooldown_seconds: u32,
}

/// The manual policy of a workflow as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ManualTrigger {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The policy.
    pub policy: ManualPolicy,
    /// When it was last dispatched by hand.
    pub last_dispatched_at: Option<Timestamp>,
    /// When the policy was first set.
    pub created_at: Timestamp,
    /// When the policy was last set.
    pub updated_at: Timestamp,
}

/// What `dispatch_manual` takes.
#[derive(Debug, Clone, PartialEq)]
pub struct ManualDispatch {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The runs: 1 to 100, all of them or none.
    pub runs: Vec<ManualRun>,
    /// What the runs are said to be triggered by: 1 to 255 bytes.
    pub label: Option<String>,
    /// Why they are started: up to 1024 characters; kept in the audit of each run.
    pub comment: Option<String>,
}

/// One run of a manual dispatch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManualRun {
    /// The version; the latest, when none is given.
    pub workflow_version_id: Option<WorkflowVersionId>,
    /// What it is started with; the policy's default payload, or an empty object.
    pub input: Option<Value>,
}
