//! The gate before a pool: first come, first served, with a deadline and a count of who waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::health::PoolStatus;
use crate::{Error, Failure, Result};

/// Lets in as many as the pool has connections. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    backend: &'static str,
    permits: Arc<Semaphore>,
    size: u32,
    waiting: Arc<AtomicU32>,
    timeouts: Arc<AtomicU64>,
    timeout: Duration,
}

impl Gate {
    pub(crate) fn new(backend: &'static str, size: u32, timeout: Duration) -> Self {
        Self {
            backend,
            permits: Arc::new(Semaphore::new(size as usize)),
            size,
            waiting: Arc::default(),
            timeouts: Arc::default(),
            timeout,
        }
    }

    /// Waits for a place, in the order of arrival.
    pub(crate) async fn enter(&self, operation: &'static str) -> Result<OwnedSemaphorePermit> {
        let permits = Arc::clone(&self.permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            self.status();
            return Ok(permit);
        }
        let _counted = Waiting::new(&self.waiting);
        self.status();
        if let Ok(Ok(permit)) = tokio::time::timeout(self.timeout, permits.acquire_owned()).await {
            return Ok(permit);
        }
        self.timeouts.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("store_pool_timeouts_total", "backend" => self.backend).increment(1);
        let PoolStatus { size, in_use, waiting, .. } = self.status();
        Err(Error::failed(operation, Failure::PoolExhausted { size, in_use, waiting }))
    }

    /// Returns how the pool is used, and shows it in the metrics.
    pub(crate) fn status(&self) -> PoolStatus {
        let free = u32::try_from(self.permits.available_permits()).unwrap_or(self.size);
        let status = PoolStatus {
            size: self.size,
            in_use: self.size.saturating_sub(free),
            waiting: self.waiting.load(Ordering::Relaxed),
            timeouts: self.timeouts.load(Ordering::Relaxed),
        };
        metrics::gauge!("store_pool_size", "backend" => self.backend).set(status.size);
        metrics::gauge!("store_pool_in_use", "backend" => self.backend).set(status.in_use);
        metrics::gauge!("store_pool_waiting", "backend" => self.backend).set(status.waiting);
        status
    }
}

/// Counts a caller as waiting until it is dropped, however its wait ends.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
