//! How the two kinds of database are talked to, and the defaults.

use std::time::Duration;

use super::Dsn;

pub(super) const SLOW_QUERY: Duration = Duration::from_millis(100);
pub(super) const JSON_MAX_BYTES: usize = 16 << 20;
pub(super) const CHATKIT_RETENTION: Duration = Duration::from_secs(30 * super::values::DAY_SECONDS);
pub(super) const CHATKIT_MAX_UPLOAD_BYTES: u64 = 5_000_000;

/// How connections to PostgreSQL are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Connections the pool keeps open.
    pub pool_min_size: u32,
    /// Connections the pool may open.
    pub pool_max_size: u32,
    /// How long a caller waits for a connection.
    pub pool_timeout: Duration,
    /// How long a connection beyond the minimum may lie idle.
    pub pool_max_idle: Duration,
    /// `statement_timeout` of every connection.
    pub statement_timeout: Duration,
    /// `lock_timeout` of every connection.
    pub lock_timeout: Duration,
    /// `idle_in_transaction_session_timeout` of every connection.
    pub idle_in_transaction_timeout: Duration,
    /// Whether prepared statements are kept; off for poolers that cannot carry them.
    pub statement_cache: bool,
    /// The schema that holds the tables.
    pub schema: String,
    /// A direct DSN for `LISTEN`, when the main one goes through a transaction pooler.
    pub listen_dsn: Option<Dsn>,
    /// A DSN with the rights to migrate, when the main one lacks them.
    pub migrator_dsn: Option<Dsn>,
    /// The DSN of a streaming replica, for reads that [ask for it](crate::replica).
    pub replica_dsn: Option<Dsn>,
    /// How long such a read waits for the replica before it goes to the primary.
    pub replica_wait: Duration,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            pool_min_size: 1,
            pool_max_size: 10,
            pool_timeout: Duration::from_secs(30),
            pool_max_idle: Duration::from_secs(300),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(60),
            statement_cache: true,
            schema: "public".to_owned(),
            listen_dsn: None,
            migrator_dsn: None,
            replica_dsn: None,
            replica_wait: Duration::from_secs(1),
        }
    }
}

/// How SQLite files are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteSettings {
    /// How long a statement waits for another process's lock.
    pub busy_timeout: Duration,
    /// `PRAGMA synchronous` of the writer.
    pub synchronous: Synchronous,
    /// Read-only connections.
    pub readers: u32,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), synchronous: Synchronous::Full, readers: 4 }
    }
}

/// When SQLite waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Synchronous {
    /// At every commit: what was acknowledged survives a power cut.
    Full,
    /// At checkpoints: a power cut may undo the last commits, and damages nothing.
    Normal,
}

impl Synchronous {
    /// Returns the value used in settings and in the PRAGMA.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}
