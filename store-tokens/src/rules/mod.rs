//! The rules of tokens that need no SQL: what both implementations do with their input.

pub(crate) mod chain;
pub(crate) mod retention;
pub(crate) mod rotation;
pub(crate) mod token;
pub(crate) mod usage;

use std::sync::Arc;
use std::time::Duration;

use store_core::json::JsonPolicy;
use store_core::tokens::AuditOrigin;
use store_core::{Clock, Result, Timestamp, TokenId, check_short_text};

/// How long `health` waits for its database.
pub(crate) const HEALTH_DEADLINE: Duration = Duration::from_secs(5);

/// What a store needs besides its database.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) json: JsonPolicy,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The key a listing of tokens continues after.
pub(crate) type TokenKey = (Timestamp, TokenId);

/// Checks who changes a token.
pub(crate) fn checked_origin(origin: &AuditOrigin) -> Result<()> {
    match &origin.user_agent {
        Some(user_agent) => check_short_text("user_agent", user_agent),
        None => Ok(()),
    }
}
