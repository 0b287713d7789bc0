//! The rules of conversations that need no SQL: what both implementations do with their input.

pub(crate) mod attachment;
pub(crate) mod files;
pub(crate) mod filter;
pub(crate) mod item;
pub(crate) mod retention;
pub(crate) mod search;
pub(crate) mod text;
pub(crate) mod thread;

pub use search::SearchWords;

use std::sync::Arc;
use std::time::Duration;

use store_core::json::JsonPolicy;
use store_core::{Clock, Settings};

/// How long `health` waits for its database.
pub(crate) const HEALTH_DEADLINE: Duration = Duration::from_secs(5);

/// What a store needs besides its database.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) json: JsonPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
}

/// What the settings say about conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a thread is kept after it was last touched, when a prune gives no rule.
    pub retention: Duration,
    /// The most bytes of an attachment.
    pub max_upload_bytes: u64,
}

impl Limits {
    /// Takes them from settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            retention: settings.chatkit_retention(),
            max_upload_bytes: settings.chatkit_max_upload_bytes(),
        }
    }
}

/// 30 days, and 5,000,000 bytes: what settings are when nobody set them.
impl Default for Limits {
    fn default() -> Self {
        Self { retention: Duration::from_secs(30 * 24 * 60 * 60), max_upload_bytes: 5_000_000 }
    }
}
