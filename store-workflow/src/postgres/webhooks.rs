//! Queries on webhooks.

use chrono::{DateTime, Utc};
use diesel::data_types::PgInterval;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_dsl::methods;
use diesel::sql_types::{self, Integer, Interval, Nullable, Timestamptz};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use store_core::postgres::{Violation, db_error};
use store_core::workflow::{AuditAction, NewWebhook, RateLimit, Run, WebhookTrigger};
use store_core::{Actor, Error, Result, WorkflowId};
use uuid::Uuid;

use super::audit::audit_insert;
use super::rows::{StoredWebhookRow, WebhookRow, stored};
use super::runs::run_create;
use super::schema::workflow_webhook_deliveries::{self, dsl as deliveries};
use super::schema::workflow_webhooks::{self, dsl};
use super::workflows::{workflow_hold, workflow_lock, workflow_refusal};
use crate::rules::Context;
use crate::rules::webhook::{Delivery, ReadyWebhook, Replay, StoredWebhook, too_often};

/// Sets the webhook of a workflow; what it counts and remembers stays.
pub(super) async fn webhook_configure(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
    new: &NewWebhook,
) -> Result<WebhookTrigger> {
    workflow_lock(conn, cx, workflow_id).await?;
    let before = webhook_row(conn, workflow_id).await?.map(WebhookRow::secrets).unwrap_or_default();
    let ready = ReadyWebhook::new(cx, workflow_id, new.clone(), before)?;
    let now = cx.clock.now();
    let row = StoredWebhookRow::new(workflow_id, &ready.config.text, &ready.secrets, now);
    let row: WebhookRow = diesel::insert_into(workflow_webhooks::table)
        .values((&row, dsl::created_at.eq(now.to_datetime())))
        .on_conflict(dsl::workflow_id)
        .do_update()
        .set(&row)
        .returning(WebhookRow::as_returning())
        .get_result(conn)
        .await
        .map_err(db_error("webhook_configure"))?;
    let configured = (actor, AuditAction::TriggerConfigured, now);
    audit_insert(conn, cx, workflow_id, configured, json!({"trigger": "webhook"})).await?;
    row.into_record(&cx.json)
}

/// Finds the webhook of a workflow.
pub(super) async fn webhook_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<Option<WebhookTrigger>> {
    webhook_row(conn, workflow_id).await?.map(|row| row.into_record(&cx.json)).transpose()
}

/// Fetches what requests to a workflow are checked by.
pub(super) async fn webhook_fetch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<StoredWebhook> {
    let row = webhook_row(conn, workflow_id).await?.ok_or_else(|| missing(workflow_id))?;
    row.into_stored(&cx.json)
}

async fn webhook_row(
    conn: &mut AsyncPgConnection,
    workflow_id: WorkflowId,
) -> Result<Option<WebhookRow>> {
    workflow_webhooks::table
        .find(workflow_id.as_uuid())
        .select(WebhookRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("webhook_row"))
}

/// Deletes the webhook of a workflow with its secrets and what it remembers.
pub(super) async fn webhook_delete(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
) -> Result<()> {
    workflow_lock(conn, cx, workflow_id).await?;
    let deleted = diesel::delete(workflow_webhooks::table.find(workflow_id.as_uuid()))
        .execute(conn)
        .await
        .map_err(db_error("webhook_delete"))?;
    if deleted == 0 {
        return Err(missing(workflow_id));
    }
    let deleted = (actor, AuditAction::TriggerDeleted, cx.clock.now());
    audit_insert(conn, cx, workflow_id, deleted, json!({"trigger": "webhook"})).await
}

/// Starts the run of a request that was checked, unless it comes too often or again; the inner
/// error says that the workflow is archived, which is itself audited.
pub(super) async fn webhook_accept(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    delivery: &Delivery,
) -> Result<Result<Run>> {
    let (run, workflow_id) = (&delivery.run, delivery.run.workflow_id);
    // The workflow before its webhook, as in `webhook_configure`, so that nobody deadlocks.
    match workflow_hold(conn, workflow_id).await? {
        None => return Err(missing(workflow_id)),
        Some(true) => {
            let refused = (&run.actor, AuditAction::RunRefused, run.now);
            return workflow_refusal(conn, cx, workflow_id, refused, run.refusal()).await.map(Err);
        }
        Some(false) => {}
    }
    if let Some(limit) = delivery.rate_limit {
        rate_count(conn, cx, workflow_id, limit).await?;
    }
    if let Some(replay) = &delivery.replay {
        delivery_remember(conn, delivery, replay).await?;
    }
    run_create(conn, cx, run).await?.map(Ok)
}

