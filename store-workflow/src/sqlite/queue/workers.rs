//! Queries on workers.

use std::time::Duration;

use diesel::prelude::*;
use store_core::queue::RegisteredWorker;
use store_core::sqlite::db_error;
use store_core::{Listing, Order, Page, Result};

use crate::rules::Context;
use crate::rules::queue::worker::{ReadyWorker, unknown};
use crate::sqlite::rows::WorkerRow;
use crate::sqlite::schema::job_workers::{self, dsl};
use store_core::sqlite::within_budget;

/// Registers a worker, also one that is registered.
pub(in crate::sqlite) fn worker_register(
    conn: &mut SqliteConnection,
    cx: &Context,
    worker: &ReadyWorker,
) -> Result<RegisteredWorker> {
    let now = cx.clock.now().to_string();
    let said = (
        dsl::capabilities.eq(&worker.capabilities.text),
        dsl::metadata.eq(&worker.metadata.text),
        dsl::registered_at.eq(&now),
        dsl::heartbeat_at.eq(&now),
    );
    let row: WorkerRow = diesel::insert_into(job_workers::table)
        .values((dsl::id.eq(&worker.id), said))
        .on_conflict(dsl::id)
        .do_update()
        .set(said)
        .returning(WorkerRow::as_returning())
        .get_result(conn)
        .map_err(db_error("worker_register"))?;
    row.into_record(&cx.json)
}

/// Says that a worker is there.
pub(in crate::sqlite) fn worker_heartbeat(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: &str,
) -> Result<()> {
    let known = diesel::update(job_workers::table.find(id))
        .set(dsl::heartbeat_at.eq(cx.clock.now().to_string()))
        .execute(conn)
        .map_err(db_error("worker_heartbeat"))?;
    if known == 0 { Err(unknown(id)) } else { Ok(()) }
}

/// Forgets a worker.
pub(in crate::sqlite) fn worker_delete(conn: &mut SqliteConnection, id: &str) -> Result<()> {
    diesel::delete(job_workers::table.find(id))
        .execute(conn)
        .map(drop)
        .map_err(db_error("worker_delete"))
}

/// Lists workers by id, those that are alive or all of them.
pub(in crate::sqlite) fn worker_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    alive_within: Option<Duration>,
    listing: &Listing<String>,
) -> Result<Page<RegisteredWorker>> {
    let mut query = job_workers::table.into_boxed();
    if let Some(within) = alive_within {
        let since = cx.clock.now().minus(within)?;
        query = query.filter(dsl::heartbeat_at.ge(since.to_string()));
    }
    if let Some(after) = &listing.after {
        query = match listing.order() {
            Order::Asc => query.filter(dsl::id.gt(after)),
            Order::Desc => query.filter(dsl::id.lt(after)),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order(dsl::id.asc()),
        Order::Desc => query.order(dsl::id.desc()),
    };
    let rows = query
        .select(WorkerRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<WorkerRow, _>(conn)
        .map_err(db_error("worker_list"))?;
    let bytes_of = |row: &WorkerRow| row.bytes();
    let (rows, more) = within_budget("worker_list", rows, listing.limit, bytes_of)?;
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.id.clone())
}

/// Forgets workers that were silent for a time, and counts them.
pub(in crate::sqlite) fn worker_prune(
    conn: &mut SqliteConnection,
    cx: &Context,
    silent_for: Duration,
) -> Result<u32> {
    let since = cx.clock.now().minus(silent_for)?;
    let silent = job_workers::table.filter(dsl::heartbeat_at.lt(since.to_string()));
    let pruned = diesel::delete(silent).execute(conn).map_err(db_error("worker_prune"))?;
    Ok(u32::try_from(pruned).unwrap_or(u32::MAX))
}
