//! Minting, authenticating and changing tokens, over any storage.

mod authentication;
mod builder;
mod cache;
mod changes;
mod flushing;
mod usage;

pub use authentication::AuthenticationRequest;
pub use builder::ServiceTokenManagerBuilder;
pub use cache::CacheSettings;
pub use changes::{NewToken, Rotation};

use std::fmt;
use std::sync::Arc;

use store_core::tokens::ServiceTokenRepository;
use store_core::{Clock, Result};

use self::cache::Cache;
use self::flushing::{Tasks, joined};
use self::usage::Usage;

/// Mints, authenticates and changes service tokens.
///
/// Clones share everything. Uses are counted in memory and flushed by a task of their own, every 5
/// seconds or 1000 uses unless told otherwise: call [`close`](Self::close) before the process ends.
/// One that dies before that loses the counts of one interval, and nothing else.
#[derive(Clone)]
pub struct ServiceTokenManager {
    shared: Arc<Shared>,
    tasks: Arc<Tasks>,
}

/// What the manager and its tasks share.
struct Shared {
    repository: Arc<dyn ServiceTokenRepository>,
    clock: Arc<dyn Clock>,
    prefix: String,
    usage: Usage,
    /// Held while counts are written: who closes waits for a flush that has begun.
    flushing: tokio::sync::Mutex<()>,
    cache: Option<Cache>,
}

impl ServiceTokenManager {
    /// Begins a manager over a storage.
    pub fn builder(repository: Arc<dyn ServiceTokenRepository>) -> ServiceTokenManagerBuilder {
        ServiceTokenManagerBuilder::new(repository)
    }

    /// Returns the storage, for listings, audits and retention.
    #[must_use]
    pub fn repository(&self) -> &Arc<dyn ServiceTokenRepository> {
        &self.shared.repository
    }

    /// Writes what was counted since the last flush.
    ///
    /// # Errors
    /// `Backend`; the counts are then kept for the next flush, unless nobody knows whether they
    /// were written.
    pub async fn flush(&self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        // A task of its own: a caller that goes away must not take the counts along.
        joined(tokio::spawn(async move { shared.flush().await })).await
    }

    /// Ends the tasks of the manager and writes what was counted, by all of its clones.
    ///
    /// Authenticating goes on to work, but only [`flush`](Self::flush) writes the counts, and a
    /// cache forgets by age and by changes through this manager alone.
    ///
    /// # Errors
    /// Those of [`flush`](Self::flush).
    pub async fn close(&self) -> Result<()> {
        match self.tasks.stop() {
            Some(flushing) => joined(flushing).await,
            None => self.flush().await,
        }
    }
}

impl fmt::Debug for ServiceTokenManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceTokenManager")
            .field("repository", &self.shared.repository)
            .field("prefix", &self.shared.prefix)
            .finish_non_exhaustive()
    }
}
