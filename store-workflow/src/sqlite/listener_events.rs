//! Dispatching events of listeners.

use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::upsert::excluded;
use store_core::sqlite::{Violation, db_error};
use store_core::workflow::{ListenerEvent, ListenerLease, ListenerSubscription, Run};
use store_core::{Result, Timestamp};

use super::rows::ListenerRow;
use super::runs::run_create;
use super::schema::workflow_listener_events::{self, dsl as events};
use super::schema::workflow_listeners::{self, dsl};
use crate::rules::Context;
use crate::rules::listener::{dedupe_window, event_run, lost};

/// Starts the run of an event, unless the event was dispatched before; the inner error says why
/// the workflow runs nothing, which is itself audited.
pub(super) fn event_dispatch(
    conn: &mut SqliteConnection,
    cx: &Context,
    lease: &ListenerLease,
    event: &ListenerEvent,
) -> Result<Result<Option<Run>>> {
    let listener = listener_held(conn, cx, lease)?;
    let ready = event_run(cx, &listener, event)?;
    let now = cx.clock.now();
    let until = now.plus(dedupe_window(&listener.config)?)?;
    if !event_remember(conn, lease, &event.dedupe_key, (now, until))? {
        return Ok(Ok(None));
    }
    match run_create(conn, cx, &ready)? {
        Ok(run) => listener_touch(conn, lease, now).map(|()| Ok(Some(run))),
        // Not rolled back, because of the audit.
        Err(refused) => {
            event_forget(conn, lease, &event.dedupe_key)?;
            Ok(Err(refused))
        }
    }
}

/// Fetches the subscription of a lease that is held.
fn listener_held(
    conn: &mut SqliteConnection,
    cx: &Context,
    lease: &ListenerLease,
) -> Result<ListenerSubscription> {
    workflow_listeners::table
        .find(lease.listener_id.to_string())
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .select(ListenerRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("listener_held"))?
        .ok_or_else(|| lost(lease))?
        .into_record(&cx.json)
}

/// Remembers an event; false when it is remembered already.
fn event_remember(
    conn: &mut SqliteConnection,
    lease: &ListenerLease,
    dedupe_key: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<bool> {
    let upsert = diesel::insert_into(workflow_listener_events::table)
        .values((
            events::listener_id.eq(lease.listener_id.to_string()),
            events::dedupe_key.eq(dedupe_key),
            events::expires_at.eq(until.to_string()),
        ))
        .on_conflict((events::listener_id, events::dedupe_key))
        .do_update()
        .set(events::expires_at.eq(excluded(events::expires_at)));
    // `QueryDsl` has a filter of the same name, which is not for upserts.
    methods::FilterDsl::filter(upsert, workflow_listener_events::expires_at.le(now.to_string()))
        .execute(conn)
        .map(|written| written == 1)
        .map_err(|error| match Violation::of(&error) {
            // The subscription went with its workflow.
            Some(Violation::ForeignKey) => lost(lease),
            _ => db_error("event_remember")(error),
        })
}

/// Forgets an event that started nothing.
fn event_forget(
    conn: &mut SqliteConnection,
    lease: &ListenerLease,
    dedupe_key: &str,
) -> Result<()> {
    let key = (lease.listener_id.to_string(), dedupe_key);
    diesel::delete(workflow_listener_events::table.find(key))
        .execute(conn)
        .map(drop)
        .map_err(db_error("event_forget"))
}

/// Notes when an event was dispatched; without the lease nothing of the transaction remains.
///
/// It comes last, so that all who lock a workflow and its listeners lock them in this order.
fn listener_touch(
    conn: &mut SqliteConnection,
    lease: &ListenerLease,
    now: Timestamp,
) -> Result<()> {
    let touched = diesel::update(workflow_listeners::table.find(lease.listener_id.to_string()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set((dsl::last_event_at.eq(now.to_string()), dsl::updated_at.eq(now.to_string())))
        .execute(conn)
        .map_err(db_error("listener_touch"))?;
    if touched == 0 { Err(lost(lease)) } else { Ok(()) }
}
