//! Dispatching events of listeners.

use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Violation, db_error};
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
pub(super) async fn event_dispatch(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    lease: &ListenerLease,
    event: &ListenerEvent,
) -> Result<Result<Option<Run>>> {
    let listener = listener_held(conn, cx, lease).await?;
    let ready = event_run(cx, &listener, event)?;
    let now = cx.clock.now();
    let until = now.plus(dedupe_window(&listener.config)?)?;
    if !event_remember(conn, lease, &event.dedupe_key, (now, until)).await? {
        return Ok(Ok(None));
    }
    match run_create(conn, cx, &ready).await? {
        Ok(run) => listener_touch(conn, lease, now).await.map(|()| Ok(Some(run))),
        // Not rolled back, because of the audit.
        Err(refused) => {
            event_forget(conn, lease, &event.dedupe_key).await?;
            Ok(Err(refused))
        }
    }
}

/// Fetches the subscription of a lease that is held.
async fn listener_held(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    lease: &ListenerLease,
) -> Result<ListenerSubscription> {
    workflow_listeners::table
        .find(lease.listener_id.as_uuid())
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .select(ListenerRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(db_error("listener_held"))?
        .ok_or_else(|| lost(lease))?
        .into_record(&cx.json)
}

/// Remembers an event; false when it is remembered already.
async fn event_remember(
    conn: &mut AsyncPgConnection,
    lease: &ListenerLease,
    dedupe_key: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<bool> {
    let upsert = diesel::insert_into(workflow_listener_events::table)
        .values((
            events::listener_id.eq(lease.listener_id.as_uuid()),
            events::dedupe_key.eq(dedupe_key),
            events::expires_at.eq(until.to_datetime()),
        ))
        .on_conflict((events::listener_id, events::dedupe_key))
        .do_update()
        .set(events::expires_at.eq(excluded(events::expires_at)));
    // `QueryDsl` has a filter of the same name, which is not for upserts.
    methods::FilterDsl::filter(upsert, workflow_listener_events::expires_at.le(now.to_datetime()))
        .execute(conn)
        .await
        .map(|written| written == 1)
        .map_err(|error| match Violation::of(&error) {
            // The subscription went with its workflow.
            Some(Violation::ForeignKey(_)) => lost(lease),
            _ => db_error("event_remember")(error),
        })
}

/// Forgets an event that started nothing.
async fn event_forget(
    conn: &mut AsyncPgConnection,
    lease: &ListenerLease,
    dedupe_key: &str,
) -> Result<()> {
    let key = (lease.listener_id.as_uuid(), dedupe_key);
    diesel::delete(workflow_listener_events::table.find(key))
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("event_forget"))
}

/// Notes when an event was dispatched; without the lease nothing of the transaction remains.
///
/// It comes last, so that all who lock a workflow and its listeners lock them in this order.
async fn listener_touch(
    conn: &mut AsyncPgConnection,
    lease: &ListenerLease,
    now: Timestamp,
) -> Result<()> {
    let touched = diesel::update(workflow_listeners::table.find(lease.listener_id.as_uuid()))
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .set((dsl::last_event_at.eq(now.to_datetime()), dsl::updated_at.eq(now.to_datetime())))
        .execute(conn)
        .await
        .map_err(db_error("listener_touch"))?;
    if touched == 0 { Err(lost(lease)) } else { Ok(()) }
}
