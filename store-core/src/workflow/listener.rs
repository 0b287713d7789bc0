use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::words::words;
use crate::{ListenerId, Timestamp, WorkflowId, WorkflowVersionId};

/// What a workflow listens to: one bot on one platform, for one node of its graph.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerSubscription {
    /// Made of workflow, platform, node and bot, so that it survives a new version.
    pub id: ListenerId,
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The version its runs are of.
    pub workflow_version_id: WorkflowVersionId,
    /// The node of the graph.
    pub node_name: String,
    /// The platform, such as `telegram`.
    pub platform: String,
    /// SHA-256 of the bot's key in lower-case hex, never the key.
    pub bot_identity: String,
    /// The configuration, an object.
    pub config: Value,
    /// Whether it listens.
    pub status: ListenerStatus,
    /// Who listens at the moment.
    pub lease: Option<ListenerLease>,
    /// When its last event was dispatched.
    pub last_event_at: Option<Timestamp>,
    /// What it failed with.
    pub last_error: Option<String>,
    /// When it first appeared.
    pub created_at: Timestamp,
    /// When it last changed, leases and cursors aside.
    pub updated_at: Timestamp,
}

words! {
    /// Whether a subscription listens. Only an active one can be claimed.
    pub enum ListenerStatus of "status" {
        /// It listens.
        Active = "active",
        /// Something it needs is missing.
        Blocked = "blocked",
        /// Somebody paused it.
        Paused = "paused",
        /// It failed.
        Error = "error",
        /// The latest version does not have it, or the workflow is archived.
        Disabled = "disabled",
    }
}

/// What `create_version` takes of each listener of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct NewListener {
    /// The node of the graph: 1 to 255 bytes.
    pub node_name: String,
    /// The platform: 1 to 255 bytes.
    pub platform: String,
    /// SHA-256 of the bot's key in lower-case hex.
    pub bot_identity: String,
    /// The configuration, an object; `dedupe_window_seconds` in it (300) is 1 to 604800.
    pub config: Value,
}

impl NewListener {
    /// Describes a listener; of the bot's key only the hash is kept.
    #[must_use]
    pub fn new(
        node_name: impl Into<String>,
        platform: impl Into<String>,
        bot_key: &SecretString,
    ) -> Self {
        let digest = Sha256::digest(bot_key.expose_secret().as_bytes());
        Self {
            node_name: node_name.into(),
            platform: platform.into(),
            bot_identity: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            config: Value::Object(Map::new()),
        }
    }
}

/// The right to listen, until it expires. Its epoch is the fencing token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerLease {
    /// The subscription.
    pub listener_id: ListenerId,
    /// Who holds it: 1 to 255 bytes.
    pub owner: String,
    /// Increases each time the lease is taken.
    pub epoch: i64,
    /// When it can be taken by others, by the database's clock.
    pub expires_at: Timestamp,
}

/// How far a listener has read.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerCursor {
    /// The position, as the platform means it; an object.
    pub state: Value,
    /// When it was saved.
    pub updated_at: Timestamp,
}

/// Something that happened on a platform.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerEvent {
    /// What happened, such as `message`: 1 to 255 bytes.
    pub event_type: String,
    /// What tells the event apart from others: 1 to 255 bytes.
    pub dedupe_key: String,
    /// The message, if it is one.
    pub message: Option<ListenerMessage>,
    /// Where an answer goes, as the platform means it.
    pub reply_target: Value,
    /// The event as the platform sent it.
    pub raw_event: Value,
    /// Free data of the run, an object.
    pub metadata: Value,
}

impl ListenerEvent {
    /// Describes an event without a message.
    #[must_use]
    pub fn new(event_type: impl Into<String>, dedupe_key: impl Into<String>) -> Self {
        Self {
            event_type: event_type.into(),
            dedupe_key: dedupe_key.into(),
            message: None,
            reply_target: Value::Null,
            raw_event: Value::Null,
            metadata: Value::Object(Map::new()),
        }
    }
}

/// A message on a platform. What the platform does not have is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListenerMessage {
    /// The chat.
    pub chat_id: Option<String>,
    /// The channel.
    pub channel_id: Option<String>,
    /// The guild, or server.
    pub guild_id: Option<String>,
    /// The message.
    pub message_id: Option<String>,
    /// Who wrote it.
    pub user_id: Option<String>,
    /// The name of who wrote it.
    pub username: Option<String>,
    /// What it says.
    pub text: Option<String>,
    /// What kind of chat it is.
    pub chat_type: Option<String>,
    /// What else the platform tells.
    pub metadata: Map<String, Value>,
}
