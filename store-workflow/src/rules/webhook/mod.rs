//! Webhooks: what a configuration may hold, and which requests may start a run.

mod config;
mod delivery;
mod input;
mod request;
mod secrets;
mod signature;
mod stored;
mod verify;

#[cfg(test)]
mod tests;

use store_core::{Denial, Error, SecretString, Timestamp};

pub(crate) use config::{checked_config, checked_secret};
pub(crate) use delivery::{Delivery, too_often};
pub(crate) use secrets::{ReadyWebhook, StoredSecrets, StoredWebhook};
pub(crate) use stored::{config_from_json, config_to_json};
pub(crate) use verify::verify;

/// The secrets of a webhook, opened for one verification.
#[derive(Debug)]
pub(crate) struct WebhookSecrets {
    /// What the header of the shared secret must hold.
    pub(crate) shared: Option<SecretString>,
    /// The key of the signatures.
    pub(crate) hmac: Option<SecretString>,
}

/// A request that may start a run: all checks but the rate limit and the replay have passed.
#[derive(Debug, PartialEq)]
pub(crate) struct Verified {
    /// The input of the run.
    pub(crate) input: serde_json::Value,
    /// What must not have been accepted before.
    pub(crate) replay: Option<Replay>,
}

/// A delivery that must not be accepted twice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    /// `hmac:<hex>:<seconds>` or `id:<hex>`: the same however the sender writes its signature.
    pub(crate) key: String,
    /// Until when the key must be kept; none: for ever.
    pub(crate) expires_at: Option<Timestamp>,
}

const fn denied(reason: Denial) -> Error {
    Error::Denied { reason }
}
