use std::time::Duration;

use crate::settings::Dsn;
use crate::{Error, Result, Settings};

/// How a PostgreSQL database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is: a URL or key-value form, several hosts allowed.
    pub dsn: Dsn,
    /// Connections kept open.
    pub pool_min_size: u32,
    /// Connections at most.
    pub pool_max_size: u32,
    /// How long to wait for a connection, and for an operation with its retries.
    pub pool_timeout: Duration,
    /// How long a connection may be idle.
    pub pool_max_idle: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a transaction may be idle.
    pub idle_in_transaction_timeout: Duration,
    /// Whether prepared statements are kept; off for poolers that lose them.
    pub statement_cache: bool,
    /// The schema the tables are in.
    pub schema: String,
    /// A direct way for `LISTEN`, when `dsn` goes through a transaction pooler.
    pub listen_dsn: Option<Dsn>,
    /// A way with the rights to migrate, when `dsn` has them not.
    pub migrator_dsn: Option<Dsn>,
    /// A streaming replica, for the reads that [ask for it](crate::replica).
    pub replica_dsn: Option<Dsn>,
    /// How long such a read waits for the replica.
    pub replica_wait: Duration,
    /// From when on a query is slow.
    pub slow_query: Duration,
}

impl Options {
    /// Takes everything from settings.
    ///
    /// # Errors
    /// `Settings` when there is no DSN.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        let dsn = settings.postgres_dsn().ok_or_else(|| {
            Error::settings("POSTGRES_DSN", "is not set; the backend `postgres` needs it")
        })?;
        let from = settings.postgres();
        Ok(Self {
            dsn: dsn.clone(),
            pool_min_size: from.pool_min_size,
            pool_max_size: from.pool_max_size,
            pool_timeout: from.pool_timeout,
            pool_max_idle: from.pool_max_idle,
            statement_timeout: from.statement_timeout,
            lock_timeout: from.lock_timeout,
            idle_in_transaction_timeout: from.idle_in_transaction_timeout,
            statement_cache: from.statement_cache,
            schema: from.schema.clone(),
            listen_dsn: from.listen_dsn.clone(),
            migrator_dsn: from.migrator_dsn.clone(),
            replica_dsn: from.replica_dsn.clone(),
            replica_wait: from.replica_wait,
            slow_query: settings.slow_query(),
        })
    }
}
