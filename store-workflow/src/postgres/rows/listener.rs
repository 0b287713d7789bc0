use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::Result;
use store_core::json::JsonPolicy;
use store_core::workflow::{ListenerCursor, ListenerLease, ListenerStatus, ListenerSubscription};
use uuid::Uuid;

use super::{JsonText, Reader};
use crate::postgres::schema::workflow_listeners;
use crate::rules::listener::ReadyListener;

/// A subscription without its cursor, which has a row type of its own.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_listeners, check_for_backend(Pg))]
pub(in crate::postgres) struct ListenerRow {
    pub(in crate::postgres) id: Uuid,
    pub(in crate::postgres) workflow_id: Uuid,
    pub(in crate::postgres) workflow_version_id: Uuid,
    pub(in crate::postgres) node_name: String,
    pub(in crate::postgres) platform: String,
    pub(in crate::postgres) bot_identity: String,
    pub(in crate::postgres) config: Value,
    pub(in crate::postgres) status: String,
    pub(in crate::postgres) lease_owner: Option<String>,
    pub(in crate::postgres) lease_epoch: i64,
    pub(in crate::postgres) lease_expires_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) last_event_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) last_error: Option<String>,
    #[expect(dead_code, reason = "read by the statement that cuts a page")]
    pub(in crate::postgres) record_bytes: i64,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
}

impl ListenerRow {
    pub(in crate::postgres) fn into_record(
        self,
        json: &JsonPolicy,
    ) -> Result<ListenerSubscription> {
        let read = Reader { table: "workflow_listeners", id: &self.id, json };
        let id = self.id.into();
        // The schema says that both are there or none.
        let lease = match (self.lease_owner, self.lease_expires_at) {
            (Some(owner), Some(expires_at)) => Some(ListenerLease {
                listener_id: id,
                owner,
                epoch: self.lease_epoch,
                expires_at: read.instant("lease_expires_at", expires_at)?,
            }),
            _ => None,
        };
        Ok(ListenerSubscription {
            id,
            workflow_id: self.workflow_id.into(),
            workflow_version_id: self.workflow_version_id.into(),
            config: read.json(self.config),
            status: read.parsed("status", &self.status)?,
            lease,
            last_event_at: read.optional("last_event_at", self.last_event_at)?,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
            node_name: self.node_name,
            platform: self.platform,
            bot_identity: self.bot_identity,
            last_error: self.last_error,
        })
    }
}

/// The cursor of a subscription.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_listeners, check_for_backend(Pg))]
pub(in crate::postgres) struct CursorRow {
    pub(in crate::postgres) id: Uuid,
    pub(in crate::postgres) cursor_state: Option<Value>,
    pub(in crate::postgres) cursor_updated_at: Option<DateTime<Utc>>,
}

impl CursorRow {
    pub(in crate::postgres) fn into_record(
        self,
        json: &JsonPolicy,
    ) -> Result<Option<ListenerCursor>> {
        let read = Reader { table: "workflow_listeners", id: &self.id, json };
        let (Some(state), Some(at)) = (self.cursor_state, self.cursor_updated_at) else {
            return Ok(None);
        };
        Ok(Some(ListenerCursor {
            state: read.json(state),
            updated_at: read.instant("cursor_updated_at", at)?,
        }))
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = workflow_listeners, check_for_backend(Pg))]
pub(in crate::postgres) struct NewListenerRow<'a> {
    id: Uuid,
    workflow_id: Uuid,
    workflow_version_id: Uuid,
    node_name: &'a str,
    platform: &'a str,
    bot_identity: &'a str,
    config: JsonText<'a>,
    status: &'a str,
    record_bytes: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl<'a> NewListenerRow<'a> {
    pub(in crate::postgres) fn new(ready: &'a ReadyListener) -> Self {
        Self {
            id: ready.id.as_uuid(),
            workflow_id: ready.workflow_id.as_uuid(),
            workflow_version_id: ready.workflow_version_id.as_uuid(),
            node_name: &ready.node_name,
            platform: &ready.platform,
            bot_identity: &ready.bot_identity,
            config: JsonText(&ready.config.text),
            status: ListenerStatus::Active.as_str(),
            record_bytes: ready.config.bytes(),
            created_at: ready.now.to_datetime(),
            updated_at: ready.now.to_datetime(),
        }
    }
}
