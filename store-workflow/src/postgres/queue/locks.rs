//! Queries on named locks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Interval, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::postgres::db_error;
use store_core::queue::LockGuard;

use crate::postgres::listener_leases::interval;
use crate::postgres::rows::{LockRow, stored};
use crate::postgres::schema::workflow_locks::{self, dsl};
use crate::rules::Context;
use crate::rules::queue::lock::lost;

// parity: the server's clock measures locks, and the query builder cannot add to it. It is read
// again after the wait for the row, which may have been long.
const ACQUIRE: &str = "INSERT INTO workflow_locks (name, owner, epoch, expires_at) \
     VALUES ($1, $2, 1, coalesce($3, clock_timestamp()) + $4) \
     ON CONFLICT (name) DO UPDATE SET owner = $2, epoch = workflow_locks.epoch + 1, \
     expires_at = coalesce($3, clock_timestamp()) + $4 \
     WHERE workflow_locks.owner IS NULL \
     OR workflow_locks.expires_at <= coalesce($3, clock_timestamp()) \
     RETURNING name, owner, epoch, expires_at";

// parity: as above.
const RENEW: &str = "UPDATE workflow_locks SET expires_at = coalesce($3, clock_timestamp()) + $4 \
     WHERE name = $1 AND owner = $2 AND epoch = $5 \
     RETURNING name, owner, epoch, expires_at";

/// Acquires a lock that is free or has expired.
pub(in crate::postgres) async fn lock_acquire(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    name: &str,
    owner: &str,
    ttl: Duration,
) -> Result<Option<LockGuard>> {
    let row: Option<LockRow> = diesel::sql_query(ACQUIRE)
        .bind::<Text, _>(name)
        .bind::<Text, _>(owner)
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
        .bind::<Interval, _>(interval(ttl))
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("lock_acquire"))?;
    row.map_or(Ok(None), |row| row.into_record(&cx.json))
}

/// Extends a lock.
pub(in crate::postgres) async fn lock_renew(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    guard: &LockGuard,
    ttl: Duration,
) -> Result<LockGuard> {
    let row: Option<LockRow> = diesel::sql_query(RENEW)
        .bind::<Text, _>(&guard.name)
        .bind::<Text, _>(&guard.owner)
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
        .bind::<Interval, _>(interval(ttl))
        .bind::<BigInt, _>(guard.epoch)
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("lock_renew"))?;
    row.map_or(Ok(None), |row| row.into_record(&cx.json))?.ok_or_else(|| lost(&guard.name))
}

/// Gives a lock back; its epoch stays.
pub(in crate::postgres) async fn lock_release(
    conn: &mut AsyncPgConnection,
    guard: &LockGuard,
) -> Result<()> {
    let released = diesel::update(workflow_locks::table.find(&guard.name))
        .filter(dsl::owner.eq(&guard.owner))
        .filter(dsl::epoch.eq(guard.epoch))
        .set((dsl::owner.eq(None::<&str>), dsl::expires_at.eq(None::<DateTime<Utc>>)))
        .execute(conn)
        .await
        .map_err(db_error("lock_release"))?;
    if released == 0 { Err(lost(&guard.name)) } else { Ok(()) }
}

/// Finds who holds a lock.
pub(in crate::postgres) async fn lock_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    name: &str,
) -> Result<Option<LockGuard>> {
    let now = sql::<Nullable<Timestamptz>>("coalesce(")
        .bind::<Nullable<Timestamptz>, _>(stored(cx.clock.database_override()))
        .sql(", clock_timestamp())");
    let row: Option<LockRow> = workflow_locks::table
        .find(name)
        .filter(dsl::expires_at.gt(now))
        .select(LockRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("lock_find"))?;
    row.map_or(Ok(None), |row| row.into_record(&cx.json))
}
