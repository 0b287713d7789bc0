//! Queries on the audit.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde_json::Value;
use store_core::sqlite::db_error;
use store_core::workflow::{AuditAction, AuditEntry};
use store_core::{Actor, Listing, Order, Page, Result, RunId, Timestamp, WorkflowId};

use super::rows::{AuditRow, NewAuditRow};
use super::schema::workflow_audit::{self, dsl};
use crate::rules::Context;

/// Adds an entry about a workflow.
pub(super) fn audit_insert(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    (actor, action, at): (&Actor, AuditAction, Timestamp),
    metadata: Value,
) -> Result<()> {
    let metadata = cx.json.admit("audit", metadata)?;
    diesel::insert_into(workflow_audit::table)
        .values(NewAuditRow::new(workflow_id, None, (actor, action, at), &metadata.text))
        .execute(conn)
        .map(drop)
        .map_err(db_error("audit_insert"))
}

/// Lists what the audit says about a workflow, without its runs.
pub(super) fn workflow_audit_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: WorkflowId,
    listing: &Listing<i64>,
) -> Result<Page<AuditEntry>> {
    let query = workflow_audit::table
        .filter(dsl::workflow_id.eq(id.to_string()))
        .filter(dsl::run_id.is_null());
    audit_list(conn, cx, query.into_boxed(), listing)
}

/// Lists what the audit says about a run.
pub(super) fn run_audit_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: RunId,
    listing: &Listing<i64>,
) -> Result<Page<AuditEntry>> {
    let query = workflow_audit::table.filter(dsl::run_id.eq(id.to_string()));
    audit_list(conn, cx, query.into_boxed(), listing)
}

fn audit_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    query: workflow_audit::BoxedQuery<'_, Sqlite>,
    listing: &Listing<i64>,
) -> Result<Page<AuditEntry>> {
    let query = match (listing.order(), listing.after) {
        (Order::Asc, None) => query.order(dsl::seq.asc()),
        (Order::Desc, None) => query.order(dsl::seq.desc()),
        (Order::Asc, Some(after)) => query.filter(dsl::seq.gt(after)).order(dsl::seq.asc()),
        (Order::Desc, Some(after)) => query.filter(dsl::seq.lt(after)).order(dsl::seq.desc()),
    };
    let rows: Vec<AuditRow> = query
        .select(AuditRow::as_select())
        .limit(listing.limit + 1)
        .load(conn)
        .map_err(db_error("audit_list"))?;
    let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    let rows = rows.into_iter().take(limit);
    let items = rows.map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.seq)
}
