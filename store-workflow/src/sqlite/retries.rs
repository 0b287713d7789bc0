//! Queries on retry policies.

use diesel::prelude::*;
use serde_json::json;
use store_core::sqlite::db_error;
use store_core::workflow::{AuditAction, RetryPolicy};
use store_core::{Actor, Error, Result, RunId, WorkflowId};

use super::audit::audit_insert;
use super::rows::{RetryRow, StoredRetryRow};
use super::schema::workflow_retry_policies::{self, dsl};
use super::schema::workflow_runs;
use super::workflows::workflow_lock;
use crate::rules::Context;

/// Sets the retry policy of a workflow.
pub(super) fn retry_configure(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
    policy: &RetryPolicy,
) -> Result<()> {
    let now = cx.clock.now();
    workflow_lock(conn, cx, workflow_id)?;
    let row = StoredRetryRow::new(workflow_id, policy, now);
    diesel::insert_into(workflow_retry_policies::table)
        .values((&row, dsl::created_at.eq(now.to_string())))
        .on_conflict(dsl::workflow_id)
        .do_update()
        .set(&row)
        .execute(conn)
        .map_err(db_error("retry_configure"))?;
    let configured = (actor, AuditAction::TriggerConfigured, now);
    audit_insert(conn, cx, workflow_id, configured, json!({"trigger": "retry"}))
}

/// Finds the retry policy of a workflow.
pub(super) fn retry_find(
    conn: &mut SqliteConnection,
    workflow_id: WorkflowId,
) -> Result<Option<RetryPolicy>> {
    workflow_retry_policies::table
        .find(workflow_id.to_string())
        .select(RetryRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("retry_find"))?
        .map(RetryRow::into_record)
        .transpose()
}

/// Finds the retry policy of the workflow that a run is of.
pub(super) fn retry_policy_of_run(
    conn: &mut SqliteConnection,
    run_id: RunId,
) -> Result<Option<RetryPolicy>> {
    workflow_retry_policies::table
        .inner_join(workflow_runs::table.on(workflow_runs::workflow_id.eq(dsl::workflow_id)))
        .filter(workflow_runs::id.eq(run_id.to_string()))
        .select(RetryRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("retry_policy_of_run"))?
        .map(RetryRow::into_record)
        .transpose()
}

/// Deletes the retry policy of a workflow.
pub(super) fn retry_delete(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    actor: &Actor,
) -> Result<()> {
    workflow_lock(conn, cx, workflow_id)?;
    let deleted = diesel::delete(workflow_retry_policies::table.find(workflow_id.to_string()))
        .execute(conn)
        .map_err(db_error("retry_delete"))?;
    if deleted == 0 {
        return Err(Error::not_found("retry_policy", workflow_id));
    }
    let deleted = (actor, AuditAction::TriggerDeleted, cx.clock.now());
    audit_insert(conn, cx, workflow_id, deleted, json!({"trigger": "retry"}))
}
