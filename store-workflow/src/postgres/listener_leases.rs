//! Queries on leases and cursors of listeners.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::data_types::PgInterval;
use diesel::prelude::*;
use diesel::sql_types::{self, BigInt, Interval, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::json::Admitted;
use store_core::postgres::db_error;
use store_core::workflow::{ListenerCursor, ListenerLease};
use store_core::{Error, ListenerId, Result, Timestamp};

use super::listeners::listener_fetch;
use super::rows::{CursorRow, JsonText};
use super::schema::workflow_listeners::{self, dsl};
use crate::rules::Context;
use crate::rules::listener::lost;

// parity: the server's clock measures leases, and the query builder cannot add to it.
const CLAIM: &str = "UPDATE workflow_listeners SET lease_owner = $2, \
     lease_epoch = CASE \
     WHEN lease_owner = $2 AND lease_expires_at > coalesce($3, clock_timestamp()) \
     THEN lease_epoch ELSE lease_epoch + 1 END, \
     lease_expires_at = coalesce($3, clock_timestamp()) + $4 \
     WHERE id = $1 AND status = 'active' AND (lease_owner IS NULL OR lease_owner = $2 \
     OR lease_expires_at <= coalesce($3, clock_timestamp())) \
     RETURNING lease_epoch, lease_expires_at";

// parity: as above.
const RENEW: &str = "UPDATE workflow_listeners \
     SET lease_expires_at = coalesce($3, clock_timestamp()) + $4 \
     WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $5 \
     RETURNING lease_epoch, lease_expires_at";

// parity: SQLite computes when a lease ends before the statement.
#[derive(QueryableByName)]
struct LeaseRow {
    #[diesel(sql_type = BigInt)]
    lease_epoch: i64,
    #[diesel(sql_type = Timestamptz)]
    lease_expires_at: DateTime<Utc>,
}

// parity: belongs to LeaseRow.
impl LeaseRow {
    fn into_record(self, id: ListenerId, owner: &str) -> Result<ListenerLease> {
        let expires_at: Result<Timestamp> = self.lease_expires_at.try_into();
        let corrupt = |cause| Error::corrupt("workflow_listeners", "lease_expires_at", id, cause);
        Ok(ListenerLease {
            listener_id: id,
            owner: owner.to_owned(),
            epoch: self.lease_epoch,
            expires_at: expires_at.map_err(corrupt)?,
        })
    }
}

/// Takes the lease of an active subscription, unless another owner holds it.
pub(super) async fn listener_claim(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: ListenerId,
    owner: &str,
    ttl: Duration,
) -> Result<Option<ListenerLease>> {
    let row: Option<LeaseRow> = diesel::sql_query(CLAIM)
        .bind::<sql_types::Uuid, _>(id.as_uuid())
        .bind::<Text, _>(owner)
        .bind::<Nullable<Timestamptz>, _>(cx.clock.database_override().map(Timestamp::to_datetime))
        .bind::<Interval, _>(interval(ttl))
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("listener_claim"))?;
    match row {
        Some(row) => row.into_record(id, owner).map(Some),
        None => listener_fetch(conn, cx, id).await.map(|_held_or_inactive| None),
    }
}

/// Extends a lease.
pub(super) async fn listener_renew(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    lease: &ListenerLease,
    ttl: Duration,
) -> Result<ListenerLease> {
    let row: Option<LeaseRow> = diesel::sql_query(RENEW)
        .bind::<sql_types::Uuid, _>(lease.listener_id.as_uuid())
        .bind::<Text, _>(&lease.owner)
        .bind::<Nullable<Timestamptz>, _>(cx.clock.database_override().map(Timestamp::to_datetime))
        .bind::<Interval, _>(interval(ttl))
        .bind::<BigInt, _>(lease.epoch)
        .get_result(conn)
        .await
        .optional()
        .map_err(db_error("listener_renew"))?;
    match row {
        Some(row) => row.into_record(lease.listener_id, &lease.owner),
        None => Err(lost(lease)),
    }
}

// parity: belongs to CLAIM and RENEW.
pub(super) fn interval(ttl: Duration) -> PgInterval {
    PgInterval::from_microseconds(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX))
}

/// Gives a lease back.
pub(super) async fn listener_release(
    conn: &mut AsyncPgConnection,
    lease: &ListenerLease,
) -> Result<()> {
    let released = diesel::update(workflow_listeners::table.find(lease.listener_id.as_uuid()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set((dsl::lease_owner.eq(None::<&str>), dsl::lease_expires_at.eq(None::<DateTime<Utc>>)))
        .execute(conn)
        .await
        .map_err(db_error("listener_release"))?;
    if released == 0 { Err(lost(lease)) } else { Ok(()) }
}

/// Returns the cursor of a subscription.
pub(super) async fn cursor_find(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: ListenerId,
) -> Result<Option<ListenerCursor>> {
    workflow_listeners::table
        .find(id.as_uuid())
        .select(CursorRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("cursor_find"))?
        .ok_or_else(|| Error::not_found("listener", id))?
        .into_record(&cx.json)
}

/// Saves the cursor of a subscription.
pub(super) async fn cursor_save(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    lease: &ListenerLease,
    state: &Admitted,
) -> Result<ListenerCursor> {
    let updated_at = cx.clock.now();
    let saved = diesel::update(workflow_listeners::table.find(lease.listener_id.as_uuid()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set((
            dsl::cursor_state.eq(JsonText(&state.text)),
            dsl::cursor_updated_at.eq(updated_at.to_datetime()),
        ))
        .execute(conn)
        .await
        .map_err(db_error("cursor_save"))?;
    match saved {
        0 => Err(lost(lease)),
        _ => Ok(ListenerCursor { state: state.value.clone(), updated_at }),
    }
}
