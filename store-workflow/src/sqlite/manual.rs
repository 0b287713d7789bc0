//! Queries on manual policies and dispatches.

use std::time::Duration;

use diesel::prelude::*;
use serde_json::json;
use store_core::sqlite::db_error;
use store_core::workflow::{AuditAction, ManualTrigger, Run};
use store_core::{Actor, Denial, Error, Result, WorkflowId};

use super::audit::audit_insert;
use super::rows::{ManualRow, StoredManualRow};
use super::runs::run_create_many;
use super::schema::workflow_manual_policies::{self, dsl};
use super::workflows::{workflow_hold, workflow_lock, workflow_refusal};
use crate::rules::Context;
use crate::rules::manual::{ReadyDispatch, ReadyPolicy};

/// Sets the manual policy of a workflow; its cooldown goes on.
pub(super) fn manual_configure(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
    policy: &ReadyPolicy,
) -> Result<ManualTrigger> {
    let now = cx.clock.now();
    workflow_lock(conn, cx, workflow_id)?;
    let row = StoredManualRow::new(workflow_id, policy, now);
    let row: ManualRow = diesel::insert_into(workflow_manual_policies::table)
        .values((&row, dsl::created_at.eq(now.to_string())))
        .on_conflict(dsl::workflow_id)
        .do_update()
        .set(&row)
        .returning(ManualRow::as_returning())
        .get_result(conn)
        .map_err(db_error("manual_configure"))?;
    let configured = (actor, AuditAction::TriggerConfigured, now);
    audit_insert(conn, cx, workflow_id, configured, json!({"trigger": "manual"}))?;
    row.into_record(&cx.json)
}

/// Finds the manual policy of a workflow.
pub(super) fn manual_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<Option<ManualTrigger>> {
    workflow_manual_policies::table
        .find(workflow_id.to_string())
        .select(ManualRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("manual_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Deletes the manual policy of a workflow.
pub(super) fn manual_delete(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
) -> Result<()> {
    workflow_lock(conn, cx, workflow_id)?;
    let deleted = diesel::delete(workflow_manual_policies::table.find(workflow_id.to_string()))
        .execute(conn)
        .map_err(db_error("manual_delete"))?;
    if deleted == 0 {
        return Err(Error::not_found("manual_policy", workflow_id));
    }
    let deleted = (actor, AuditAction::TriggerDeleted, cx.clock.now());
    audit_insert(conn, cx, workflow_id, deleted, json!({"trigger": "manual"}))
}

/// Starts the runs of a dispatch, all or none; the inner error says that the workflow is archived,
/// which is itself audited.
pub(super) fn manual_dispatch(
    conn: &mut SqliteConnection,
    cx: &Context,
    dispatch: &ReadyDispatch,
) -> Result<Result<Vec<Run>>> {
    let workflow_id = dispatch.workflow_id;
    // Held, a workflow keeps its policy: that is only changed under the workflow's lock.
    let Some(is_archived) = workflow_hold(conn, workflow_id)? else {
        return Err(Error::not_found("workflow", workflow_id));
    };
    let policy = manual_find(conn, cx, workflow_id)?.map(|trigger| trigger.policy);
    let runs = dispatch.under(cx, policy.as_ref())?;
    if let (true, [run, ..]) = (is_archived, &runs[..]) {
        let refused = (&run.actor, AuditAction::RunRefused, run.now);
        return workflow_refusal(conn, cx, workflow_id, refused, run.refusal()).map(Err);
    }
    if let Some(policy) = policy {
        cooldown_begin(conn, cx, workflow_id, policy.cooldown_seconds)?;
    }
    run_create_many(conn, cx, &runs)?.into_iter().collect::<Result<_>>().map(Ok)
}

/// Begins the cooldown, if the last one is over.
fn cooldown_begin(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    seconds: u32,
) -> Result<()> {
    let now = cx.clock.now();
    let cooled = now.minus(Duration::from_secs(seconds.into()))?.to_string();
    let begun = diesel::update(workflow_manual_policies::table.find(workflow_id.to_string()))
        .filter(
            dsl::cooldown_seconds
                .eq(0)
                .or(dsl::last_dispatched_at.is_null())
                .or(dsl::last_dispatched_at.le(cooled)),
        )
        .set(dsl::last_dispatched_at.eq(now.to_string()))
        .execute(conn)
        .map_err(db_error("cooldown_begin"))?;
    if begun == 0 { Err(Error::Denied { reason: Denial::RateLimited }) } else { Ok(()) }
}
