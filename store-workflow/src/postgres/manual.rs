//! Queries on manual policies and dispatches.

use diesel::data_types::PgInterval;
use diesel::prelude::*;
use diesel::sql_types::{self, Interval, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use store_core::postgres::db_error;
use store_core::workflow::{AuditAction, ManualTrigger, Run};
use store_core::{Actor, Denial, Error, Result, WorkflowId};

use super::audit::audit_insert;
use super::rows::{ManualRow, StoredManualRow, stored};
use super::runs::run_create_many;
use super::schema::workflow_manual_policies::{self, dsl};
use super::workflows::{workflow_hold, workflow_lock, workflow_refusal};
use crate::rules::Context;
use crate::rules::manual::{ReadyDispatch, ReadyPolicy};

/// Sets the manual policy of a workflow; its cooldown goes on.
pub(super) async fn manual_configure(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
    policy: &ReadyPolicy,
) -> Result<ManualTrigger> {
    let now = cx.clock.now();
    workflow_lock(conn, cx, workflow_id).await?;
    let row = StoredManualRow::new(workflow_id, policy, now);
    let row: ManualRow = diesel::insert_into(workflow_manual_policies::table)
        .values((&row, dsl::created_at.eq(now.to_datetime())))
        .on_conflict(dsl::workflow_id)
        .do_update()
        .set(&row)
        .returning(ManualRow::as_returning())
        .get_result(conn)
        .await
        .map_err(db_error("manual_configure"))?;
    let configured = (actor, AuditAction::TriggerConfigured, now);
    audit_insert(conn, cx, workflow_id, configured, json!({"trigger": "manual"})).await?;
    row.into_record(&cx.json)
}

/// Finds the manual policy of a workflow.
pub(super) async fn manual_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<Option<ManualTrigger>> {
    workflow_manual_policies::table
        .find(workflow_id.as_uuid())
        .select(ManualRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("manual_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Deletes the manual policy of a workflow.
pub(super) async fn manual_delete(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
) -> Result<()> {
    workflow_lock(conn, cx, workflow_id).await?;
    let deleted = diesel::delete(workflow_manual_policies::table.find(workflow_id.as_uuid()))
        .execute(conn)
        .await
        .map_err(db_error("manual_delete"))?;
    if deleted == 0 {
        return Err(Error::not_found("manual_policy", workflow_id));
    }
    let deleted = (actor, AuditAction::TriggerDeleted, cx.clock.now());
    audit_insert(conn, cx, workflow_id, deleted, json!({"trigger": "manual"})).await
}

/// Starts the runs of a dispatch, all or none; the inner error says that the workflow is archived,
/// which is itself audited.
pub(super) async fn manual_dispatch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    dispatch: &ReadyDispatch,
) -> Result<Result<Vec<Run>>> {
    let workflow_id = dispatch.workflow_id;
    // Held, a workflow keeps its policy: that is only changed under the workflow's lock.
    let Some(is_archived) = workflow_hold(conn, workflow_id).await? else {
        return Err(Error::not_found("workflow", workflow_id));
    };
    let policy = manual_find(conn, cx, workflow_id).await?.map(|trigger| trigger.policy);
    let runs = dispatch.under(cx, policy.as_ref())?;
    if let (true, [run, ..]) = (is_archived, &runs[..]) {
        let refused = (&run.actor, AuditAction::RunRefused, run.now);
        return workflow_refusal(conn, cx, workflow_id, refused, run.refusal()).await.map(Err);
    }
    if let Some(policy) = policy {
        cooldown_begin(conn, cx, workflow_id, policy.cooldown_seconds).await?;
    }
    run_create_many(conn, cx, &runs).await?.into_iter().collect::<Result<_>>().map(Ok)
}

// parity: the server's clock measures cooldowns, and the query builder cannot compute with it.
const BEGIN: &str = "UPDATE workflow_manual_policies \
     SET last_dispatched_at = coalesce($2, clock_timestamp()) \
     WHERE workflow_id = $1 AND (cooldown_seconds = 0 OR last_dispatched_at IS NULL \
     OR last_dispatched_at <= coalesce($2, clock_timestamp()) - $3)";

/// Begins the cooldown, if the last one is over.
async fn cooldown_begin(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    seconds: u32,
) -> Result<()> {
    let begun = diesel::sql_query(BEGIN)
        .bind::<sql_types::Uuid, _>(workflow_id.as_uuid())
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
        .bind::<Interval, _>(PgInterval::from_microseconds(i64::from(seconds) * 1_000_000))
        .execute(conn)
        .await
        .map_err(db_error("cooldown_begin"))?;
    if begun == 0 { Err(Error::Denied { reason: Denial::RateLimited }) } else { Ok(()) }
}
