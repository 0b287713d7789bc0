//! Moving databases between SQLite and PostgreSQL with `store-migrate`, layout `stores`.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

mod at_once;
mod catalogue;
mod differences;
mod fill;
mod homes;
mod killed;
mod large;
mod planning;
mod quarantine;
mod reports;
mod round_trip;
mod sources;
mod support;
mod targets;
