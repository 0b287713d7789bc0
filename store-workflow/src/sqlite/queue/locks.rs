//! Queries on named locks.

use std::time::Duration;

use diesel::prelude::*;
use diesel::query_dsl::methods;
use store_core::Result;
use store_core::queue::LockGuard;
use store_core::sqlite::db_error;

use crate::rules::Context;
use crate::rules::queue::lock::lost;
use crate::sqlite::rows::LockRow;
use crate::sqlite::schema::workflow_locks::{self, dsl};

/// Acquires a lock that is free or has expired.
pub(in crate::sqlite) fn lock_acquire(
    conn: &mut SqliteConnection,
    cx: &Context,
    name: &str,
    owner: &str,
    ttl: Duration,
) -> Result<Option<LockGuard>> {
    let now = cx.clock.now();
    let expires_at = now.plus(ttl)?.to_string();
    let held = (dsl::owner.eq(owner), dsl::expires_at.eq(&expires_at));
    let upsert = diesel::insert_into(workflow_locks::table)
        .values((dsl::name.eq(name), dsl::epoch.eq(1), held))
        .on_conflict(dsl::name)
        .do_update()
        .set((dsl::epoch.eq(dsl::epoch + 1), held));
    let free = dsl::owner.is_null().or(dsl::expires_at.le(now.to_string()));
    // `QueryDsl` has a filter of the same name, which is not for upserts.
    let row: Option<LockRow> = methods::FilterDsl::filter(upsert, free)
        .returning(LockRow::as_returning())
        .get_result(conn)
        .optional()
        .map_err(db_error("lock_acquire"))?;
    row.map_or(Ok(None), |row| row.into_record(&cx.json))
}

/// Extends a lock.
pub(in crate::sqlite) fn lock_renew(
    conn: &mut SqliteConnection,
    cx: &Context,
    guard: &LockGuard,
    ttl: Duration,
) -> Result<LockGuard> {
    let expires_at = cx.clock.now().plus(ttl)?;
    let row: Option<LockRow> = diesel::update(workflow_locks::table.find(&guard.name))
        .filter(dsl::owner.eq(&guard.owner))
        .filter(dsl::epoch.eq(guard.epoch))
        .set(dsl::expires_at.eq(expires_at.to_string()))
        .returning(LockRow::as_returning())
        .get_result(conn)
        .optional()
        .map_err(db_error("lock_renew"))?;
    row.map_or(Ok(None), |row| row.into_record(&cx.json))?.ok_or_else(|| lost(&guard.name))
}

/// Gives a lock back; its epoch stays.
pub(in crate::sqlite) fn lock_release(
    conn: &mut SqliteConnection,
    guard: &LockGuard,
) -> Result<()> {
    let released = diesel::update(workflow_locks::table.find(&guard.name))
        .filter(dsl::owner.eq(&guard.owner))
        .filter(dsl::epoch.eq(guard.epoch))
        .set((dsl::owner.eq(None::<&str>), dsl::expires_at.eq(None::<&str>)))
        .execute(conn)
        .map_err(db_error("lock_release"))?;
    if released == 0 { Err(lost(&guard.name)) } else { Ok(()) }
}

/// Finds who holds a lock.
pub(in crate::sqlite) fn lock_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    name: &str,
) -> Result<Option<LockGuard>> {
    let row: Option<LockRow> = workflow_locks::table
        .find(name)
        .filter(dsl::expires_at.gt(cx.clock.now().to_string()))
        .select(LockRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("lock_find"))?;
    row.map_or(Ok(None), |row| row.into_record(&cx.json))
}
