//! What the pools of a process add up to, by backend: gauges that several pools set by themselves
//! would show the one that was used last.

use std::sync::atomic::{AtomicI64, Ordering};

/// The pools of one backend.
#[derive(Debug)]
pub(super) struct Totals {
    backend: &'static str,
    size: AtomicI64,
    in_use: AtomicI64,
    waiting: AtomicI64,
}

static SQLITE: Totals = Totals::new("sqlite");
static POSTGRES: Totals = Totals::new("postgres");
static POSTGRES_REPLICA: Totals = Totals::new("postgres_replica");

impl Totals {
    const fn new(backend: &'static str) -> Self {
        let (size, in_use, waiting) = (AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0));
        Self { backend, size, in_use, waiting }
    }

    pub(super) fn of(backend: &str) -> &'static Self {
        [&SQLITE, &POSTGRES_REPLICA]
            .into_iter()
            .find(|totals| totals.backend == backend)
            .unwrap_or(&POSTGRES)
    }

    /// A pool was opened.
    pub(super) fn opened(&self, size: u32) {
        self.size.fetch_add(i64::from(size), Ordering::Relaxed);
    }

    /// A pool was closed, and so nothing of it is in use.
    pub(super) fn closed(&self, size: u32) {
        let left = self.size.fetch_sub(i64::from(size), Ordering::Relaxed) - i64::from(size);
        self.show("store_pool_size", left);
    }

    /// A connection was taken or given back.
    pub(super) fn used(&self, change: i64) {
        let in_use = self.in_use.fetch_add(change, Ordering::Relaxed) + change;
        // The recorder may have been installed after the pool was opened.
        if change > 0 {
            self.show("store_pool_size", self.size.load(Ordering::Relaxed));
        }
        self.show("store_pool_in_use", in_use);
    }

    /// A caller began or ended to wait.
    pub(super) fn waited(&self, change: i64) {
        let waiting = self.waiting.fetch_add(change, Ordering::Relaxed) + change;
        self.show("store_pool_waiting", waiting);
    }

    /// A caller waited in vain.
    pub(super) fn timed_out(&self) {
        metrics::counter!("store_pool_timeouts_total", "backend" => self.backend).increment(1);
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 connections")]
    fn show(&self, gauge: &'static str, value: i64) {
        metrics::gauge!(gauge, "backend" => self.backend).set(value as f64);
    }
}
