//! Queries on executions.

use diesel::dsl::Eq;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::history::{Execution, ExecutionFilter};
use store_core::json::JsonPolicy;
use store_core::postgres::db_error;
use store_core::{Error, ExecutionId, Listing, Order, Page, Result};

use super::error::on_insert;
use super::rows::{ExecutionRow, NewExecutionRow};
use super::schema::history_executions::{self, dsl};
use crate::rules::{ExecutionKey, Finish, ReadyExecution, ReadyFilter};
use store_core::postgres::{WithinBudget, split};

#[declare_sql_function]
extern "SQL" {
    /// The first of the two that is there.
    fn coalesce(a: Nullable<Timestamptz>, b: Nullable<Timestamptz>) -> Nullable<Timestamptz>;
}

type ById<'a> = Eq<history_executions::execution_id, &'a str>;
type Filtered<'a> = history_executions::BoxedQuery<'a, Pg>;

fn by_id(id: &ExecutionId) -> ById<'_> {
    history_executions::execution_id.eq(id.as_str())
}

/// Inserts an execution.
pub(super) async fn execution_insert(
    conn: &mut AsyncPgConnection,
    ready: &ReadyExecution,
) -> Result<()> {
    diesel::insert_into(history_executions::table)
        .values(NewExecutionRow::new(ready))
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| on_insert(&ready.execution.execution_id, error))
}

/// Finishes a running execution.
pub(super) async fn execution_finish(
    conn: &mut AsyncPgConnection,
    finish: &Finish,
    json: &JsonPolicy,
) -> Result<Execution> {
    let at = finish.at.to_datetime();
    let row = diesel::update(history_executions::table)
        .filter(by_id(&finish.execution_id))
        .filter(dsl::status.eq("running"))
        .set((
            dsl::status.eq(finish.status.as_str()),
            dsl::error.eq(finish.error.as_deref()),
            dsl::completed_at.eq(at),
            dsl::trace_completed_at.eq(at),
            dsl::trace_last_span_at.eq(coalesce(dsl::trace_last_span_at, Some(at))),
            dsl::updated_at.eq(at),
        ))
        .returning(ExecutionRow::as_returning())
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("execution_finish"))?;
    match row {
        Some(row) => row.into_record(json),
        None => Err(execution_refusal(conn, &finish.execution_id, finish.status.as_str()).await?),
    }
}

/// Says why an execution could not be changed: it is not there, or it is not running.
pub(super) async fn execution_refusal(
    conn: &mut AsyncPgConnection,
    id: &ExecutionId,
    to: &str,
) -> Result<Error> {
    let status: Option<String> = history_executions::table
        .filter(by_id(id))
        .select(dsl::status)
        .first(conn)
        .await
        .optional()
        .map_err(db_error("execution_refusal"))?;
    Ok(match status {
        // One that runs by now was started after the statement had looked.
        None => Error::not_found("execution", id),
        Some(status) if status == "running" => Error::not_found("execution", id),
        Some(status) => Error::invalid_state("execution", id, status, to),
    })
}

/// Finds an execution.
pub(super) async fn execution_find(
    conn: &mut AsyncPgConnection,
    id: &ExecutionId,
    json: &JsonPolicy,
) -> Result<Option<Execution>> {
    history_executions::table
        .filter(by_id(id))
        .select(ExecutionRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("execution_find"))?
        .map(|row| row.into_record(json))
        .transpose()
}

/// Fetches an execution.
pub(super) async fn execution_fetch(
    conn: &mut AsyncPgConnection,
    id: &ExecutionId,
    json: &JsonPolicy,
) -> Result<Execution> {
    execution_find(conn, id, json).await?.ok_or_else(|| Error::not_found("execution", id))
}

/// Lists executions by start; `with_steps` counts the bytes of their steps towards the page.
pub(super) async fn execution_list(
    conn: &mut AsyncPgConnection,
    filter: &ReadyFilter,
    listing: &Listing<ExecutionKey>,
    with_steps: bool,
    json: &JsonPolicy,
) -> Result<Page<Execution>> {
    let mut query = execution_filtered(filter);
    if let Some((started_at, id)) = &listing.after {
        let at = started_at.to_datetime();
        let id = id.as_str().to_owned();
        // The first condition bounds the index, the second settles ties.
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::started_at.ge(at))
                .filter(dsl::started_at.gt(at).or(dsl::execution_id.gt(id))),
            Order::Desc => query
                .filter(dsl::started_at.le(at))
                .filter(dsl::started_at.lt(at).or(dsl::execution_id.lt(id))),
        };
    }
    let (query, order) = match listing.order() {
        Order::Asc => (
            query.order((dsl::started_at.asc(), dsl::execution_id.asc())),
            "started_at ASC, execution_id ASC",
        ),
        Order::Desc => (
            query.order((dsl::started_at.desc(), dsl::execution_id.desc())),
            "started_at DESC, execution_id DESC",
        ),
    };
    let page = WithinBudget {
        inner: query.select(ExecutionRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: if with_steps { "record_bytes + step_bytes" } else { "record_bytes" },
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("execution_list"))?;
    let (rows, more): (Vec<ExecutionRow>, bool) = split(rows);
    let items = rows.into_iter().map(|row| row.into_record(json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.started_at, last.execution_id.clone()))
}

/// Begins a query on the executions a filter means.
pub(super) fn execution_filtered(ready: &ReadyFilter) -> Filtered<'static> {
    let mut query = history_executions::table.into_boxed();
    let ExecutionFilter { workflow_id, status, started_from, started_before, trace_id, .. } =
        ready.filter.clone();
    if let Some(workflow_id) = workflow_id {
        query = query.filter(dsl::workflow_id.eq(workflow_id));
    }
    if let Some(status) = status {
        query = query.filter(dsl::status.eq(status.as_str()));
    }
    if let Some(from) = started_from {
        query = query.filter(dsl::started_at.ge(from.to_datetime()));
    }
    if let Some(before) = started_before {
        query = query.filter(dsl::started_at.lt(before.to_datetime()));
    }
    if let Some(trace_id) = trace_id {
        query = query.filter(dsl::trace_id.eq(trace_id));
    }
    if let Some(tag) = &ready.tags_contain {
        query = query.filter(dsl::tags.contains(tag.stored()));
    }
    if let Some(wanted) = &ready.metadata_contains {
        query = query.filter(dsl::metadata.contains(wanted.stored()));
    }
    query
}

/// Deletes an execution with all that belongs to it.
pub(super) async fn execution_delete(conn: &mut AsyncPgConnection, id: &ExecutionId) -> Result<()> {
    let deleted = diesel::delete(history_executions::table)
        .filter(by_id(id))
        .execute(conn)
        .await
        .map_err(db_error("execution_delete"))?;
    if deleted == 0 { Err(Error::not_found("execution", id)) } else { Ok(()) }
}
