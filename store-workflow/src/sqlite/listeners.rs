//! Queries on subscriptions of listeners.

use diesel::dsl::{case_when, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;
use store_core::sqlite::db_error;
use store_core::workflow::{ListenerStatus, ListenerSubscription};
use store_core::{Error, ListenerId, Listing, Order, Page, Result, Timestamp, WorkflowId};

use super::rows::{ListenerRow, NewListenerRow};
use super::schema::workflow_listeners::{self, dsl};
use crate::rules::Context;
use crate::rules::listener::ReadyListener;
use store_core::sqlite::within_budget;

/// The bytes of the error text that is stored.
const ERROR_BYTES: &str = "coalesce(length(CAST(workflow_listeners.last_error AS BLOB)), 0)";

/// Makes the listeners of a version those of its workflow: new ones are active, known ones keep
/// their cursor, their lease and, unless it was disabled, their status; all others are disabled.
pub(super) fn listener_sync(
    conn: &mut SqliteConnection,
    workflow_id: WorkflowId,
    listeners: &[ReadyListener],
    now: Timestamp,
) -> Result<()> {
    let (active, disabled) = (ListenerStatus::Active.as_str(), ListenerStatus::Disabled.as_str());
    for listener in listeners {
        diesel::insert_into(workflow_listeners::table)
            .values(NewListenerRow::new(listener))
            .on_conflict(dsl::id)
            .do_update()
            .set((
                dsl::workflow_version_id.eq(excluded(dsl::workflow_version_id)),
                dsl::config.eq(excluded(dsl::config)),
                dsl::status.eq(case_when(dsl::status.ne(disabled), dsl::status).otherwise(active)),
                dsl::record_bytes.eq(sql::<BigInt>("excluded.record_bytes + ").sql(ERROR_BYTES)),
                dsl::updated_at.eq(excluded(dsl::updated_at)),
            ))
            .execute(conn)
            .map_err(db_error("listener_sync"))?;
    }
    let kept: Vec<String> = listeners.iter().map(|listener| listener.id.to_string()).collect();
    listener_disable_others(conn, workflow_id, kept, now)
}

/// Disables all subscriptions of a workflow and ends their leases.
pub(super) fn listener_disable_all(
    conn: &mut SqliteConnection,
    workflow_id: WorkflowId,
    now: Timestamp,
) -> Result<()> {
    listener_disable_others(conn, workflow_id, Vec::new(), now)
}

fn listener_disable_others(
    conn: &mut SqliteConnection,
    workflow_id: WorkflowId,
    kept: Vec<String>,
    now: Timestamp,
) -> Result<()> {
    let disabled = ListenerStatus::Disabled.as_str();
    diesel::update(workflow_listeners::table)
        .filter(dsl::workflow_id.eq(workflow_id.to_string()))
        .filter(dsl::status.ne(disabled))
        .filter(dsl::id.ne_all(kept))
        .set((
            dsl::status.eq(disabled),
            dsl::lease_owner.eq(None::<&str>),
            dsl::lease_expires_at.eq(None::<&str>),
            dsl::updated_at.eq(now.to_string()),
        ))
        .execute(conn)
        .map(drop)
        .map_err(db_error("listener_disable_others"))
}

/// Fetches a subscription.
pub(super) fn listener_fetch(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: ListenerId,
) -> Result<ListenerSubscription> {
    workflow_listeners::table
        .find(id.to_string())
        .select(ListenerRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("listener_fetch"))?
        .ok_or_else(|| Error::not_found("listener", id))?
        .into_record(&cx.json)
}

/// Lists subscriptions by id.
pub(super) fn listener_list(
    conn: &mut SqliteConnection,
    cx: &Context,
    workflow_id: Option<WorkflowId>,
    listing: &Listing<ListenerId>,
) -> Result<Page<ListenerSubscription>> {
    let mut query = workflow_listeners::table.into_boxed();
    if let Some(workflow_id) = workflow_id {
        query = query.filter(dsl::workflow_id.eq(workflow_id.to_string()));
    }
    if let Some(after) = listing.after {
        query = match listing.order() {
            Order::Asc => query.filter(dsl::id.gt(after.to_string())),
            Order::Desc => query.filter(dsl::id.lt(after.to_string())),
        };
    }
    query = match listing.order() {
        Order::Asc => query.order(dsl::id.asc()),
        Order::Desc => query.order(dsl::id.desc()),
    };
    let rows = query
        .select(ListenerRow::as_select())
        .limit(listing.limit + 1)
        .load_iter::<ListenerRow, _>(conn)
        .map_err(db_error("listener_list"))?;
    let bytes_of = |row: &ListenerRow| row.record_bytes;
    let (rows, more) = within_budget("listener_list", rows, listing.limit, bytes_of)?;
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| last.id)
}

/// Sets the status of a subscription and what it failed with, and ends its lease.
pub(super) fn listener_set_status(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: ListenerId,
    status: ListenerStatus,
    last_error: Option<&str>,
) -> Result<ListenerSubscription> {
    let bytes = i64::try_from(last_error.map_or(0, str::len)).unwrap_or(i64::MAX);
    diesel::update(workflow_listeners::table.find(id.to_string()))
        .set((
            dsl::status.eq(status.as_str()),
            dsl::last_error.eq(last_error),
            dsl::record_bytes.eq(dsl::record_bytes + bytes - sql::<BigInt>(ERROR_BYTES)),
            dsl::lease_owner.eq(None::<&str>),
            dsl::lease_expires_at.eq(None::<&str>),
            dsl::updated_at.eq(cx.clock.now().to_string()),
        ))
        .returning(ListenerRow::as_returning())
        .get_result(conn)
        .optional()
        .map_err(db_error("listener_set_status"))?
        .ok_or_else(|| Error::not_found("listener", id))?
        .into_record(&cx.json)
}
