//! Queries on versions.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use store_core::json::Admitted;
use store_core::postgres::db_error;
use store_core::workflow::{AuditAction, WorkflowVersion};
use store_core::{Actor, Error, Listing, Order, Page, Result, WorkflowId, WorkflowVersionId};

use super::audit::audit_insert;
use super::listeners::listener_sync;
use super::rows::{JsonText, NewVersionRow, VersionRow};
use super::schema::workflow_versions::{self, dsl};
use super::schema::workflows;
use super::workflows::workflow_refusal;
use crate::rules::Context;
use crate::rules::config::config_to_json;
use crate::rules::version::ReadyVersion;
use store_core::postgres::{WithinBudget, split};

/// Creates the next version of a workflow, with its listeners and its audit; the inner error says
/// why the workflow takes none, which is itself audited.
pub(super) async fn version_create(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    ready: &ReadyVersion,
) -> Result<Result<WorkflowVersion>> {
    let version = &ready.version;
    let (workflow_id, at) = (version.workflow_id, version.created_at);
    let Some(number) = version_count(conn, workflow_id).await? else {
        let refused = (&ready.actor, AuditAction::VersionRefused, at);
        return workflow_refusal(conn, cx, workflow_id, refused, json!({})).await.map(Err);
    };
    diesel::insert_into(workflow_versions::table)
        .values(NewVersionRow::new(ready, number))
        .execute(conn)
        .await
        .map_err(db_error("version_create"))?;
    listener_sync(conn, workflow_id, &ready.listeners, at).await?;
    let metadata = json!({"version_id": version.id, "version": number});
    let created = (&ready.actor, AuditAction::VersionCreated, at);
    audit_insert(conn, cx, workflow_id, created, metadata).await?;
    Ok(Ok(WorkflowVersion { version: number, ..version.clone() }))
}

/// Takes the next number of a workflow that is not archived; none when there is no such workflow.
async fn version_count(conn: &mut AsyncPgConnection, id: WorkflowId) -> Result<Option<i32>> {
    diesel::update(workflows::table.find(id.as_uuid()))
        .filter(workflows::is_archived.eq(false))
        .set(workflows::version_count.eq(workflows::version_count + 1))
        .returning(workflows::version_count)
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("version_count"))
}

/// Fetches a version.
pub(super) async fn version_fetch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: WorkflowVersionId,
) -> Result<WorkflowVersion> {
    workflow_versions::table
        .find(id.as_uuid())
        .select(VersionRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("version_fetch"))?
        .ok_or_else(|| Error::not_found("workflow_version", id))?
        .into_record(&cx.json)
}

/// Fetches a version and keeps others from changing it until the transaction ends.
async fn version_lock(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: WorkflowVersionId,
) -> Result<WorkflowVersion> {
    workflow_versions::table
        .find(id.as_uuid())
        .select(VersionRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
        .map_err(db_error("version_lock"))?
        .ok_or_else(|| Error::not_found("workflow_version", id))?
        .into_record(&cx.json)
}

/// Fetches a version by its number.
pub(super) async fn version_fetch_by_number(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    number: i32,
) -> Result<WorkflowVersion> {
    workflow_versions::table
        .filter(dsl::workflow_id.eq(workflow_id.as_uuid()))
        .filter(dsl::version.eq(number))
        .select(VersionRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("version_fetch_by_number"))?
        .ok_or_else(|| Error::not_found("workflow_version", format!("{workflow_id}/{number}")))?
        .into_record(&cx.json)
}

/// Finds the version with the highest number.
pub(super) async fn version_latest(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
) -> Result<Option<WorkflowVersion>> {
    workflow_versions::table
        .filter(dsl::workflow_id.eq(workflow_id.as_uuid()))
        .order(dsl::version.desc())
        .select(VersionRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("version_latest"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Lists the versions of a workflow by number.
pub(super) async fn version_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: WorkflowId,
    listing: &Listing<i32>,
) -> Result<Page<WorkflowVersion>> {
    let query =
        workflow_versions::table.filter(dsl::workflow_id.eq(workflow_id.as_uuid())).into_boxed();
    let (query, order) = match (listing.order(), listing.after) {
        (Order::Asc, None) => (query.order(dsl::version.asc()), "version ASC"),
        (Order::Desc, None) => (query.order(dsl::version.desc()), "version DESC"),
        (Order::Asc, Some(n)) => {
            (query.filter(dsl::version.gt(n)).order(dsl::version.asc()), "version ASC")
        }
        (Order::Desc, Some(n)) => {
            (query.filter(dsl::version.lt(n)).order(dsl::version.desc()), "version DESC")
        }
    };
    let page = WithinBudget {
        inner: query.select(VersionRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: "record_bytes",
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("version_list"))?;
    let (rows, more): (Vec<VersionRow>, bool) = split(rows);
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.version)
}

/// Replaces the configuration of a version.
pub(super) async fn version_configure(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: WorkflowVersionId,
    actor: &Actor,
    config: Option<&Admitted>,
) -> Result<WorkflowVersion> {
    let now = cx.clock.now();
    let before = version_lock(conn, cx, id).await?;
    let old = before.runnable_config.as_ref().map(config_to_json);
    let old = old.transpose()?.map(|old| cx.json.admit("runnable_config", old)).transpose()?;
    let bytes = config.map_or(0, Admitted::bytes) - old.map_or(0, |old| old.bytes());
    let row: VersionRow = diesel::update(workflow_versions::table.find(id.as_uuid()))
        .set((
            dsl::runnable_config.eq(config.map(|config| JsonText(&config.text))),
            dsl::record_bytes.eq(dsl::record_bytes + bytes),
            dsl::updated_at.eq(now.to_datetime()),
        ))
        .returning(VersionRow::as_returning())
        .get_result(conn)
        .await
        .map_err(db_error("version_configure"))?;
    let version = row.into_record(&cx.json)?;
    let configured = (actor, AuditAction::VersionConfigured, now);
    audit_insert(conn, cx, version.workflow_id, configured, json!({"version_id": id})).await?;
    Ok(version)
}
