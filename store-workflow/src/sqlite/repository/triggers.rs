use async_trait::async_trait;
use store_core::workflow::{
    CronConfig, CronTrigger, DispatchGuard, ManualDispatch, ManualPolicy, ManualTrigger,
    NewWebhook, RetryPolicy, Run, Triggers, WebhookRequest, WebhookTrigger,
};
use store_core::{Actor, Result, Timestamp, WorkflowId, observed, observed_read};

use crate::rules::cron::{Schedule, objections};
use crate::rules::manual::{ReadyDispatch, ReadyPolicy};
use crate::rules::retry::checked_retry;
use crate::rules::run::checked_batch;
use crate::rules::webhook::Delivery;
use crate::sqlite::{SqliteWorkflowRepository, cron, manual, purge, retries, webhooks};

#[async_trait]
impl Triggers for SqliteWorkflowRepository {
    async fn configure_cron(
        &self,
        actor: &Actor,
        workflow_id: WorkflowId,
        config: CronConfig,
    ) -> Result<CronTrigger> {
        observed!("workflow", "configure_cron", "sqlite", async {
            let (schedule, actor) = (Schedule::new(&config)?, actor.clone());
            writing!(self, "cron_configure", |conn, cx| {
                cron::cron_configure(conn, cx, workflow_id, &actor, (&config, &schedule))
            })
        })
        .await
    }

    async fn find_cron(&self, workflow_id: WorkflowId) -> Result<Option<CronTrigger>> {
        observed_read!("workflow", "find_cron", "sqlite", async {
            reading!(self, "cron_find", |conn, cx| cron::cron_find(conn, cx, workflow_id))
        })
        .await
    }

    async fn delete_cron(&self, actor: &Actor, workflow_id: WorkflowId) -> Result<()> {
        observed!("workflow", "delete_cron", "sqlite", async {
            let actor = actor.clone();
            writing!(self, "cron_delete", |conn, cx| {
                cron::cron_delete(conn, cx, workflow_id, &actor)
            })
        })
        .await
    }

    async fn list_due_cron(&self, now: Timestamp, limit: u32) -> Result<Vec<CronTrigger>> {
        observed!("workflow", "list_due_cron", "sqlite", async {
            let limit = checked_batch("limit", limit)?;
            reading!(self, "cron_list_due", |conn, cx| cron::cron_list_due(conn, cx, now, limit))
        })
        .await
    }

    async fn dispatch_due_cron(
        &self,
        now: Timestamp,
        limit: u32,
        guard: Option<&dyn DispatchGuard>,
    ) -> Result<Vec<Run>> {
        observed!("workflow", "dispatch_due_cron", "sqlite", async {
            let limit = checked_batch("limit", limit)?;
            let due = reading!(self, "cron_list_workflows", |conn, cx| {
                cron::cron_list_workflows(conn, cx, now, limit)
            })?;
            if due.is_empty() {
                return Ok(Vec::new());
            }
            // Asked before the transaction: an answer may take its time.
            let objections = objections(guard, due).await?;
            let runs = writing!(self, "cron_dispatch", |conn, cx| {
                cron::cron_dispatch(conn, cx, &objections, now)
            })?;
            self.ring_for_runs(&runs);
            Ok(runs)
        })
        .await
    }

    async fn configure_webhook(
        &self,
        actor: &Actor,
        workflow_id: WorkflowId,
        webhook: NewWebhook,
    ) -> Result<WebhookTrigger> {
        observed!("workflow", "configure_webhook", "sqlite", async {
            let actor = actor.clone();
            writing!(self, "webhook_configure", |conn, cx| {
                webhooks::webhook_configure(conn, cx, workflow_id, &actor, &webhook)
            })
        })
        .await
    }

    async fn find_webhook(&self, workflow_id: WorkflowId) -> Result<Option<WebhookTrigger>> {
        observed_read!("workflow", "find_webhook", "sqlite", async {
            reading!(self, "webhook_find", |conn, cx| {
                webhooks::webhook_find(conn, cx, workflow_id)
            })
        })
        .await
    }

