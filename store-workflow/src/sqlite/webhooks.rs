//! Queries on webhooks.

use std::time::Duration;

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::sql_types::Integer;
use diesel::upsert::excluded;
use serde_json::json;
use store_core::sqlite::{Violation, db_error};
use store_core::workflow::{AuditAction, NewWebhook, RateLimit, Run, WebhookTrigger};
use store_core::{Actor, Error, Result, WorkflowId};

use super::audit::audit_insert;
use super::rows::{StoredWebhookRow, WebhookRow, stored};
use super::runs::run_create;
use super::schema::workflow_webhook_deliveries::{self, dsl as deliveries};
use super::schema::workflow_webhooks::{self, dsl};
use super::workflows::{workflow_hold, workflow_lock, workflow_refusal};
use crate::rules::Context;
use crate::rules::webhook::{Delivery, ReadyWebhook, Replay, StoredWebhook, too_often};

/// Sets the webhook of a workflow; what it counts and remembers stays.
pub(super) fn webhook_configure(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
    new: &NewWebhook,
) -> Result<WebhookTrigger> {
    workflow_lock(conn, cx, workflow_id)?;
    let before = webhook_row(conn, workflow_id)?.map(WebhookRow::secrets).unwrap_or_default();
    let ready = ReadyWebhook::new(cx, workflow_id, new.clone(), before)?;
    let now = cx.clock.now();
    let row = StoredWebhookRow::new(workflow_id, &ready.config.text, &ready.secrets, now);
    let row: WebhookRow = diesel::insert_into(workflow_webhooks::table)
        .values((&row, dsl::created_at.eq(now.to_string())))
        .on_conflict(dsl::workflow_id)
        .do_update()
        .set(&row)
        .returning(WebhookRow::as_returning())
        .get_result(conn)
        .map_err(db_error("webhook_configure"))?;
    let configured = (actor, AuditAction::TriggerConfigured, now);
    audit_insert(conn, cx, workflow_id, configured, json!({"trigger": "webhook"}))?;
    row.into_record(&cx.json)
}

/// Finds the webhook of a workflow.
pub(super) fn webhook_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<Option<WebhookTrigger>> {
    webhook_row(conn, workflow_id)?.map(|row| row.into_record(&cx.json)).transpose()
}

/// Fetches what requests to a workflow are checked by.
pub(super) fn webhook_fetch(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<StoredWebhook> {
    let row = webhook_row(conn, workflow_id)?.ok_or_else(|| missing(workflow_id))?;
    row.into_stored(&cx.json)
}

fn webhook_row(conn: &mut SqliteConnection, workflow_id: WorkflowId) -> Result<Option<WebhookRow>> {
    workflow_webhooks::table
        .find(workflow_id.to_string())
        .select(WebhookRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("webhook_row"))
}

/// Deletes the webhook of a workflow with its secrets and what it remembers.
pub(super) fn webhook_delete(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
) -> Result<()> {
    workflow_lock(conn, cx, workflow_id)?;
    let deleted = diesel::delete(workflow_webhooks::table.find(workflow_id.to_string()))
        .execute(conn)
        .map_err(db_error("webhook_delete"))?;
    if deleted == 0 {
        return Err(missing(workflow_id));
    }
    let deleted = (actor, AuditAction::TriggerDeleted, cx.clock.now());
    audit_insert(conn, cx, workflow_id, deleted, json!({"trigger": "webhook"}))
}

/// Starts the run of a request that was checked, unless it comes too often or again; the inner
/// error says that the workflow is archived, which is itself audited.
pub(super) fn webhook_accept(
    conn: &mut SqliteConnection,
    cx: &Context,
    delivery: &Delivery,
) -> Result<Result<Run>> {
    let (run, workflow_id) = (&delivery.run, delivery.run.workflow_id);
    // The workflow before its webhook, as in `webhook_configure`, so that nobody deadlocks.
    match workflow_hold(conn, workflow_id)? {
        None => return Err(missing(workflow_id)),
        Some(true) => {
            let refused = (&run.actor, AuditAction::RunRefused, run.now);
            return workflow_refusal(conn, cx, workflow_id, refused, run.refusal()).map(Err);
        }
        Some(false) => {}
    }
    if let Some(limit) = delivery.rate_limit {
        rate_count(conn, cx, workflow_id, limit)?;
    }
    if let Some(replay) = &delivery.replay {
        delivery_remember(conn, delivery, replay)?;
    }
    run_create(conn, cx, run)?.map(Ok)
}

/// Counts a request in the current window, or begins the next one with it.
fn rate_count(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    limit: RateLimit,
) -> Result<()> {
    let now = cx.clock.now();
    let begun = now.minus(Duration::from_secs(limit.interval_seconds.into()))?.to_string();
    let limit = i32::try_from(limit.limit).unwrap_or(i32::MAX);
    let over = || dsl::window_start.is_null().or(dsl::window_start.le(begun.clone()));
    let counted = diesel::update(workflow_webhooks::table.find(workflow_id.to_string()))
        .filter(over().or(dsl::window_count.lt(limit)))
        .set((
            dsl::window_start
                .eq(case_when(over(), Some(now.to_string())).otherwise(dsl::window_start)),
            dsl::window_count
                .eq(case_when(over(), 1.into_sql::<Integer>()).otherwise(dsl::window_count + 1)),
        ))
        .execute(conn)
        .map_err(db_error("rate_count"))?;
    match counted {
        0 => Err(webhook_row(conn, workflow_id)?.map_or(missing(workflow_id), |_| too_often())),
        _ => Ok(()),
    }
}

/// Remembers a delivery, unless it is remembered already: then it names the run it started.
fn delivery_remember(
    conn: &mut SqliteConnection,
    delivery: &Delivery,
    replay: &Replay,
) -> Result<()> {
    let workflow_id = delivery.run.workflow_id;
    let upsert = diesel::insert_into(workflow_webhook_deliveries::table)
        .values((
            deliveries::workflow_id.eq(workflow_id.to_string()),
            deliveries::delivery_key.eq(&replay.key),
            deliveries::run_id.eq(delivery.run.id.to_string()),
            deliveries::expires_at.eq(stored(replay.expires_at)),
        ))
        .on_conflict((deliveries::workflow_id, deliveries::delivery_key))
        .do_update()
        .set((
            deliveries::run_id.eq(excluded(deliveries::run_id)),
            deliveries::expires_at.eq(excluded(deliveries::expires_at)),
        ));
    let forgotten = workflow_webhook_deliveries::expires_at.le(delivery.now.to_string());
    // `QueryDsl` has a filter of the same name, which is not for upserts.
    let written = methods::FilterDsl::filter(upsert, forgotten).execute(conn).map_err(|error| {
        match Violation::of(&error) {
            Some(Violation::ForeignKey) => missing(workflow_id),
            _ => db_error("delivery_remember")(error),
        }
    })?;
    if written == 1 {
        return Ok(());
    }
    let run_id: String = workflow_webhook_deliveries::table
        .find((workflow_id.to_string(), &replay.key))
        .select(deliveries::run_id)
        .first(conn)
        .map_err(db_error("delivery_remember"))?;
    let reason = format!("was accepted before and started run {run_id}");
    // Not the key: it holds a valid signature.
    Err(Error::conflict("webhook delivery", workflow_id, reason))
}

fn missing(workflow_id: WorkflowId) -> Error {
    Error::not_found("webhook", workflow_id)
}
