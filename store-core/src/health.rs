//! How a database and the stores on it are doing.

use std::time::Duration;

/// What `health()` found. Being unreachable is a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
    /// Whether the database answered before the deadline.
    pub reachable: bool,
    /// Why it did not, without secrets.
    pub problem: Option<String>,
    /// What the server, or the library, calls its version.
    pub server_version: Option<String>,
    /// How long a trivial query took.
    pub round_trip: Option<Duration>,
    /// Whether writes are accepted.
    pub writable: Option<bool>,
    /// How far a replica is behind its primary; none on a primary and on SQLite.
    pub replica_lag: Option<Duration>,
    /// How the replica is doing that the settings name for reads; none without one and on SQLite.
    /// The stores do all of their work without it.
    pub replica: Option<ReplicaHealth>,
    /// The state of the pool.
    pub pool: PoolStatus,
    /// The state of each schema that was asked for.
    pub migrations: Vec<MigrationStatus>,
}

impl Health {
    /// Describes a database that did not answer.
    #[must_use]
    pub fn unreachable(
        backend: &'static str,
        problem: impl Into<String>,
        pool: PoolStatus,
    ) -> Self {
        Self {
            backend,
            reachable: false,
            problem: Some(problem.into()),
            server_version: None,
            round_trip: None,
            writable: None,
            replica_lag: None,
            replica: None,
            pool,
            migrations: Vec::new(),
        }
    }

    /// Tells whether the stores can do all of their work: reachable, writable, fully migrated.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.reachable
            && self.writable == Some(true)
            && self.migrations.iter().all(|status| status.pending.is_empty())
    }
}

/// A replica for reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaHealth {
    /// Whether it answered before the deadline.
    pub reachable: bool,
    /// How far it is behind its primary: zero when it has replayed all that it received and still
    /// receives, else the age of the last transaction that it has. Unknown when it is out of reach,
    /// has replayed no transaction since it started, or follows no primary.
    pub lag: Option<Duration>,
    /// What is wrong with it, without secrets.
    pub problem: Option<String>,
}

impl ReplicaHealth {
    /// Describes a replica that did not answer.
    #[must_use]
    pub fn unreachable(problem: impl Into<String>) -> Self {
        Self { reachable: false, lag: None, problem: Some(problem.into()) }
    }
}

/// Connections of a pool and who waits for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections the pool may hold.
    pub size: u32,
    /// Connections in use.
    pub in_use: u32,
    /// Callers waiting for one.
    pub waiting: u32,
    /// Callers that gave up waiting, since the start.
    pub timeouts: u64,
}

/// The schema of one crate in this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The crate.
    pub crate_name: &'static str,
    /// The migrations that are applied, in order.
    pub applied: Vec<String>,
    /// The migrations this code has and the database has not, in order.
    pub pending: Vec<String>,
}
