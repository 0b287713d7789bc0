use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::workflow::{
    ListenerCursor, ListenerEvent, ListenerLease, ListenerStatus, ListenerSubscription, Run,
};
use crate::{ListenerId, Page, PageRequest, Result, WorkflowId};

/// What workflows listen to.
///
/// A runtime claims a subscription, reads the platform from the cursor on, dispatches events and
/// saves the cursor. What it writes names the epoch of its lease: a runtime that was paused and
/// lost the lease gets `LeaseLost` and changes nothing. Leases are measured by the database's
/// clock.
#[async_trait]
pub trait Listeners: Send + Sync {
    /// Lists subscriptions, of one workflow when given, by id, ascending unless asked otherwise.
    async fn list_listeners(
        &self,
        workflow_id: Option<WorkflowId>,
        page: &PageRequest,
    ) -> Result<Page<ListenerSubscription>>;

    /// Returns a subscription.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch_listener(&self, id: ListenerId) -> Result<ListenerSubscription>;

    /// Takes the lease of an active subscription, unless another owner holds it.
    ///
    /// An owner that holds it already renews it and keeps the epoch; otherwise the epoch increases.
    /// Nothing is returned when the subscription is not active or somebody else holds it.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for an owner that is no 1 to 255 bytes and a time to live outside
    /// 1 second to 1 day.
    async fn claim_listener(
        &self,
        id: ListenerId,
        owner: &str,
        ttl: Duration,
    ) -> Result<Option<ListenerLease>>;

    /// Extends a lease and returns it, also after it expired if nobody took it meanwhile.
    ///
    /// # Errors
    /// `LeaseLost`; `Invalid` as for [`claim_listener`](Self::claim_listener).
    async fn renew_listener(&self, lease: &ListenerLease, ttl: Duration) -> Result<ListenerLease>;

    /// Gives a lease back.
    ///
    /// # Errors
    /// `LeaseLost`.
    async fn release_listener(&self, lease: &ListenerLease) -> Result<()>;

    /// Returns how far a subscription has read, or nothing.
    ///
    /// # Errors
    /// `NotFound`.
    async fn listener_cursor(&self, id: ListenerId) -> Result<Option<ListenerCursor>>;

    /// Saves how far a subscription has read, and returns it.
    ///
    /// # Errors
    /// `LeaseLost`; `Invalid` when the state is no object.
    async fn save_listener_cursor(
        &self,
        lease: &ListenerLease,
        state: Value,
    ) -> Result<ListenerCursor>;

    /// Starts a run for an event, unless the event was dispatched before.
    ///
    /// An event with a `dedupe_key` that was dispatched in the last `dedupe_window_seconds` of the
    /// configuration (300) starts nothing and returns nothing. Otherwise the key, the run and its
    /// job are one transaction. The run is triggered by `listener`; its input is `{listener,
    /// platform, event_type, bot_identity, message, reply_target, raw_event}`.
    ///
    /// # Errors
    /// `LeaseLost`; `InvalidState` when the workflow is archived (that is audited); `Invalid`.
    async fn dispatch_event(
        &self,
        lease: &ListenerLease,
        event: ListenerEvent,
    ) -> Result<Option<Run>>;

    /// Sets the status of a subscription, ends its lease, and returns it.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for an error text with NUL or of more than 1 MiB.
    async fn set_listener_status(
        &self,
        id: ListenerId,
        status: ListenerStatus,
        last_error: Option<&str>,
    ) -> Result<ListenerSubscription>;
}
