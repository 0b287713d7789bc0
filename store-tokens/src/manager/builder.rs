use std::sync::Arc;
use std::time::Duration;

use store_core::tokens::ServiceTokenRepository;
use store_core::{Clock, Error, Result, SystemClock};

use super::cache::{Cache, CacheSettings};
use super::flushing::Tasks;
use super::usage::Usage;
use super::{ServiceTokenManager, Shared};
use crate::format::checked_prefix;

/// How a manager is made.
#[derive(Debug)]
#[must_use]
pub struct ServiceTokenManagerBuilder {
    repository: Arc<dyn ServiceTokenRepository>,
    clock: Arc<dyn Clock>,
    prefix: String,
    flush_every: Duration,
    flush_at: u64,
    cache: Option<CacheSettings>,
}

impl ServiceTokenManagerBuilder {
    pub(super) fn new(repository: Arc<dyn ServiceTokenRepository>) -> Self {
        Self {
            repository,
            clock: Arc::new(SystemClock),
            prefix: "stk".into(),
            flush_every: Duration::from_secs(5),
            flush_at: 1000,
            cache: None,
        }
    }

    /// What new tokens begin with: 1 to 32 lowercase letters, digits and underscores, a letter
    /// first. The default is `stk`. Tokens of other prefixes are authenticated as well.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// How long counts stay in memory at most; the default is 5 seconds.
    pub fn flush_every(self, flush_every: Duration) -> Self {
        Self { flush_every, ..self }
    }

    /// From how many uses on counts are flushed at once; the default is 1000.
    pub fn flush_at(self, flush_at: u64) -> Self {
        Self { flush_at, ..self }
    }

    /// Keeps tokens that were looked up in memory; without it nothing is kept.
    pub fn cache(self, settings: CacheSettings) -> Self {
        Self { cache: Some(settings), ..self }
    }

    /// What time it is; the default is the clock of the machine.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Makes the manager and starts its tasks. Call it inside a Tokio runtime.
    ///
    /// # Errors
    /// `Invalid` for a prefix of another form, an interval, a number of uses, an age or a capacity
    /// of zero; `Backend` when there is no runtime.
    pub fn build(self) -> Result<ServiceTokenManager> {
        checked_prefix(&self.prefix)?;
        if self.flush_every.is_zero() {
            return Err(Error::invalid("flush_every", "must not be zero"));
        }
        if self.flush_at == 0 {
            return Err(Error::invalid("flush_at", "must not be zero"));
        }
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|cause| Error::backend("tokens_manager", store_core::Failure::Other, cause))?;
        let shared = Arc::new(Shared {
            repository: self.repository,
            clock: self.clock,
            prefix: self.prefix,
            usage: Usage::new(self.flush_at),
            flushing: tokio::sync::Mutex::default(),
            cache: self.cache.map(Cache::new).transpose()?,
        });
        let tasks = Arc::new(Tasks::start(&runtime, &shared, self.flush_every));
        Ok(ServiceTokenManager { shared, tasks })
    }
}
