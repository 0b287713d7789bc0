//! The gate before a pool: first come, first served, with a deadline and a count of who waits.

mod totals;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::totals::Totals;
use crate::health::PoolStatus;
use crate::{Error, Failure, Result};

/// Lets in as many as the pool has connections. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    totals: &'static Totals,
    permits: Arc<Semaphore>,
    size: u32,
    waiting: AtomicU32,
    timeouts: AtomicU64,
    timeout: Duration,
}

/// A place in the pool, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    // Counted out, and only then given back: the totals never show more than there are.
    _counted: InUse,
    _permit: OwnedSemaphorePermit,
}

impl Gate {
    pub(crate) fn new(backend: &'static str, size: u32, timeout: Duration) -> Self {
        let totals = Totals::of(backend);
        totals.opened(size);
        Self(Arc::new(Inner {
            totals,
            permits: Arc::new(Semaphore::new(size as usize)),
            size,
            waiting: AtomicU32::default(),
            timeouts: AtomicU64::default(),
            timeout,
        }))
    }

    /// Waits for a place, in the order of arrival.
    pub(crate) async fn enter(&self, operation: &'static str) -> Result<Permit> {
        let permits = Arc::clone(&self.0.permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return Ok(self.counted(permit));
        }
        let waiting = Waiting::new(&self.0);
        if let Ok(Ok(permit)) = tokio::time::timeout(self.0.timeout, permits.acquire_owned()).await
        {
            return Ok(self.counted(permit));
        }
        self.0.timeouts.fetch_add(1, Ordering::Relaxed);
        self.0.totals.timed_out();
        let PoolStatus { size, in_use, waiting: others, .. } = self.status();
        drop(waiting);
        Err(Error::failed(operation, Failure::PoolExhausted { size, in_use, waiting: others }))
    }

    fn counted(&self, permit: OwnedSemaphorePermit) -> Permit {
        Permit { _counted: InUse::new(self.0.totals), _permit: permit }
    }

    /// Returns how the pool is used.
    pub(crate) fn status(&self) -> PoolStatus {
        let Inner { permits, size, waiting, timeouts, .. } = &*self.0;
        let free = u32::try_from(permits.available_permits()).unwrap_or(*size);
        PoolStatus {
            size: *size,
            in_use: size.saturating_sub(free),
            waiting: waiting.load(Ordering::Relaxed),
            timeouts: timeouts.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.totals.closed(self.size);
    }
}

/// Counts a connection as in use until it is dropped.
#[derive(Debug)]
struct InUse(&'static Totals);

impl InUse {
    fn new(totals: &'static Totals) -> Self {
        totals.used(1);
        Self(totals)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.used(-1);
    }
}

/// Counts a caller as waiting until it is dropped, however its wait ends.
struct Waiting<'a>(&'a Inner);

impl<'a> Waiting<'a> {
    fn new(gate: &'a Inner) -> Self {
        gate.waiting.fetch_add(1, Ordering::Relaxed);
        gate.totals.waited(1);
        Self(gate)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.totals.waited(-1);
    }
}

#[cfg(test)]
mod tests;
