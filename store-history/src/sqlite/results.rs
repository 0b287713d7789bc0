//! What tasks left behind.

use diesel::prelude::*;
use diesel::upsert::excluded;
use store_core::history::TaskResult;
use store_core::json::JsonPolicy;
use store_core::sqlite::db_error;
use store_core::{ExecutionId, Listing, Order, Page, Result};

use super::error::on_child;
use super::rows::{NewResultRow, ResultRow};
use super::schema::history_results::{self, dsl};
use crate::rules::{ReadyResult, ResultKey};
use store_core::sqlite::within_budget;

/// Puts a result, replacing what was under its key.
pub(super) fn result_put(conn: &mut SqliteConnection, ready: &ReadyResult) -> Result<()> {
    diesel::insert_into(history_results::table)
        .values(NewResultRow::new(ready))
        .on_conflict((dsl::execution_id, dsl::task_id, dsl::result_key))
        .do_update()
        .set((
            dsl::value.eq(excluded(dsl::value)),
            dsl::updated_at.eq(excluded(dsl::updated_at)),
            dsl::record_bytes.eq(excluded(dsl::record_bytes)),
        ))
        .execute(conn)
        .map(drop)
        .map_err(|error| on_child("result_put", &ready.result.execution_id, error))
}

/// Lists the results of an execution by task and key.
pub(super) fn result_list(
    conn: &mut SqliteConnection,
    id: &ExecutionId,
    key: Option<&str>,
    listing: &Listing<ResultKey>,
    json: &JsonPolicy,
) -> Result<Page<TaskResult>> {
    let mut query = history_results::table.filter(dsl::execution_id.eq(id.as_str())).into_boxed();
    if let Some(key) = key {
        query = query.filter(dsl::result_key.eq(key.to_owned()));
    }
    if let Some((task_id, result_key)) = listing.after.clone() {
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::task_id.ge(task_id.clone()))
                .filter(dsl::task_id.gt(task_id).or(dsl::result_key.gt(result_key))),
            Order::Desc => query
                .filter(dsl::task_id.le(task_id.clone()))
                .filter(dsl::task_id.lt(task_id).or(dsl::result_key.lt(result_key))),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order((dsl::task_id.asc(), dsl::result_key.asc())),
        Order::Desc => query.order((dsl::task_id.desc(), dsl::result_key.desc())),
    };
    let rows = query
        .select(ResultRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<ResultRow, _>(conn)
        .map_err(db_error("result_list"))?;
    let (rows, more) = within_budget("result_list", rows, listing.limit, |row| row.record_bytes)?;
    listing
        .page(rows, more, |last| (last.task_id.clone(), last.result_key.clone()))?
        .try_map(|row| row.into_record(json))
}
