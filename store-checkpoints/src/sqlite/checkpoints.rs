//! Queries that read checkpoints.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::checkpoints::{Checkpoint, CheckpointComparison};
use store_core::sqlite::db_error;
use store_core::{CheckpointId, Error, Listing, Order, Page, Result};

use super::rows::CheckpointRow;
use super::schema::agentensor_checkpoints::{self, dsl};
use crate::rules::Context;
use crate::rules::compare::comparison;
use store_core::sqlite::within_budget;

/// Finds a checkpoint.
pub(super) fn checkpoint_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: CheckpointId,
) -> Result<Option<Checkpoint>> {
    agentensor_checkpoints::table
        .find(id.to_string())
        .select(CheckpointRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("checkpoint_find"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Fetches a checkpoint.
pub(super) fn checkpoint_fetch(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: CheckpointId,
) -> Result<Checkpoint> {
    checkpoint_find(conn, cx, id)?.ok_or_else(|| Error::not_found("checkpoint", id))
}

/// Finds the checkpoint of a workflow with the highest version.
pub(super) fn checkpoint_latest(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: &str,
) -> Result<Option<Checkpoint>> {
    agentensor_checkpoints::table
        .filter(dsl::workflow_id.eq(workflow_id))
        .order(dsl::config_version.desc())
        .select(CheckpointRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("checkpoint_latest"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Finds the checkpoint of a workflow that is marked as the best.
pub(super) fn checkpoint_best(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: &str,
) -> Result<Option<Checkpoint>> {
    agentensor_checkpoints::table
        .filter(dsl::workflow_id.eq(workflow_id))
        .filter(dsl::is_best)
        .select(CheckpointRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("checkpoint_best"))?
        .map(|row| row.into_record(&cx.json))
        .transpose()
}

/// Compares two checkpoints.
pub(super) fn checkpoint_compare(
    conn: &mut SqliteConnection,
    cx: &Context,
    base: CheckpointId,
    target: CheckpointId,
) -> Result<CheckpointComparison> {
    let rows: Vec<CheckpointRow> = agentensor_checkpoints::table
        .filter(dsl::id.eq(base.to_string()).or(dsl::id.eq(target.to_string())))
        .select(CheckpointRow::as_select())
        .load(conn)
        .map_err(db_error("checkpoint_compare"))?;
    let found =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    comparison(&found, base, target)
}

/// Begins a query on the checkpoints of a workflow.
pub(super) fn of_workflow(
    workflow_id: &str,
) -> agentensor_checkpoints::BoxedQuery<'static, Sqlite> {
    agentensor_checkpoints::table.filter(dsl::workflow_id.eq(workflow_id.to_owned())).into_boxed()
}

/// Lists the checkpoints a query means by version.
pub(super) fn checkpoint_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    query: agentensor_checkpoints::BoxedQuery<'static, Sqlite>,
    listing: &Listing<i32>,
) -> Result<Page<Checkpoint>> {
    let version = dsl::config_version;
    let query = match (listing.order(), listing.after) {
        (Order::Asc, None) => query.order(version.asc()),
        (Order::Desc, None) => query.order(version.desc()),
        (Order::Asc, Some(after)) => query.filter(version.gt(after)).order(version.asc()),
        (Order::Desc, Some(after)) => query.filter(version.lt(after)).order(version.desc()),
    };
    let rows = query
        .select(CheckpointRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<CheckpointRow, _>(conn)
        .map_err(db_error("checkpoint_list"))?;
    let bytes_of = |row: &CheckpointRow| row.record_bytes;
    let (rows, more) = within_budget("checkpoint_list", rows, listing.limit, bytes_of)?;
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.config_version)
}
