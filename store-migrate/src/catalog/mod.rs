//! What the databases say about themselves.

pub mod sqlite;
pub(crate) mod tokens;
