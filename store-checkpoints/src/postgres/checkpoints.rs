//! Queries that read checkpoints.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::checkpoints::{Checkpoint, CheckpointComparison};
use store_core::postgres::db_error;
use store_core::{CheckpointId, Error, Listing, Order, Page, Result};

use super::rows::CheckpointRow;
use super::schema::agentensor_checkpoints::{self, dsl};
use crate::rules::Context;
use crate::rules::compare::comparison;
use store_core::postgres::{WithinBudget, split};

/// Finds a checkpoint.
pub(super) async fn checkpoint_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: CheckpointId,
) -> Result<Option<Checkpoint>> {
    agentensor_checkpoints::table
        .find(id.as_uuid())
        .select(CheckpointRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("checkpoint_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Fetches a checkpoint.
pub(super) async fn checkpoint_fetch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: CheckpointId,
) -> Result<Checkpoint> {
    checkpoint_find(conn, cx, id).await?.ok_or_else(|| Error::not_found("checkpoint", id))
}

/// Finds the checkpoint of a workflow with the highest version.
pub(super) async fn checkpoint_latest(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: &str,
) -> Result<Option<Checkpoint>> {
    agentensor_checkpoints::table
        .filter(dsl::workflow_id.eq(workflow_id))
        .order(dsl::config_version.desc())
        .select(CheckpointRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("checkpoint_latest"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Finds the checkpoint of a workflow that is marked as the best.
pub(super) async fn checkpoint_best(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    workflow_id: &str,
) -> Result<Option<Checkpoint>> {
    agentensor_checkpoints::table
        .filter(dsl::workflow_id.eq(workflow_id))
        .filter(dsl::is_best)
        .select(CheckpointRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("checkpoint_best"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Compares two checkpoints.
pub(super) async fn checkpoint_compare(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    base: CheckpointId,
    target: CheckpointId,
) -> Result<CheckpointComparison> {
    let rows: Vec<CheckpointRow> = agentensor_checkpoints::table
        .filter(dsl::id.eq(base.as_uuid()).or(dsl::id.eq(target.as_uuid())))
        .select(CheckpointRow::as_select())
        .load(conn)
        .await
        .map_err(db_error("checkpoint_compare"))?;
    let found =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    comparison(&found, base, target)
}

/// Begins a query on the checkpoints of a workflow.
pub(super) fn of_workflow(workflow_id: &str) -> agentensor_checkpoints::BoxedQuery<'static, Pg> {
    agentensor_checkpoints::table.filter(dsl::workflow_id.eq(workflow_id.to_owned())).into_boxed()
}

/// Lists the checkpoints a query means by version.
pub(super) async fn checkpoint_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    query: agentensor_checkpoints::BoxedQuery<'static, Pg>,
    listing: &Listing<i32>,
) -> Result<Page<Checkpoint>> {
    let version = dsl::config_version;
    let (ascending, descending) = ("config_version ASC", "config_version DESC");
    let (query, order) = match (listing.order(), listing.after) {
        (Order::Asc, None) => (query.order(version.asc()), ascending),
        (Order::Desc, None) => (query.order(version.desc()), descending),
        (Order::Asc, Some(after)) => {
            (query.filter(version.gt(after)).order(version.asc()), ascending)
        }
        (Order::Desc, Some(after)) => {
            (query.filter(version.lt(after)).order(version.desc()), descending)
        }
    };
    let page = WithinBudget {
        inner: query.select(CheckpointRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: "record_bytes",
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("checkpoint_list"))?;
    let (rows, more): (Vec<CheckpointRow>, bool) = split(rows);
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.config_version)
}
