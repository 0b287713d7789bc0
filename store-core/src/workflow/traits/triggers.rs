use async_trait::async_trait;

use crate::workflow::{
    CronConfig, CronTrigger, ManualDispatch, ManualPolicy, ManualTrigger, NewWebhook, RetryPolicy,
    Run, WebhookRequest, WebhookTrigger,
};
use crate::{Actor, Result, Timestamp, WorkflowId};

/// What starts runs: at most one trigger of each kind for a workflow.
///
/// Everything a trigger knows is in the database; any number of processes may dispatch at once.
#[async_trait]
pub trait Triggers: Send + Sync {
    /// Sets the schedule of a workflow, new or again, and returns it.
    ///
    /// The first occurrence is the first one from now on. Setting the same again changes nothing;
    /// another one starts over, and occurrences that were due are dropped.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for an expression or zone that does not exist, an expression that
    /// never fires, bounds that are no whole minutes or in the wrong order, and, without overlap,
    /// a schedule with less than 300 seconds between two occurrences.
    async fn configure_cron(
        &self,
        actor: &Actor,
        workflow_id: WorkflowId,
        config: CronConfig,
    ) -> Result<CronTrigger>;

    /// Returns the schedule of a workflow, or nothing.
    async fn find_cron(&self, workflow_id: WorkflowId) -> Result<Option<CronTrigger>>;

    /// Deletes the schedule of a workflow. Runs it started stay.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_cron(&self, actor: &Actor, workflow_id: WorkflowId) -> Result<()>;

    /// Lists up to `limit` schedules with an occurrence at or before `now` that may be dispatched:
    /// of workflows that are not archived and, without overlap, have no pending or running run
    /// that cron started; the longest due first.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000.
    async fn list_due_cron(&self, now: Timestamp, limit: u32) -> Result<Vec<CronTrigger>>;

    /// Starts a run for each due occurrence of up to `limit` schedules, and returns the runs.
    ///
    /// In one transaction the occurrence is claimed, the run with input `{scheduled_for,
    /// timezone}`, triggered by and in the name of `cron`, is created with its job, and the
    /// schedule moves on: whatever number of processes calls it, each occurrence fires once.
    /// Occurrences that nobody dispatched in time are treated by the misfire policy. When the
    /// workflow cannot fire, because it has no version or the guard objects, the reason is kept
    /// and the occurrence is consumed, except that `catch_up` keeps it for later. Without overlap
    /// one occurrence fires at a time. The number of statements does not depend on how many
    /// schedules are due.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000.
    async fn dispatch_due_cron(
        &self,
        now: Timestamp,
        limit: u32,
        guard: Option<&dyn DispatchGuard>,
    ) -> Result<Vec<Run>>;

    /// Sets the webhook of a workflow, new or again, and returns it.
    ///
    /// Secrets are sealed when the store was opened with a key ring, and never returned.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`.
    async fn configure_webhook(
        &self,
        actor: &Actor,
        workflow_id: WorkflowId,
        webhook: NewWebhook,
    ) -> Result<WebhookTrigger>;

    /// Returns the webhook of a workflow, or nothing.
    async fn find_webhook(&self, workflow_id: WorkflowId) -> Result<Option<WebhookTrigger>>;

    /// Deletes the webhook of a workflow with its secrets. Runs it started stay.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_webhook(&self, actor: &Actor, workflow_id: WorkflowId) -> Result<()>;

    /// Starts a run for a request, if the request is what the webhook expects, and returns it.
    ///
    /// Checked in this order: method, required headers, query, signature over the raw body, shared
    /// secret, rate limit, replay. Rate limit and replay are counted over all processes, and only
    /// a request that passed everything counts: run, job, rate and replay are one transaction.
    /// A signature with a timestamp is accepted once; without one, the value of the idempotency
    /// header is, for seven days. The input is `{body, headers, query_params, source_ip}` without
    /// secret and signature.
    ///
    /// # Errors
    /// `NotFound` without a webhook; `Denied` with the reason and its HTTP status (400, 401, 405,
    /// 429); `Conflict` for a repeated delivery, naming the run it started; `InvalidState` when the
    /// workflow is archived (that is audited); `Invalid` when the body breaks the JSON policy;
    /// `Settings` when the secrets are sealed and the store has no key ring, or not this key.
    async fn handle_webhook(
        &self,
        workflow_id: WorkflowId,
        request: &WebhookRequest,
    ) -> Result<Run>;

    /// Sets who may start a workflow by hand, new or again, and returns it.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`.
    async fn configure_manual(
        &self,
        actor: &Actor,
        workflow_id: WorkflowId,
        policy: ManualPolicy,
    ) -> Result<ManualTrigger>;

    /// Returns the manual policy of a workflow, or nothing: then everybody may.
    async fn find_manual(&self, workflow_id: WorkflowId) -> Result<Option<ManualTrigger>>;

    /// Deletes the manual policy of a workflow.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_manual(&self, actor: &Actor, workflow_id: WorkflowId) -> Result<()>;

    /// Starts runs by hand, all of them or none, and returns them in the order given.
    ///
    /// They are triggered by the label of the dispatch, else that of the policy, else `manual`, or
    /// `manual_batch` for several.
    ///
    /// # Errors
    /// `NotFound` for the workflow or a version; `Denied` (403) for an actor who may not, and (429)
    /// while the cooldown lasts; `Invalid` for no runs, more than 100, and a missing comment;
    /// `InvalidState` when the workflow is archived (that is audited).
    async fn dispatch_manual(&self, actor: &Actor, dispatch: ManualDispatch) -> Result<Vec<Run>>;

    /// Sets how failed runs of a workflow are retried, new or again.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`.
    async fn configure_retry(
        &self,
        actor: &Actor,
        workflow_id: WorkflowId,
        policy: RetryPolicy,
    ) -> Result<RetryPolicy>;

    /// Returns the retry policy of a workflow, or nothing: then failed runs are not retried.
    async fn find_retry(&self, workflow_id: WorkflowId) -> Result<Option<RetryPolicy>>;

    /// Deletes the retry policy of a workflow. Attempts that exist stay.
    ///
    /// # Errors
    /// `NotFound`.
    async fn delete_retry(&self, actor: &Actor, workflow_id: WorkflowId) -> Result<()>;

    /// Deletes up to `batch` rows that only kept repeats out and have expired: accepted webhook
    /// deliveries, events of listeners, and cron occurrences of more than 30 days ago whose
    /// schedule has moved past them. Returns how many; call it again until it returns 0.
    ///
    /// # Errors
    /// `Invalid` for a batch outside 1 to 1000.
    async fn purge_expired(&self, batch: u32) -> Result<u64>;
}

/// Says whether a workflow may fire, for example by the health of its credentials.
#[async_trait]
pub trait DispatchGuard: Send + Sync {
    /// Returns why the workflow must not fire now, or nothing if it may.
    ///
    /// # Errors
    /// An error ends the dispatch before anything was claimed.
    async fn objection(&self, workflow_id: WorkflowId) -> Result<Option<String>>;
}
