use serde_json::Value;

use crate::words::words;
use crate::{Actor, RunId, Timestamp, WorkflowId};

/// One entry of the audit of workflows and runs. Entries are only ever added.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its place: entries of one workflow or run ascend in the order they happened.
    pub seq: i64,
    /// The workflow it is about.
    pub workflow_id: WorkflowId,
    /// The run it is about, if it is about one.
    pub run_id: Option<RunId>,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: AuditAction,
    /// When.
    pub at: Timestamp,
    /// What there is to say about it, an object.
    pub metadata: Value,
}

words! {
    /// What an audit entry says was done.
    pub enum AuditAction of "action" {
        /// A workflow was created.
        WorkflowCreated = "workflow_created",
        /// A workflow was changed: `{field: {from, to}}`.
        WorkflowUpdated = "workflow_updated",
        /// A workflow was published.
        WorkflowPublished = "workflow_published",
        /// A workflow is no longer published.
        WorkflowUnpublished = "workflow_unpublished",
        /// A workflow was archived.
        WorkflowArchived = "workflow_archived",
        /// A workflow was taken out of the archive.
        WorkflowUnarchived = "workflow_unarchived",
        /// A workflow was deleted with all that belonged to it.
        WorkflowDeleted = "workflow_deleted",
        /// A version was created: `{version_id, version}`.
        VersionCreated = "version_created",
        /// The configuration of a version was changed: `{version_id}`.
        VersionConfigured = "version_configured",
        /// A version was refused, because the workflow is archived.
        VersionRefused = "version_refused",
        /// A run was refused, because the workflow is archived: `{triggered_by}`.
        RunRefused = "run_refused",
        /// A run was created.
        RunCreated = "run_created",
        /// A run was started.
        RunStarted = "run_started",
        /// A run succeeded.
        RunSucceeded = "run_succeeded",
        /// A run failed: `{error}`.
        RunFailed = "run_failed",
        /// A run was cancelled: `{reason?}`.
        RunCancelled = "run_cancelled",
        /// A trigger was configured: `{trigger}`.
        TriggerConfigured = "trigger_configured",
        /// A trigger was deleted: `{trigger}`.
        TriggerDeleted = "trigger_deleted",
    }
}
