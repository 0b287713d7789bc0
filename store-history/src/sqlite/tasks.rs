//! Attempts at tasks.

use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::upsert::excluded;
use store_core::history::{ExecutionStatus, TaskExecution};
use store_core::json::JsonPolicy;
use store_core::sqlite::db_error;
use store_core::{Error, ExecutionId, Listing, Order, Page, Result};

use super::error::on_child;
use super::rows::{NewTaskRow, TaskRow};
use super::schema::history_tasks::{self, dsl};
use crate::rules::{ReadyTask, TaskKey};
use store_core::sqlite::within_budget;

/// Records an attempt; one that is stored as running is replaced.
pub(super) fn task_record(
    conn: &mut SqliteConnection,
    ready: &ReadyTask,
    json: &JsonPolicy,
) -> Result<()> {
    let upsert = diesel::insert_into(history_tasks::table)
        .values(NewTaskRow::new(ready))
        .on_conflict((dsl::execution_id, dsl::task_id, dsl::attempt))
        .do_update()
        .set((
            dsl::runtime.eq(excluded(dsl::runtime)),
            dsl::args.eq(excluded(dsl::args)),
            dsl::result.eq(excluded(dsl::result)),
            dsl::error.eq(excluded(dsl::error)),
            dsl::started_at.eq(excluded(dsl::started_at)),
            dsl::completed_at.eq(excluded(dsl::completed_at)),
            dsl::duration_ms.eq(excluded(dsl::duration_ms)),
            dsl::status.eq(excluded(dsl::status)),
            dsl::record_bytes.eq(excluded(dsl::record_bytes)),
        ));
    // `QueryDsl` has a filter of the same name, which is not for upserts.
    let written = methods::FilterDsl::filter(upsert, history_tasks::status.eq("running"))
        .execute(conn)
        .map_err(|error| on_child("task_record", &ready.task.execution_id, error))?;
    if written == 1 { Ok(()) } else { task_confirm(conn, &ready.task, json) }
}

/// Accepts a repetition of a finished attempt, and refuses a change to it.
fn task_confirm(
    conn: &mut SqliteConnection,
    task: &TaskExecution,
    json: &JsonPolicy,
) -> Result<()> {
    let stored = history_tasks::table
        .filter(dsl::execution_id.eq(task.execution_id.as_str()))
        .filter(dsl::task_id.eq(task.task_id.as_str()))
        .filter(dsl::attempt.eq(task.attempt))
        .select(TaskRow::as_select())
        .first(conn)
        .map_err(db_error("task_confirm"))?
        .into_record(json)?;
    if stored == *task {
        return Ok(());
    }
    let id = format!("{}/{}/{}", task.execution_id, task.task_id, task.attempt);
    let to = match task.status {
        status if status == stored.status => format!("{status} in another way"),
        ExecutionStatus::Running => "running again".to_owned(),
        status => status.to_string(),
    };
    Err(Error::invalid_state("task", id, stored.status, to))
}

/// Lists the attempts of an execution by task and attempt.
pub(super) fn task_list(
    conn: &mut SqliteConnection,
    id: &ExecutionId,
    listing: &Listing<TaskKey>,
    json: &JsonPolicy,
) -> Result<Page<TaskExecution>> {
    let mut query = history_tasks::table.filter(dsl::execution_id.eq(id.as_str())).into_boxed();
    if let Some((task_id, attempt)) = listing.after.clone() {
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::task_id.ge(task_id.clone()))
                .filter(dsl::task_id.gt(task_id).or(dsl::attempt.gt(attempt))),
            Order::Desc => query
                .filter(dsl::task_id.le(task_id.clone()))
                .filter(dsl::task_id.lt(task_id).or(dsl::attempt.lt(attempt))),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order((dsl::task_id.asc(), dsl::attempt.asc())),
        Order::Desc => query.order((dsl::task_id.desc(), dsl::attempt.desc())),
    };
    let rows = query
        .select(TaskRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<TaskRow, _>(conn)
        .map_err(db_error("task_list"))?;
    let (rows, more) = within_budget("task_list", rows, listing.limit, |row| row.record_bytes)?;
    listing
        .page(rows, more, |last| (last.task_id.clone(), last.attempt))?
        .try_map(|row| row.into_record(json))
}
