//! Reads from a replica, for the calls that ask for it.
//!
//! A streaming replica of PostgreSQL, named by the setting `POSTGRES_REPLICA_DSN`, can take reads
//! off the primary. It is behind by as much as replication takes, so that nothing is read from it
//! unless a caller says so, and says how recent the answer has to be:
//!
//! ```
//! # #[cfg(any(feature = "sqlite", feature = "postgres"))]
//! # async fn example(
//! #     databases: &store_core::Databases,
//! #     history: &dyn store_core::history::RunHistoryStore,
//! # ) -> store_core::Result<()> {
//! use store_core::replica::{Freshness, from_replica};
//! # use store_core::history::{ExecutionFilter, NewExecution};
//! # use store_core::{ExecutionId, PageRequest};
//! # let (id, filter, page) = (ExecutionId::new("run-1")?, ExecutionFilter::default(), PageRequest::default());
//!
//! // A dashboard: what it shows may be a moment old.
//! let runs = from_replica(Freshness::Any, history.list(&filter, &page)).await?;
//!
//! // Read your own writes, here or in the process that is handed the position.
//! history.start(NewExecution::new(id.clone(), "triage")).await?;
//! let written = databases.write_position().await?;
//! let run = from_replica(Freshness::After(written), history.fetch(&id)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Any store, any number of calls and any code may be in the future. What goes to the replica are
//! the operations that only read; what writes goes to the primary, with every read that belongs to
//! it. So does, always: what has to see the newest state to decide anything (`find_by_hash`, which
//! authenticates; locks, lease and listener positions, due times, work to take, released files and
//! keys), health, and opening and migrating a store. A task that the future spawns is outside.
//!
//! The primary answers as well, after at most the setting `POSTGRES_REPLICA_WAIT`, when the replica
//! is not [recent enough](Freshness), has no connection free, or cannot be reached; and at once when
//! it fails in the middle of a read. Without a replica in the settings, and on SQLite, the same code
//! reads the only database there is.
//!
//! `store_replica_reads_total{outcome}` counts who answered and why: `replica`, or, by the primary,
//! `behind`, `busy`, `unreachable`, `failed`. Of a replica that cannot be reached, or fails, there is
//! also a warning, and the next reads leave it alone for a few seconds.

mod lsn;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod scope;

pub use lsn::Lsn;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use scope::from_replica;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use scope::operation;
#[cfg(feature = "postgres")]
pub(crate) use scope::{Attempt, allowed, attempted, primary};

/// How recent what a replica answers has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Whatever it has, however old that is: `Health::replica` tells.
    Any,
    /// Everything that was written up to a position:
    /// [`Databases::write_position`](crate::Databases::write_position) after a write.
    ///
    /// That costs one more round trip to the replica.
    After(Lsn),
}
