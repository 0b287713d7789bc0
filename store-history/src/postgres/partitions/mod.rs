// parity: SQLite has no partitions.
//! Steps in partitions, one for each month in which executions start.
//!
//! Nothing here is needed by a store whose steps are not partitioned, and every query of the store is
//! the same on both forms.

mod ahead;
mod catalog;
mod create;
mod detach;
mod month;
mod owner;
mod switch;

pub(super) use ahead::maintain;
pub(super) use detach::{detach_doomed, drop_detached};
pub(super) use switch::switch;
pub use switch::{PartitionReport, PartitionRequest};
