use async_trait::async_trait;

use crate::workflow::{
    AuditEntry, NewWorkflow, Publication, Workflow, WorkflowFilter, WorkflowUpdate,
};
use crate::{Actor, Page, PageRequest, Result, WorkflowId};

/// Workflows. Each change is audited in its own transaction.
#[async_trait]
pub trait Workflows: Send + Sync {
    /// Creates a workflow and returns it.
    ///
    /// # Errors
    /// `Conflict` when the handle is taken: another workflow holds it, archived or not. `Invalid`.
    async fn create_workflow(&self, actor: &Actor, new: NewWorkflow) -> Result<Workflow>;

    /// Returns a workflow.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch_workflow(&self, id: WorkflowId) -> Result<Workflow>;

    /// Returns a workflow, or nothing.
    async fn find_workflow(&self, id: WorkflowId) -> Result<Option<Workflow>>;

    /// Returns the workflow that a user means: by handle (an active one before an archived one,
    /// of several archived ones the latest), then by id; whatever its case and the space around.
    ///
    /// # Errors
    /// `NotFound`, for an empty text as well, and for an archived workflow unless those are
    /// included.
    async fn resolve_workflow(&self, text: &str, include_archived: bool) -> Result<Workflow>;

    /// Lists workflows by id, which is by creation, newest first unless asked otherwise: one query.
    async fn list_workflows(
        &self,
        filter: &WorkflowFilter,
        page: &PageRequest,
    ) -> Result<Page<Workflow>>;

    /// Changes a workflow and returns it: one atomic change of exactly the fields that are
    /// mentioned, so that concurrent updates of different fields are all kept.
    ///
    /// An update that changes nothing is not audited and leaves `row_version` as it is.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when `expected` is given and the row has moved on, and when the
    /// handle is taken (two archived workflows may share one); `Invalid`.
    async fn update_workflow(
        &self,
        actor: &Actor,
        id: WorkflowId,
        update: WorkflowUpdate,
    ) -> Result<Workflow>;

    /// Archives a workflow and returns it. In one transaction it is no longer published and its
    /// listeners are disabled.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is archived already.
    async fn archive_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<Workflow>;

    /// Takes a workflow out of the archive and returns it. Its listeners stay disabled until a
    /// new version or [`set_listener_status`](super::Listeners::set_listener_status) says otherwise.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is not archived; `Conflict` when another workflow holds
    /// its handle.
    async fn unarchive_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<Workflow>;

    /// Publishes a workflow and returns it.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is published already, or archived; `Invalid`.
    async fn publish_workflow(
        &self,
        actor: &Actor,
        id: WorkflowId,
        publication: Publication,
    ) -> Result<Workflow>;

    /// Takes a workflow back from the public and returns it.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is not published.
    async fn unpublish_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<Workflow>;

    /// Deletes an archived workflow with its versions, runs, jobs, triggers and listeners. The
    /// audit of the workflow stays.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is not archived.
    async fn delete_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<()>;

    /// Lists the audit of a workflow, without that of its runs, oldest first unless asked
    /// otherwise. A workflow that was deleted still has one; one that never was has none.
    async fn list_workflow_audit(
        &self,
        id: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>>;
}
