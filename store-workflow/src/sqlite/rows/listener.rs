use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::Result;
use store_core::json::JsonPolicy;
use store_core::workflow::{ListenerCursor, ListenerLease, ListenerStatus, ListenerSubscription};

use super::Reader;
use crate::rules::listener::ReadyListener;
use crate::sqlite::schema::workflow_listeners;

/// A subscription without its cursor, which has a row type of its own.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_listeners, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct ListenerRow {
    pub(in crate::sqlite) id: String,
    pub(in crate::sqlite) workflow_id: String,
    pub(in crate::sqlite) workflow_version_id: String,
    pub(in crate::sqlite) node_name: String,
    pub(in crate::sqlite) platform: String,
    pub(in crate::sqlite) bot_identity: String,
    pub(in crate::sqlite) config: String,
    pub(in crate::sqlite) status: String,
    pub(in crate::sqlite) lease_owner: Option<String>,
    pub(in crate::sqlite) lease_epoch: i64,
    pub(in crate::sqlite) lease_expires_at: Option<String>,
    pub(in crate::sqlite) last_event_at: Option<String>,
    pub(in crate::sqlite) last_error: Option<String>,
    pub(in crate::sqlite) record_bytes: i64,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) updated_at: String,
}

impl ListenerRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<ListenerSubscription> {
        let read = Reader { table: "workflow_listeners", id: &self.id, json };
        let id = read.parsed("id", &self.id)?;
        // The schema says that both are there or none.
        let lease = match (self.lease_owner, self.lease_expires_at) {
            (Some(owner), Some(expires_at)) => Some(ListenerLease {
                listener_id: id,
                owner,
                epoch: self.lease_epoch,
                expires_at: read.parsed("lease_expires_at", &expires_at)?,
            }),
            _ => None,
        };
        Ok(ListenerSubscription {
            id,
            workflow_id: read.parsed("workflow_id", &self.workflow_id)?,
            workflow_version_id: read.parsed("workflow_version_id", &self.workflow_version_id)?,
            config: read.json("config", &self.config)?,
            status: read.parsed("status", &self.status)?,
            lease,
            last_event_at: read.optional("last_event_at", self.last_event_at.as_deref())?,
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
            node_name: self.node_name,
            platform: self.platform,
            bot_identity: self.bot_identity,
            last_error: self.last_error,
        })
    }
}

/// The cursor of a subscription.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_listeners, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct CursorRow {
    pub(in crate::sqlite) id: String,
    pub(in crate::sqlite) cursor_state: Option<String>,
    pub(in crate::sqlite) cursor_updated_at: Option<String>,
}

impl CursorRow {
    pub(in crate::sqlite) fn into_record(
        self,
        json: &JsonPolicy,
    ) -> Result<Option<ListenerCursor>> {
        let read = Reader { table: "workflow_listeners", id: &self.id, json };
        let (Some(state), Some(at)) = (self.cursor_state, self.cursor_updated_at) else {
            return Ok(None);
        };
        Ok(Some(ListenerCursor {
            state: read.json("cursor_state", &state)?,
            updated_at: read.parsed("cursor_updated_at", &at)?,
        }))
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = workflow_listeners, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct NewListenerRow<'a> {
    id: String,
    workflow_id: String,
    workflow_version_id: String,
    node_name: &'a str,
    platform: &'a str,
    bot_identity: &'a str,
    config: &'a str,
    status: &'a str,
    record_bytes: i64,
    created_at: String,
    updated_at: String,
}

impl<'a> NewListenerRow<'a> {
    pub(in crate::sqlite) fn new(ready: &'a ReadyListener) -> Self {
        Self {
            id: ready.id.to_string(),
            workflow_id: ready.workflow_id.to_string(),
            workflow_version_id: ready.workflow_version_id.to_string(),
            node_name: &ready.node_name,
            platform: &ready.platform,
            bot_identity: &ready.bot_identity,
            config: &ready.config.text,
            status: ListenerStatus::Active.as_str(),
            record_bytes: ready.config.bytes(),
            created_at: ready.now.to_string(),
            updated_at: ready.now.to_string(),
        }
    }
}
