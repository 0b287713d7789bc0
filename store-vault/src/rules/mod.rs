//! The rules of the vault that need no SQL: what both implementations do with their input.

pub(crate) mod access;
pub(crate) mod alert;
pub(crate) mod chain;
pub(crate) mod credential;
pub(crate) mod keys;
pub(crate) mod lease;
pub(crate) mod secret;
pub(crate) mod template;
pub(crate) mod text;
pub(crate) mod update;

use std::sync::Arc;
use std::time::Duration;

use store_core::json::JsonPolicy;
use store_core::seal::KeyRing;
use store_core::{Clock, CredentialId, TemplateId, Timestamp};

/// How long `health` waits for its database.
pub(crate) const HEALTH_DEADLINE: Duration = Duration::from_secs(5);

/// What a store needs besides its database.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) json: JsonPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keys: KeyRing,
}

/// The key a listing of credentials continues after.
pub(crate) type CredentialKey = (Timestamp, CredentialId);

/// The key a listing of templates continues after.
pub(crate) type TemplateKey = (Timestamp, TemplateId);

/// The key a listing of alerts continues after.
pub(crate) type AlertKey = (Timestamp, store_core::AlertId);
