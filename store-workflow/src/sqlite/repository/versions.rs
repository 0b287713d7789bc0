use async_trait::async_trait;
use store_core::workflow::{NewVersion, RunnableConfig, VersionDiff, Versions, WorkflowVersion};
use store_core::{
    Actor, Listing, Order, Page, PageRequest, Result, WorkflowId, WorkflowVersionId, observed,
    observed_read,
};

use crate::rules::config::checked_config;
use crate::rules::graph;
use crate::rules::version::{ReadyVersion, admit_config, numbered, verified};
use crate::sqlite::{SqliteWorkflowRepository, versions};

impl SqliteWorkflowRepository {
    async fn version(&self, id: WorkflowVersionId) -> Result<WorkflowVersion> {
        reading!(self, "version_fetch", |conn, cx| versions::version_fetch(conn, cx, id))
    }

    async fn version_by_number(&self, id: WorkflowId, number: i32) -> Result<WorkflowVersion> {
        reading!(self, "version_fetch_by_number", |conn, cx| {
            versions::version_fetch_by_number(conn, cx, id, number)
        })
    }
}

#[async_trait]
impl Versions for SqliteWorkflowRepository {
    async fn create_version(&self, actor: &Actor, new: NewVersion) -> Result<WorkflowVersion> {
        observed!("workflow", "create_version", "sqlite", async {
            let ready = ReadyVersion::new(&self.context, actor, new)?;
            // The inner result: a refusal is audited, and so it is not rolled back.
            writing!(self, "version_create", |conn, cx| {
                versions::version_create(conn, cx, &ready)
            })?
        })
        .await
    }

    async fn fetch_version(&self, id: WorkflowVersionId) -> Result<WorkflowVersion> {
        observed_read!("workflow", "fetch_version", "sqlite", self.version(id)).await
    }

    async fn fetch_version_by_number(
        &self,
        workflow_id: WorkflowId,
        version: i32,
    ) -> Result<WorkflowVersion> {
        let fetch = self.version_by_number(workflow_id, version);
        observed_read!("workflow", "fetch_version_by_number", "sqlite", fetch).await
    }

    async fn latest_version(&self, workflow_id: WorkflowId) -> Result<Option<WorkflowVersion>> {
        observed_read!("workflow", "latest_version", "sqlite", async {
            reading!(self, "version_latest", |conn, cx| {
                versions::version_latest(conn, cx, workflow_id)
            })
        })
        .await
    }

    async fn list_versions(
        &self,
        workflow_id: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<WorkflowVersion>> {
        observed_read!("workflow", "list_versions", "sqlite", async {
            let listing = Listing::new("workflow.versions", &workflow_id, page, Order::Desc)?;
            reading!(self, "version_list", |conn, cx| {
                versions::version_list(conn, cx, workflow_id, &listing)
            })
        })
        .await
    }

    async fn update_runnable_config(
        &self,
        actor: &Actor,
        id: WorkflowVersionId,
        config: Option<RunnableConfig>,
    ) -> Result<WorkflowVersion> {
        observed!("workflow", "update_runnable_config", "sqlite", async {
            let config = config.map(checked_config).transpose()?;
            let (config, _) = admit_config(&self.context, config)?;
            let actor = actor.clone();
            writing!(self, "version_configure", |conn, cx| {
                versions::version_configure(conn, cx, id, &actor, config.as_ref())
            })
        })
        .await
    }

    async fn diff_versions(
        &self,
        workflow_id: WorkflowId,
        base: i32,
        target: i32,
    ) -> Result<VersionDiff> {
        observed_read!("workflow", "diff_versions", "sqlite", async {
            let old = self.version_by_number(workflow_id, base).await?;
            let new = self.version_by_number(workflow_id, target).await?;
            let diff = graph::diff(numbered(&old), numbered(&new));
            Ok(VersionDiff { base_version: base, target_version: target, diff })
        })
        .await
    }

    async fn verify_version(&self, id: WorkflowVersionId) -> Result<()> {
        observed_read!("workflow", "verify_version", "sqlite", async {
            verified(&self.version(id).await?)
        })
        .await
    }
}
