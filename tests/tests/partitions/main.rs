//! Steps of run history in monthly partitions, which only PostgreSQL has.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod ahead;
mod prune;
mod pruning;
mod rights;
mod scans;
mod support;
mod switch;
mod switching;
