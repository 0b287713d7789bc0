//! SQLite: one writer with group commit, several readers, one file that other processes may share.

mod budget;
mod connect;
mod database;
mod error;
mod functions;
mod job;
mod journal;
mod maintenance;
mod queue;
mod readers;
mod statement;
mod writer;

pub use budget::within_budget;
pub use connect::Options;
pub use database::Database;
pub use error::{Violation, db_error};
pub use functions::json_contains;
pub use maintenance::Checkpoint;
pub use statement::{Bind, Composed, Statement};
