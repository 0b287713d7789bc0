//! A primary and its streaming standby: reads from the replica, and failover.
#![cfg(feature = "postgres")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

mod counts;
mod failover;
mod fenced;
mod health;
mod load;
mod operations;
mod reads;
mod support;
mod unreachable;
mod writes;
