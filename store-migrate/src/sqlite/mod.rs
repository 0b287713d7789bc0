//! SQLite: opening, reading in one snapshot, loading, and the state of a migration.

mod connect;
mod load;
mod position;
mod scan;
mod schema;
mod state;

pub(crate) use connect::{beside, open_source, open_target, open_writable, quote};
pub(crate) use load::Loader;
pub(crate) use scan::{Aside, Snapshot};
pub(crate) use schema::{
    advance, attach, check_foreign_keys, check_pages, clear, counter, counts, detach, rebuild_words,
};
pub(crate) use state::State;