    async fn delete_webhook(&self, actor: &Actor, workflow_id: WorkflowId) -> Result<()> {
        observed!("workflow", "delete_webhook", "sqlite", async {
            let actor = actor.clone();
            writing!(self, "webhook_delete", |conn, cx| {
                webhooks::webhook_delete(conn, cx, workflow_id, &actor)
            })
        })
        .await
    }

    async fn handle_webhook(
        &self,
        workflow_id: WorkflowId,
        request: &WebhookRequest,
    ) -> Result<Run> {
        observed!("workflow", "handle_webhook", "sqlite", async {
            let webhook = reading!(self, "webhook_fetch", |conn, cx| {
                webhooks::webhook_fetch(conn, cx, workflow_id)
            })?;
            let delivery = Delivery::new(&self.context, workflow_id, &webhook, request)?;
            // The inner result: a refusal is audited, and so it is not rolled back.
            let run = writing!(self, "webhook_accept", |conn, cx| {
                webhooks::webhook_accept(conn, cx, &delivery)
            })??;
            self.ring_for_runs(std::slice::from_ref(&run));
            Ok(run)
        })
        .await
    }

    async fn configure_manual(
        &self,
        actor: &Actor,
        workflow_id: WorkflowId,
        policy: ManualPolicy,
    ) -> Result<ManualTrigger> {
        observed!("workflow", "configure_manual", "sqlite", async {
            let (policy, actor) = (ReadyPolicy::new(&self.context, policy)?, actor.clone());
            writing!(self, "manual_configure", |conn, cx| {
                manual::manual_configure(conn, cx, workflow_id, &actor, &policy)
            })
        })
        .await
    }

    async fn find_manual(&self, workflow_id: WorkflowId) -> Result<Option<ManualTrigger>> {
        observed_read!("workflow", "find_manual", "sqlite", async {
            reading!(self, "manual_find", |conn, cx| manual::manual_find(conn, cx, workflow_id))
        })
        .await
    }

    async fn delete_manual(&self, actor: &Actor, workflow_id: WorkflowId) -> Result<()> {
        observed!("workflow", "delete_manual", "sqlite", async {
            let actor = actor.clone();
            writing!(self, "manual_delete", |conn, cx| {
                manual::manual_delete(conn, cx, workflow_id, &actor)
            })
        })
        .await
    }

    async fn dispatch_manual(&self, actor: &Actor, dispatch: ManualDispatch) -> Result<Vec<Run>> {
        observed!("workflow", "dispatch_manual", "sqlite", async {
            let dispatch = ReadyDispatch::new(&self.context, actor, dispatch)?;
            // The inner result: a refusal is audited, and so it is not rolled back.
            let runs = writing!(self, "manual_dispatch", |conn, cx| {
                manual::manual_dispatch(conn, cx, &dispatch)
            })??;
            self.ring_for_runs(&runs);
            Ok(runs)
        })
        .await
    }

    async fn configure_retry(
        &self,
        actor: &Actor,
        workflow_id: WorkflowId,
        policy: RetryPolicy,
    ) -> Result<RetryPolicy> {
        observed!("workflow", "configure_retry", "sqlite", async {
            let (policy, actor) = (checked_retry(policy)?, actor.clone());
            writing!(self, "retry_configure", |conn, cx| {
                retries::retry_configure(conn, cx, workflow_id, &actor, &policy)
            })
            .map(|()| policy)
        })
        .await
    }

    async fn find_retry(&self, workflow_id: WorkflowId) -> Result<Option<RetryPolicy>> {
        observed_read!("workflow", "find_retry", "sqlite", async {
            reading!(self, "retry_find", |conn, _cx| retries::retry_find(conn, workflow_id))
        })
        .await
    }

    async fn delete_retry(&self, actor: &Actor, workflow_id: WorkflowId) -> Result<()> {
        observed!("workflow", "delete_retry", "sqlite", async {
            let actor = actor.clone();
            writing!(self, "retry_delete", |conn, cx| {
                retries::retry_delete(conn, cx, workflow_id, &actor)
            })
        })
        .await
    }

    async fn purge_expired(&self, batch: u32) -> Result<u64> {
        observed!("workflow", "purge_expired", "sqlite", async {
            let limit = checked_batch("batch", batch)?;
            writing!(self, "purge_expired", |conn, cx| {
                purge::purge_expired(conn, cx.clock.now(), limit)
            })
        })
        .await
    }
}
