use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use store_core::workflow::{
    ListenerCursor, ListenerEvent, ListenerLease, ListenerStatus, ListenerSubscription, Listeners,
    Run,
};
use store_core::{
    ListenerId, Listing, Order, Page, PageRequest, Result, WorkflowId, observed, observed_read,
};

use crate::rules::listener::{checked_event, checked_holder, checked_lease, checked_state};
use crate::rules::text::checked_error;
use crate::sqlite::{SqliteWorkflowRepository, listener_events, listener_leases, listeners};

#[async_trait]
impl Listeners for SqliteWorkflowRepository {
    async fn list_listeners(
        &self,
        workflow_id: Option<WorkflowId>,
        page: &PageRequest,
    ) -> Result<Page<ListenerSubscription>> {
        observed_read!("workflow", "list_listeners", "sqlite", async {
            let listing = Listing::new("workflow.listeners", &workflow_id, page, Order::Asc)?;
            reading!(self, "listener_list", |conn, cx| {
                listeners::listener_list(conn, cx, workflow_id, &listing)
            })
        })
        .await
    }

    async fn fetch_listener(&self, id: ListenerId) -> Result<ListenerSubscription> {
        observed_read!("workflow", "fetch_listener", "sqlite", async {
            reading!(self, "listener_fetch", |conn, cx| listeners::listener_fetch(conn, cx, id))
        })
        .await
    }

    async fn claim_listener(
        &self,
        id: ListenerId,
        owner: &str,
        ttl: Duration,
    ) -> Result<Option<ListenerLease>> {
        observed!("workflow", "claim_listener", "sqlite", async {
            checked_lease(owner, ttl)?;
            let owner = owner.to_owned();
            writing!(self, "listener_claim", |conn, cx| {
                listener_leases::listener_claim(conn, cx, id, &owner, ttl)
            })
        })
        .await
    }

    async fn renew_listener(&self, lease: &ListenerLease, ttl: Duration) -> Result<ListenerLease> {
        observed!("workflow", "renew_listener", "sqlite", async {
            checked_lease(&lease.owner, ttl)?;
            let lease = lease.clone();
            writing!(self, "listener_renew", |conn, cx| {
                listener_leases::listener_renew(conn, cx, &lease, ttl)
            })
        })
        .await
    }

    async fn release_listener(&self, lease: &ListenerLease) -> Result<()> {
        observed!("workflow", "release_listener", "sqlite", async {
            let lease = checked_holder(lease)?.clone();
            writing!(self, "listener_release", |conn, _cx| {
                listener_leases::listener_release(conn, &lease)
            })
        })
        .await
    }

    async fn listener_cursor(&self, id: ListenerId) -> Result<Option<ListenerCursor>> {
        observed!("workflow", "listener_cursor", "sqlite", async {
            reading!(self, "cursor_find", |conn, cx| listener_leases::cursor_find(conn, cx, id))
        })
        .await
    }

    async fn save_listener_cursor(
        &self,
        lease: &ListenerLease,
        state: Value,
    ) -> Result<ListenerCursor> {
        observed!("workflow", "save_listener_cursor", "sqlite", async {
            let state = checked_state(&self.context, state)?;
            let lease = checked_holder(lease)?.clone();
            writing!(self, "cursor_save", |conn, cx| {
                listener_leases::cursor_save(conn, cx, &lease, &state)
            })
        })
        .await
    }

    async fn dispatch_event(
        &self,
        lease: &ListenerLease,
        event: ListenerEvent,
    ) -> Result<Option<Run>> {
        observed!("workflow", "dispatch_event", "sqlite", async {
            let event = checked_event(&self.context, event)?;
            let lease = checked_holder(lease)?.clone();
            // The inner result: a refusal is audited, and so it is not rolled back.
            let run = writing!(self, "event_dispatch", |conn, cx| {
                listener_events::event_dispatch(conn, cx, &lease, &event)
            })??;
            self.ring_for_runs(run.as_slice());
            Ok(run)
        })
        .await
    }

    async fn set_listener_status(
        &self,
        id: ListenerId,
        status: ListenerStatus,
        last_error: Option<&str>,
    ) -> Result<ListenerSubscription> {
        observed!("workflow", "set_listener_status", "sqlite", async {
            checked_error("last_error", last_error.unwrap_or_default())?;
            let last_error = last_error.map(str::to_owned);
            writing!(self, "listener_set_status", |conn, cx| {
                listeners::listener_set_status(conn, cx, id, status, last_error.as_deref())
            })
        })
        .await
    }
}
