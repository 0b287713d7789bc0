//! Queries on leases and cursors of listeners.

use std::time::Duration;

use diesel::dsl::case_when;
use diesel::prelude::*;
use store_core::json::Admitted;
use store_core::sqlite::db_error;
use store_core::workflow::{ListenerCursor, ListenerLease, ListenerStatus};
use store_core::{Error, ListenerId, Result};

use super::listeners::listener_fetch;
use super::rows::CursorRow;
use super::schema::workflow_listeners::{self, dsl};
use crate::rules::Context;
use crate::rules::listener::lost;

/// Takes the lease of an active subscription, unless another owner holds it.
pub(super) fn listener_claim(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: ListenerId,
    owner: &str,
    ttl: Duration,
) -> Result<Option<ListenerLease>> {
    let now = cx.clock.now();
    let expires_at = now.plus(ttl)?;
    let now = now.to_string();
    let held = dsl::lease_owner.eq(owner).and(dsl::lease_expires_at.gt(&now));
    let epoch: Option<i64> = diesel::update(workflow_listeners::table.find(id.to_string()))
        .filter(dsl::status.eq(ListenerStatus::Active.as_str()))
        .filter(
            dsl::lease_owner
                .is_null()
                .or(dsl::lease_expires_at.le(&now))
                .or(dsl::lease_owner.eq(owner)),
        )
        .set((
            dsl::lease_owner.eq(owner),
            dsl::lease_epoch.eq(case_when(held, dsl::lease_epoch).otherwise(dsl::lease_epoch + 1)),
            dsl::lease_expires_at.eq(expires_at.to_string()),
        ))
        .returning(dsl::lease_epoch)
        .get_result(conn)
        .optional()
        .map_err(db_error("listener_claim"))?;
    match epoch {
        Some(epoch) => {
            let owner = owner.to_owned();
            Ok(Some(ListenerLease { listener_id: id, owner, epoch, expires_at }))
        }
        None => listener_fetch(conn, cx, id).map(|_held_or_inactive| None),
    }
}

/// Extends a lease.
pub(super) fn listener_renew(
    conn: &mut SqliteConnection,
    cx: &Context,
    lease: &ListenerLease,
    ttl: Duration,
) -> Result<ListenerLease> {
    let expires_at = cx.clock.now().plus(ttl)?;
    let renewed = diesel::update(workflow_listeners::table.find(lease.listener_id.to_string()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set(dsl::lease_expires_at.eq(expires_at.to_string()))
        .execute(conn)
        .map_err(db_error("listener_renew"))?;
    match renewed {
        0 => Err(lost(lease)),
        _ => Ok(ListenerLease { expires_at, ..lease.clone() }),
    }
}

/// Gives a lease back.
pub(super) fn listener_release(conn: &mut SqliteConnection, lease: &ListenerLease) -> Result<()> {
    let released = diesel::update(workflow_listeners::table.find(lease.listener_id.to_string()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set((dsl::lease_owner.eq(None::<&str>), dsl::lease_expires_at.eq(None::<&str>)))
        .execute(conn)
        .map_err(db_error("listener_release"))?;
    if released == 0 { Err(lost(lease)) } else { Ok(()) }
}

/// Returns the cursor of a subscription.
pub(super) fn cursor_find(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: ListenerId,
) -> Result<Option<ListenerCursor>> {
    workflow_listeners::table
        .find(id.to_string())
        .select(CursorRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("cursor_find"))?
        .ok_or_else(|| Error::not_found("listener", id))?
        .into_record(&cx.json)
}

/// Saves the cursor of a subscription.
pub(super) fn cursor_save(
    conn: &mut SqliteConnection,
    cx: &Context,
    lease: &ListenerLease,
    state: &Admitted,
) -> Result<ListenerCursor> {
    let updated_at = cx.clock.now();
    let saved = diesel::update(workflow_listeners::table.find(lease.listener_id.to_string()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set((dsl::cursor_state.eq(&state.text), dsl::cursor_updated_at.eq(updated_at.to_string())))
        .execute(conn)
        .map_err(db_error("cursor_save"))?;
    match saved {
        0 => Err(lost(lease)),
        _ => Ok(ListenerCursor { state: state.value.clone(), updated_at }),
    }
}
