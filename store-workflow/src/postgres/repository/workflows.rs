use async_trait::async_trait;
use store_core::workflow::{
    AuditEntry, NewWorkflow, Publication, Workflow, WorkflowFilter, WorkflowUpdate, Workflows,
};
use store_core::{
    Actor, Listing, Order, Page, PageRequest, Result, WorkflowId, observed, observed_read,
};

use crate::postgres::{PostgresWorkflowRepository, audit, workflows};
use crate::rules::change::Request;
use crate::rules::workflow::{
    StoredWorkflow, checked_filter, checked_publication, checked_update, new_workflow, reference,
};

impl PostgresWorkflowRepository {
    async fn change(&self, actor: &Actor, id: WorkflowId, request: Request) -> Result<Workflow> {
        let actor = actor.clone();
        writing!(self, "workflow_change", |conn, cx| {
            workflows::workflow_change(conn, cx, id, &actor, &request)
        })
    }
}

#[async_trait]
impl Workflows for PostgresWorkflowRepository {
    async fn create_workflow(&self, actor: &Actor, new: NewWorkflow) -> Result<Workflow> {
        observed!("workflow", "create_workflow", "postgres", async {
            let row = StoredWorkflow::new(&self.context.json, new_workflow(&self.context, new)?)?;
            let (workflow, actor) = (row.workflow.clone(), actor.clone());
            writing!(self, "workflow_insert", |conn, cx| {
                workflows::workflow_insert(conn, cx, &row, &actor)
            })
            .map(|()| workflow)
        })
        .await
    }

    async fn fetch_workflow(&self, id: WorkflowId) -> Result<Workflow> {
        observed_read!("workflow", "fetch_workflow", "postgres", async {
            reading!(self, "workflow_fetch", |conn, cx| workflows::workflow_fetch(conn, cx, id))
        })
        .await
    }

    async fn find_workflow(&self, id: WorkflowId) -> Result<Option<Workflow>> {
        observed_read!("workflow", "find_workflow", "postgres", async {
            reading!(self, "workflow_find", |conn, cx| workflows::workflow_find(conn, cx, id))
        })
        .await
    }

    async fn resolve_workflow(&self, text: &str, include_archived: bool) -> Result<Workflow> {
        observed_read!("workflow", "resolve_workflow", "postgres", async {
            let text = reference(text)?;
            reading!(self, "workflow_resolve", |conn, cx| {
                workflows::workflow_resolve(conn, cx, &text, include_archived)
            })
        })
        .await
    }

    async fn list_workflows(
        &self,
        filter: &WorkflowFilter,
        page: &PageRequest,
    ) -> Result<Page<Workflow>> {
        observed_read!("workflow", "list_workflows", "postgres", async {
            let filter = checked_filter(filter)?;
            let listing = Listing::new("workflow.list", &filter, page, Order::Desc)?;
            reading!(self, "workflow_list", |conn, cx| {
                workflows::workflow_list(conn, cx, &filter, &listing)
            })
        })
        .await
    }

    async fn update_workflow(
        &self,
        actor: &Actor,
        id: WorkflowId,
        update: WorkflowUpdate,
    ) -> Result<Workflow> {
        observed!("workflow", "update_workflow", "postgres", async {
            self.change(actor, id, Request::Update(checked_update(update)?)).await
        })
        .await
    }

    async fn archive_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<Workflow> {
        let archive = self.change(actor, id, Request::Archive);
        observed!("workflow", "archive_workflow", "postgres", archive).await
    }

    async fn unarchive_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<Workflow> {
        let unarchive = self.change(actor, id, Request::Unarchive);
        observed!("workflow", "unarchive_workflow", "postgres", unarchive).await
    }

    async fn publish_workflow(
        &self,
        actor: &Actor,
        id: WorkflowId,
        publication: Publication,
    ) -> Result<Workflow> {
        observed!("workflow", "publish_workflow", "postgres", async {
            self.change(actor, id, Request::Publish(checked_publication(&publication)?)).await
        })
        .await
    }

    async fn unpublish_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<Workflow> {
        let unpublish = self.change(actor, id, Request::Unpublish);
        observed!("workflow", "unpublish_workflow", "postgres", unpublish).await
    }

    async fn delete_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<()> {
        observed!("workflow", "delete_workflow", "postgres", async {
            let actor = actor.clone();
            writing!(self, "workflow_delete", |conn, cx| {
                workflows::workflow_delete(conn, cx, id, &actor)
            })
        })
        .await
    }

    async fn list_workflow_audit(
        &self,
        id: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>> {
        observed_read!("workflow", "list_workflow_audit", "postgres", async {
            let listing = Listing::new("workflow.audit", &id, page, Order::Asc)?;
            reading!(self, "workflow_audit_list", |conn, cx| {
                audit::workflow_audit_list(conn, cx, id, &listing)
            })
        })
        .await
    }
}
