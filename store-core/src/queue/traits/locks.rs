use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::queue::LockGuard;

/// Named locks with fencing tokens. They are measured by the database's clock.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Acquires a lock unless it is held, also by the same owner; its epoch increases.
    ///
    /// A lock that has expired is free. The epoch of a name never decreases.
    ///
    /// # Errors
    /// `Invalid` for a name or owner that is no 1 to 255 bytes and a time to live outside 1 second
    /// to 1 day.
    async fn acquire_lock(
        &self,
        name: &str,
        owner: &str,
        ttl: Duration,
    ) -> Result<Option<LockGuard>>;

    /// Extends a lock to `ttl` from now and returns it, also after it expired if nobody acquired
    /// it meanwhile.
    ///
    /// # Errors
    /// `LeaseLost`; `Invalid` as for [`acquire_lock`](Self::acquire_lock).
    async fn renew_lock(&self, guard: &LockGuard, ttl: Duration) -> Result<LockGuard>;

    /// Gives a lock back.
    ///
    /// # Errors
    /// `LeaseLost`.
    async fn release_lock(&self, guard: &LockGuard) -> Result<()>;

    /// Returns who holds a lock, or nothing when it is free.
    async fn find_lock(&self, name: &str) -> Result<Option<LockGuard>>;
}