/// Counts a request in the current window, or begins the next one with it.
async fn rate_count(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    limit: RateLimit,
) -> Result<()> {
    let count = CountRequest {
        workflow_id: workflow_id.as_uuid(),
        now: stored(cx.clock.database_override()),
        interval: PgInterval::from_microseconds(i64::from(limit.interval_seconds) * 1_000_000),
        limit: i32::try_from(limit.limit).unwrap_or(i32::MAX),
    };
    match count.execute(conn).await.map_err(db_error("rate_count"))? {
        0 => {
            Err(webhook_row(conn, workflow_id).await?.map_or(missing(workflow_id), |_| too_often()))
        }
        _ => Ok(()),
    }
}

// parity: the server's clock measures windows, and the query builder cannot compute with it.
/// The statement of `rate_count`.
#[derive(Debug)]
struct CountRequest {
    workflow_id: Uuid,
    now: Option<DateTime<Utc>>,
    interval: PgInterval,
    limit: i32,
}

// parity: belongs to CountRequest: prepared once per connection, under this id.
impl QueryId for CountRequest {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

// parity: belongs to CountRequest.
impl QueryFragment<Pg> for CountRequest {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // The clock is read once, so that both columns agree.
        out.push_sql(
            "UPDATE workflow_webhooks SET window_start = \
             CASE WHEN window_start > now - span THEN window_start ELSE now END, window_count = \
             CASE WHEN window_start > now - span THEN window_count + 1 ELSE 1 END \
             FROM (SELECT coalesce(",
        );
        out.push_bind_param::<Nullable<Timestamptz>, _>(&self.now)?;
        out.push_sql(", clock_timestamp()), ");
        out.push_bind_param::<Interval, _>(&self.interval)?;
        out.push_sql(") AS clock (now, span) WHERE workflow_id = ");
        out.push_bind_param::<sql_types::Uuid, _>(&self.workflow_id)?;
        out.push_sql(" AND (window_start IS NULL OR window_start <= now - span OR window_count < ");
        out.push_bind_param::<Integer, _>(&self.limit)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Remembers a delivery, unless it is remembered already: then it names the run it started.
async fn delivery_remember(
    conn: &mut AsyncPgConnection,
    delivery: &Delivery,
    replay: &Replay,
) -> Result<()> {
    let workflow_id = delivery.run.workflow_id;
    let upsert = diesel::insert_into(workflow_webhook_deliveries::table)
        .values((
            deliveries::workflow_id.eq(workflow_id.as_uuid()),
            deliveries::delivery_key.eq(&replay.key),
            deliveries::run_id.eq(delivery.run.id.as_uuid()),
            deliveries::expires_at.eq(stored(replay.expires_at)),
        ))
        .on_conflict((deliveries::workflow_id, deliveries::delivery_key))
        .do_update()
        .set((
            deliveries::run_id.eq(excluded(deliveries::run_id)),
            deliveries::expires_at.eq(excluded(deliveries::expires_at)),
        ));
    let forgotten = workflow_webhook_deliveries::expires_at.le(delivery.now.to_datetime());
    // `QueryDsl` has a filter of the same name, which is not for upserts.
    let written =
        methods::FilterDsl::filter(upsert, forgotten).execute(conn).await.map_err(|error| {
            match Violation::of(&error) {
                Some(Violation::ForeignKey(_)) => missing(workflow_id),
                _ => db_error("delivery_remember")(error),
            }
        })?;
    if written == 1 {
        return Ok(());
    }
    let run_id: Uuid = workflow_webhook_deliveries::table
        .find((workflow_id.as_uuid(), &replay.key))
        .select(deliveries::run_id)
        .first(conn)
        .await
        .map_err(db_error("delivery_remember"))?;
    let reason = format!("was accepted before and started run {run_id}");
    // Not the key: it holds a valid signature.
    Err(Error::conflict("webhook delivery", workflow_id, reason))
}

fn missing(workflow_id: WorkflowId) -> Error {
    Error::not_found("webhook", workflow_id)
}
