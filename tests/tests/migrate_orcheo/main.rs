//! Databases of Orcheo that become stores: rows of every kind, read back through every store.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod catalogue;
mod derived;
mod installation;
mod postgres;
mod reading;
mod refusals;
mod rows;
mod schema;
mod soiled;
