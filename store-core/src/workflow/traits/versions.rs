use async_trait::async_trait;

use crate::workflow::{NewVersion, RunnableConfig, VersionDiff, WorkflowVersion};
use crate::{Actor, Page, PageRequest, Result, WorkflowId, WorkflowVersionId};

/// The versions of workflows.
#[async_trait]
pub trait Versions: Send + Sync {
    /// Creates the next version of a workflow and returns it.
    ///
    /// In one transaction: the number from the workflow's counter (concurrent calls get 1, 2, 3 …
    /// without gaps), the version, its listeners and the audit. Listeners the version does not
    /// have are disabled; the others keep cursor, lease and status, only a disabled one is active
    /// again.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when the workflow is archived (that is audited); `Invalid`.
    async fn create_version(&self, actor: &Actor, new: NewVersion) -> Result<WorkflowVersion>;

    /// Returns a version.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch_version(&self, id: WorkflowVersionId) -> Result<WorkflowVersion>;

    /// Returns a version by its number.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch_version_by_number(
        &self,
        workflow_id: WorkflowId,
        version: i32,
    ) -> Result<WorkflowVersion>;

    /// Returns the version with the highest number, or nothing.
    async fn latest_version(&self, workflow_id: WorkflowId) -> Result<Option<WorkflowVersion>>;

    /// Lists the versions of a workflow by number, newest first unless asked otherwise. An unknown
    /// workflow has none.
    async fn list_versions(
        &self,
        workflow_id: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<WorkflowVersion>>;

    /// Replaces the configuration that runs of a version begin with, and returns the version.
    /// Runs that exist keep theirs.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`.
    async fn update_runnable_config(
        &self,
        actor: &Actor,
        id: WorkflowVersionId,
        config: Option<RunnableConfig>,
    ) -> Result<WorkflowVersion>;

    /// Compares the graphs of two versions of one workflow, by number.
    ///
    /// # Errors
    /// `NotFound`.
    async fn diff_versions(
        &self,
        workflow_id: WorkflowId,
        base: i32,
        target: i32,
    ) -> Result<VersionDiff>;

    /// Checks that a stored graph is the one that was created, by its checksum.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` when it is another.
    async fn verify_version(&self, id: WorkflowVersionId) -> Result<()>;
}
