//! Fixtures and the conformance suite: every behaviour of a protocol, run on every backend.
//!
//! Tests live here rather than in the store crates because they need both backends side by side.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod behaviours;
pub mod conformance;
pub mod fixture;
pub mod load;
pub mod model;
pub mod process;
pub mod samples;
#[cfg(feature = "postgres")]
pub mod server;

use std::future::Future;

/// Runs a test on a runtime of its own, with more than one thread: races are real.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime can be built")
        .block_on(test)
}
