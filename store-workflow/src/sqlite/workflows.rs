//! Queries on workflows.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use serde_json::json;
use store_core::sqlite::{db_error, json_contains};
use store_core::workflow::{AuditAction, Workflow, WorkflowFilter};
use store_core::{Actor, Error, Listing, Order, Page, Result, Timestamp, WorkflowId};

use super::audit::audit_insert;
use super::handles::handle_move;
use super::listeners::listener_disable_all;
use super::queue::retention::workflow_jobs_forget;
use super::rows::{StoredWorkflowRow, WorkflowRow};
use super::schema::workflows::{self, dsl};
use super::schema::{workflow_audit, workflow_runs};
use crate::rules::Context;
use crate::rules::change::{self, Request};
use crate::rules::workflow::StoredWorkflow;
use store_core::sqlite::within_budget;

#[declare_sql_function]
extern "SQL" {
    /// Where the second text begins in the first, counted from 1; 0 when it is not in it.
    #[sql_name = "instr"]
    fn position_of(text: Text, part: Text) -> Integer;
}

type Filtered = workflows::BoxedQuery<'static, Sqlite>;

/// Inserts a workflow.
pub(super) fn workflow_insert(
    conn: &mut SqliteConnection,
    cx: &Context,
    row: &StoredWorkflow,
    actor: &Actor,
) -> Result<()> {
    let workflow = &row.workflow;
    diesel::insert_into(workflows::table)
        .values(StoredWorkflowRow::new(row))
        .execute(conn)
        .map_err(db_error("workflow_insert"))?;
    handle_move(conn, None, Some(workflow))?;
    let created = (actor, AuditAction::WorkflowCreated, workflow.created_at);
    audit_insert(conn, cx, workflow.id, created, json!({"name": workflow.name}))
}

/// Changes a workflow under its lock, with its handle, its listeners and its audit.
pub(super) fn workflow_change(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: WorkflowId,
    actor: &Actor,
    request: &Request,
) -> Result<Workflow> {
    let now = cx.clock.now();
    let before = workflow_lock(conn, cx, id)?;
    let Some(change) = change::apply(request, &before, actor, now)? else { return Ok(before) };
    handle_move(conn, Some(&before), Some(&change.after))?;
    let row = StoredWorkflow::new(&cx.json, change.after)?;
    diesel::update(workflows::table.find(id.to_string()))
        .set(StoredWorkflowRow::new(&row))
        .execute(conn)
        .map_err(db_error("workflow_change"))?;
    if row.workflow.is_archived && !before.is_archived {
        listener_disable_all(conn, id, now)?;
    }
    for (action, metadata) in change.audit {
        audit_insert(conn, cx, id, (actor, action, now), metadata)?;
    }
    Ok(row.workflow)
}

/// Deletes an archived workflow with all that belongs to it.
pub(super) fn workflow_delete(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: WorkflowId,
    actor: &Actor,
) -> Result<()> {
    let before = workflow_lock(conn, cx, id)?;
    if !before.is_archived {
        let from = change::state(&before);
        return Err(Error::invalid_state("workflow", id, from, "deleted"));
    }
    let runs = workflow_runs::table
        .filter(workflow_runs::workflow_id.eq(id.to_string()))
        .select(workflow_runs::id.nullable());
    diesel::delete(workflow_audit::table)
        .filter(workflow_audit::run_id.eq_any(runs))
        .execute(conn)
        .map_err(db_error("workflow_delete"))?;
    workflow_jobs_forget(conn, id)?;
    diesel::delete(workflows::table.find(id.to_string()))
        .execute(conn)
        .map_err(db_error("workflow_delete"))?;
    handle_move(conn, Some(&before), None)?;
    let deleted = (actor, AuditAction::WorkflowDeleted, cx.clock.now());
    audit_insert(conn, cx, id, deleted, json!({"name": before.name}))
}

/// Fetches a workflow and keeps others from changing it until the transaction ends.
pub(super) fn workflow_lock(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: WorkflowId,
) -> Result<Workflow> {
    // The transaction of the writer is the lock.
    workflow_fetch(conn, cx, id)
}

