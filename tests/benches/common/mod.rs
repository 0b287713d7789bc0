//! What the benchmarks share: their arguments, rounds that two sides take in turns, callers in a
//! loop, the connections of the raw drivers, and the table.

pub(crate) mod args;
pub(crate) mod load;
pub(crate) mod postgres;
pub(crate) mod report;
pub(crate) mod rounds;
pub(crate) mod rows;
pub(crate) mod sqlite;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
