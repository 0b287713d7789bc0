//! Queries on workers.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Interval, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::queue::RegisteredWorker;
use store_core::{Listing, Order, Page, Result};

use crate::postgres::listener_leases::interval;
use crate::postgres::rows::{JsonText, WorkerRow, stored};
use crate::postgres::schema::job_workers::{self, dsl};
use crate::rules::Context;
use crate::rules::queue::worker::{ReadyWorker, unknown};
use store_core::postgres::{WithinBudget, split};

// parity: the server's clock says who is there, and the query builder cannot read it.
const REGISTER: &str = "INSERT INTO job_workers \
     (id, capabilities, metadata, registered_at, heartbeat_at) \
     SELECT $1, $2, $3, clock.now, clock.now \
     FROM (SELECT coalesce($4, clock_timestamp()) AS now) AS clock \
     ON CONFLICT (id) DO UPDATE SET capabilities = excluded.capabilities, \
     metadata = excluded.metadata, registered_at = excluded.registered_at, \
     heartbeat_at = excluded.heartbeat_at \
     RETURNING id, capabilities, metadata, registered_at, heartbeat_at";

// parity: as above.
const HEARTBEAT: &str = "UPDATE job_workers \
     SET heartbeat_at = coalesce($2, clock_timestamp()) WHERE id = $1";

// parity: as above. The clock is read once, so that the index on heartbeats is used.
const PRUNE: &str = "DELETE FROM job_workers \
     WHERE heartbeat_at < (SELECT coalesce($1, clock_timestamp()) - $2)";

/// Registers a worker, also one that is registered.
pub(in crate::postgres) async fn worker_register(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    worker: &ReadyWorker,
) -> Result<RegisteredWorker> {
    let row: WorkerRow = diesel::sql_query(REGISTER)
        .bind::<Text, _>(&worker.id)
        .bind::<Jsonb, _>(JsonText(&worker.capabilities.text))
        .bind::<Jsonb, _>(JsonText(&worker.metadata.text))
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
        .get_result(conn)
        .await
        .map_err(db_error("worker_register"))?;
    row.into_record(&cx.json)
}

/// Says that a worker is there.
pub(in crate::postgres) async fn worker_heartbeat(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: &str,
) -> Result<()> {
    let known = diesel::sql_query(HEARTBEAT)
        .bind::<Text, _>(id)
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
        .execute(conn)
        .await
        .map_err(db_error("worker_heartbeat"))?;
    if known == 0 { Err(unknown(id)) } else { Ok(()) }
}

/// Forgets a worker.
pub(in crate::postgres) async fn worker_delete(
    conn: &mut AsyncPgConnection,
    id: &str,
) -> Result<()> {
    diesel::delete(job_workers::table.find(id))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("worker_delete"))
}

/// Lists workers by id, those that are alive or all of them.
pub(in crate::postgres) async fn worker_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    alive_within: Option<Duration>,
    listing: &Listing<String>,
) -> Result<Page<RegisteredWorker>> {
    let mut query = job_workers::table.into_boxed();
    if let Some(within) = alive_within {
        let since = sql::<Timestamptz>("(SELECT coalesce(")
            .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
            .sql(", clock_timestamp()) - ")
            .bind::<Interval, _>(interval(within))
            .sql(")");
        query = query.filter(dsl::heartbeat_at.ge(since));
    }
    if let Some(after) = &listing.after {
        query = match listing.order() {
            Order::Asc => query.filter(dsl::id.gt(after)),
            Order::Desc => query.filter(dsl::id.lt(after)),
        };
    }
    let (query, order) = match listing.order() {
        Order::Asc => (query.order(dsl::id.asc()), "id ASC"),
        Order::Desc => (query.order(dsl::id.desc()), "id DESC"),
    };
    let page = WithinBudget {
        inner: query.select(WorkerRow::as_select()).limit(listing.limit + 1),
        order,
        bytes: "octet_length(capabilities::text) + octet_length(metadata::text)",
        limit: listing.limit,
    };
    let rows = page.load(conn).await.map_err(db_error("worker_list"))?;
    let (rows, more): (Vec<WorkerRow>, bool) = split(rows);
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.id.clone())
}

/// Forgets workers that were silent for a time, and counts them.
pub(in crate::postgres) async fn worker_prune(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    silent_for: Duration,
) -> Result<u32> {
    let pruned = diesel::sql_query(PRUNE)
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
        .bind::<Interval, _>(interval(silent_for))
        .execute(conn)
        .await
        .map_err(db_error("worker_prune"))?;
    Ok(u32::try_from(pruned).unwrap_or(u32::MAX))
}
