//! Layout `auto` by the real command, against a real PostgreSQL: databases that nobody designed for
//! the move, each moved exactly and back, or refused by name.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod exact;
mod orphans;
mod property;
mod refused;
mod support;
