mod counters;
mod jobs;
mod leases;
mod locks;
mod queues;
mod workers;

pub use counters::Counters;
pub use jobs::Jobs;
pub use leases::JobLeases;
pub use locks::Locks;
pub use queues::Queues;
pub use workers::WorkerRegistry;

/// A queue: its jobs, for those who enqueue and watch them; their leases, for workers; and what
/// operators set.
///
/// Every check of input comes before a connection is taken: `Invalid` changes nothing. Any method
/// can fail with `Backend`, and with `Corrupt` when a stored row cannot be read.
pub trait JobQueue: Jobs + JobLeases + Queues {}

impl<T: Jobs + JobLeases + Queues + ?Sized> JobQueue for T {}
