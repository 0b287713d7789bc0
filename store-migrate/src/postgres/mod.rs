//! PostgreSQL: connecting, reading in one snapshot, loading by `COPY`, and the state of a migration.

mod catalog;
mod connect;
mod load;
mod scan;
mod schema;
mod state;

pub(crate) use catalog::tables_with_rows;
pub(crate) use connect::{connect, identity, options, quote};
pub(crate) use load::{Batch, Loaders, Part, copy_of};
pub(crate) use scan::{Snapshot, keys_table};
pub(crate) use schema::{advance, analyze, attach, clear, counter, detach};
pub(crate) use state::State;
