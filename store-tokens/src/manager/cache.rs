use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use store_core::tokens::{Invalidation, SecretHash, ServiceToken};
use store_core::{Error, Result, Timestamp, TokenId};

/// How long tokens that were looked up are kept in memory, and how many.
///
/// A token that is rotated, revoked or deleted through the manager is forgotten at once, and so it
/// is, on PostgreSQL, when another process does it. Where that is not heard, it may be used until
/// its entry is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// How old an entry may be; the default is 30 seconds.
    pub max_age: Duration,
    /// How many entries there may be, the least recently used goes first; the default is 10,000.
    pub capacity: usize,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(30), capacity: 10_000 }
    }
}

/// Tokens by the hash of their secret. Tokens that are not there are not remembered.
pub(super) struct Cache {
    max_age: Duration,
    entries: Mutex<Entries>,
}

struct Entries {
    tokens: LruCache<SecretHash, (Arc<ServiceToken>, Timestamp)>,
    /// Goes up whenever something is forgotten: a look-up that began before must not be kept.
    generation: u64,
}

impl Cache {
    pub(super) fn new(settings: CacheSettings) -> Result<Self> {
        if settings.max_age.is_zero() {
            return Err(Error::invalid("cache.max_age", "must not be zero"));
        }
        let capacity = NonZeroUsize::new(settings.capacity)
            .ok_or_else(|| Error::invalid("cache.capacity", "must not be zero"))?;
        // Room is made as entries come.
        let tokens = LruCache::new(capacity);
        Ok(Self {
            max_age: settings.max_age,
            entries: Mutex::new(Entries { tokens, generation: 0 }),
        })
    }

    pub(super) fn generation(&self) -> u64 {
        self.entries().generation
    }

    pub(super) fn get(&self, hash: &SecretHash, now: Timestamp) -> Option<Arc<ServiceToken>> {
        let mut entries = self.entries();
        let (token, since) = entries.tokens.get(hash)?;
        // A clock that goes back makes an entry older, not younger.
        let fresh = *since <= now && now.since(*since) < self.max_age;
        if fresh {
            return Some(Arc::clone(token));
        }
        entries.tokens.pop(hash);
        None
    }

    /// Keeps a token that was looked up since `began`, unless something was forgotten meanwhile.
    pub(super) fn put(&self, began: u64, token: Arc<ServiceToken>, now: Timestamp) {
        let mut entries = self.entries();
        if entries.generation == began {
            entries.tokens.put(token.secret_hash, (token, now));
        }
    }

    pub(super) fn forget(&self, invalidation: &Invalidation) {
        match invalidation {
            Invalidation::Token(identifier) => self.forget_token(identifier),
            Invalidation::All => {
                let mut entries = self.entries();
                entries.generation += 1;
                entries.tokens.clear();
            }
        }
    }

    pub(super) fn forget_token(&self, identifier: &TokenId) {
        let mut entries = self.entries();
        entries.generation += 1;
        let of_it = entries.tokens.iter().find(|(_, (token, _))| token.identifier == *identifier);
        if let Some(hash) = of_it.map(|(hash, _)| *hash) {
            entries.tokens.pop(&hash);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
