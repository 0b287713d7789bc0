//! The queries of the job queue.

// parity: SQLite tells other processes nothing.
pub(super) mod bell;
pub(super) mod cancel;
pub(super) mod claim;
pub(super) mod counters;
mod dependencies;
pub(super) mod endings;
pub(super) mod enqueue;
pub(super) mod events;
// parity: SQLite has no dead entries.
pub(super) mod fronts;
pub(super) mod jobs;
pub(super) mod leases;
pub(super) mod limited;
pub(super) mod locks;
pub(super) mod moves;
pub(super) mod queues;
pub(super) mod reaping;
pub(super) mod retention;
pub(super) mod work;
pub(super) mod workers;