/// Keeps a workflow as it is until the transaction ends, and tells whether it is archived; nothing
/// when there is no such workflow.
pub(super) fn workflow_hold(conn: &mut SqliteConnection, id: WorkflowId) -> Result<Option<bool>> {
    // The transaction of the writer is the lock.
    workflows::table
        .find(id.to_string())
        .select(dsl::is_archived)
        .first(conn)
        .optional()
        .map_err(db_error("workflow_hold"))
}

/// Fetches a workflow.
pub(super) fn workflow_fetch(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: WorkflowId,
) -> Result<Workflow> {
    workflow_find(conn, cx, id)?.ok_or_else(|| Error::not_found("workflow", id))
}

/// Finds a workflow.
pub(super) fn workflow_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: WorkflowId,
) -> Result<Option<Workflow>> {
    workflows::table
        .find(id.to_string())
        .select(WorkflowRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("workflow_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Finds the workflow that a text means: by handle, active ones first, then by id.
pub(super) fn workflow_resolve(
    conn: &mut SqliteConnection,
    cx: &Context,
    text: &str,
    include_archived: bool,
) -> Result<Workflow> {
    let by_handle: Option<WorkflowRow> = workflows::table
        .filter(dsl::handle.eq(text))
        .filter(dsl::is_archived.eq(false).or(dsl::is_archived.eq(include_archived)))
        .order((dsl::is_archived.asc(), dsl::id.desc()))
        .select(WorkflowRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("workflow_resolve"))?;
    let found = match (by_handle, text.parse()) {
        (Some(row), _) => Some(row.into_record(&cx.json)?),
        (None, Ok(id)) => workflow_find(conn, cx, id)?,
        (None, Err(_)) => None,
    };
    found
        .filter(|workflow| include_archived || !workflow.is_archived)
        .ok_or_else(|| Error::not_found("workflow", text))
}

/// Lists workflows by id.
pub(super) fn workflow_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    filter: &WorkflowFilter,
    listing: &Listing<WorkflowId>,
) -> Result<Page<Workflow>> {
    let mut query = workflow_filtered(cx, filter)?;
    if let Some(after) = listing.after {
        query = match listing.order() {
            Order::Asc => query.filter(dsl::id.gt(after.to_string())),
            Order::Desc => query.filter(dsl::id.lt(after.to_string())),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order(dsl::id.asc()),
        Order::Desc => query.order(dsl::id.desc()),
    };
    let rows = query
        .select(WorkflowRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<WorkflowRow, _>(conn)
        .map_err(db_error("workflow_list"))?;
    let bytes_of = |row: &WorkflowRow| row.record_bytes;
    let (rows, more) = within_budget("workflow_list", rows, listing.limit, bytes_of)?;
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.id)
}

fn workflow_filtered(cx: &Context, filter: &WorkflowFilter) -> Result<Filtered> {
    let WorkflowFilter { archived, tag, text, draft_access, public } = filter.clone();
    let mut query = workflows::table.into_boxed();
    if let Some(archived) = archived {
        query = query.filter(dsl::is_archived.eq(archived));
    }
    if let Some(public) = public {
        query = query.filter(dsl::is_public.eq(public));
    }
    if let Some(draft_access) = draft_access {
        query = query.filter(dsl::draft_access.eq(draft_access.as_str()));
    }
    if let Some(tag) = tag {
        let wanted = cx.json.admit("tag", json!([tag]))?;
        query = query.filter(json_contains(dsl::tags, wanted.text));
    }
    if let Some(text) = text {
        query = query.filter(position_of(dsl::search_text, text).gt(0));
    }
    Ok(query)
}

/// Says why a workflow takes nothing new: it is not there, or it is archived; that is audited.
pub(super) fn workflow_refusal(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: WorkflowId,
    (actor, action, at): (&Actor, AuditAction, Timestamp),
    metadata: serde_json::Value,
) -> Result<Error> {
    let Some(workflow) = workflow_find(conn, cx, id)? else {
        return Ok(Error::not_found("workflow", id));
    };
    if !workflow.is_archived {
        // It was taken out of the archive after the statement had looked: nothing to refuse.
        return Ok(Error::conflict("workflow", id, "it was changed meanwhile: try again"));
    }
    audit_insert(conn, cx, id, (actor, action, at), metadata)?;
    let to = if action == AuditAction::VersionRefused { "given a version" } else { "run" };
    Ok(Error::invalid_state("workflow", id, "archived", to))
}
