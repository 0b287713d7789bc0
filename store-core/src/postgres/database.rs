//! The handle of one PostgreSQL database.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use diesel::sql_types::{Array, Text};
use futures_util::{FutureExt as _, TryFutureExt as _};

use super::connect::Connector;
use super::options::Options;
use super::pool::{Conn, Pool};
use super::replica::{Replica, worth_asking_the_primary};
use super::retry::{Kind, retry};
use super::{Listener, Statement, db_error};
use crate::health::PoolStatus;
use crate::observe::{or_of_database, within};
use crate::replica::{self, Attempt, Lsn};
use crate::{Error, Failure, Message, Result};

/// After as many statement timeouts an attempt is given up: the server would have ended a statement
/// long before, if it still did anything.
const HOPELESS: u32 = 4;

/// One PostgreSQL database: a pool of connections. Clones share it.
///
/// A process opens a database once and hands it to every store.
#[derive(Clone)]
pub struct Database {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    connector: Connector,
    pub(super) migrator: Connector,
    listener: Connector,
    pool: Pool,
    pub(super) replica: Option<Replica>,
    pub(super) schema: String,
    operation_timeout: Duration,
    attempt_limit: Duration,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("pool", &self.inner.pool).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens a database: parses the DSN and connects once. That connection is the pool's first.
    ///
    /// # Errors
    /// `Settings` for a malformed DSN; `Unavailable` with the real cause (wrong password, unknown
    /// host, no server, TLS) when it cannot connect.
    pub async fn open(options: Options) -> Result<Self> {
        let connector = Connector::prepare("POSTGRES_DSN", &options.dsn, &options)?;
        let other = |variable: &str, dsn: Option<&crate::settings::Dsn>| match dsn {
            Some(dsn) => Connector::prepare(variable, dsn, &options),
            None => Ok(connector.clone()),
        };
        let migrator = other("MIGRATOR_DSN", options.migrator_dsn.as_ref())?;
        let listener = other("POSTGRES_LISTEN_DSN", options.listen_dsn.as_ref())?;
        let replica = Replica::prepare(&options)?;
        // The pool would try for as long as its timeout and then only say that time ran out.
        let first = connector.connect().await?;
        let pool = Pool::open("postgres", connector.clone(), Some(first), &options);
        Ok(Self {
            inner: Arc::new(Inner {
                connector,
                migrator,
                listener,
                pool,
                replica,
                schema: options.schema,
                operation_timeout: options.pool_timeout,
                attempt_limit: options
                    .pool_timeout
                    .saturating_add(options.statement_timeout.saturating_mul(HOPELESS)),
            }),
        })
    }

    /// Takes a connection out of the pool, in the order of arrival.
    ///
    /// Within [`read`](Self::read) it is one to the replica, where that was [asked for](replica).
    ///
    /// # Errors
    /// `PoolExhausted` when none became free in time; `Unavailable` when none can be made.
    pub async fn conn(&self, operation: &'static str) -> Result<Conn> {
        if let Some(replica) = &self.inner.replica
            && let Some(attempt) = replica::attempted()
            && let Some(conn) = replica.conn(operation, &attempt).await
        {
            return Ok(conn);
        }
        self.inner.pool.get(operation).await
    }

    /// Runs an operation that only reads, again while it fails in a way that passes.
    ///
    /// Where a caller [asked for a replica](replica), and this is part of an
    /// [operation that only reads](crate::observed_read), that is tried first, once.
    ///
    /// # Errors
    /// What the last attempt returned.
    pub async fn read<T, F, Fut>(&self, operation: &'static str, mut attempt: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        if let Some(replica) = &self.inner.replica
            && let Some(freshness) = replica::allowed()
        {
            let tried = Attempt::new(freshness);
            // Boxed, so that a read is not twice as large for those who never ask.
            let trying = self.limited(operation, Kind::Read, tried.scope(attempt()));
            match Box::pin(trying).await {
                Err(error) if worth_asking_the_primary(&error) => {
                    if tried.was_handed_out() {
                        replica.failed("failed", &error);
                    }
                }
                answer => return answer,
            }
        }
        let deadline = Instant::now() + self.inner.operation_timeout;
        let attempt = || self.limited(operation, Kind::Read, attempt());
        retry(operation, Kind::Read, deadline, attempt).await
    }

    /// Runs an operation that writes, as one statement or one transaction, again while it fails
    /// in a way that passes and has surely changed nothing.
    ///
    /// A server that accepts no writes any more, although the DSN asks for one that does
    /// (`target_session_attrs=read-write`), has lost its place to another: it is looked for again.
    ///
    /// # Errors
    /// What the last attempt returned; `Unavailable` with an unknown outcome when the connection
    /// was lost on the way, or the server said nothing for the pool's timeout and four statement
    /// timeouts: it hangs, or waits for a synchronous standby that is not there.
    pub async fn write<T, F, Fut>(&self, operation: &'static str, mut attempt: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let deadline = Instant::now() + self.inner.operation_timeout;
        let attempt = || {
            let attempted = self.limited(operation, Kind::Write, attempt());
            attempted.map_err(|error| self.elsewhere(error))
        };
        retry(operation, Kind::Write, deadline, attempt).await
    }

    /// Gives an attempt up when the server says nothing any more, and its connections with it.
    fn limited<T>(
        &self,
        operation: &'static str,
        kind: Kind,
        attempt: impl Future<Output = Result<T>>,
    ) -> impl Future<Output = Result<T>> {
        let limit = self.inner.attempt_limit;
        tokio::time::timeout(limit, attempt).map(move |ended| {
            ended.unwrap_or_else(|_elapsed| {
                self.inner.pool.renew();
                if let Some(replica) = &self.inner.replica {
                    replica.pool().renew();
                }
                let failure = Failure::Unavailable { outcome_unknown: kind == Kind::Write };
                let cause = Message(format!("the server said nothing for {limit:?}"));
                Err(Error::backend(operation, failure, cause))
            })
        })
    }

    /// Leaves a server that turned read-only, where the DSN asks for another. Nothing was written.
    fn elsewhere(&self, error: Error) -> Error {
        match error {
            Error::Backend { operation, failure: Failure::ReadOnly, source }
                if self.inner.connector.wants_read_write() =>
            {
                self.inner.pool.renew();
                let failure = Failure::Unavailable { outcome_unknown: false };
                Error::Backend { operation, failure, source }
            }
            other => other,
        }
    }

    /// Listens on channels, over a connection of its own that is made again when it is lost.
    ///
    /// # Errors
    /// `Unavailable` when the first connection cannot be made.
    pub async fn listen(&self, channels: &[&str]) -> Result<Listener> {
        Listener::start(self.inner.listener.clone(), channels).await
    }

    /// Notifies those who listen on a channel, once for each payload. That is upkeep, and not counted
    /// as a statement.
    ///
    /// # Errors
    /// Backend failures; a listener polls anyway.
    pub async fn notify(&self, channel: &str, payloads: &[&str]) -> Result<()> {
        use diesel_async::RunQueryDsl as _;

        let mut conn = self.conn("notify").await?;
        let notify =
            diesel::sql_query("SELECT pg_notify($1, payload) FROM unnest($2) AS sent (payload)")
                .bind::<Text, _>(channel)
                .bind::<Array<Text>, _>(payloads);
        // The connection counts whatever it runs.
        self.inner.connector.statements.fetch_sub(1, Ordering::Relaxed);
        let named = or_of_database("notify", "postgres");
        within(named, notify.execute(&mut conn)).await.map(drop).map_err(db_error("notify"))
    }

    /// Returns the position up to which this database has been written: whoever has replayed it sees
    /// every write that was answered before this call.
    ///
    /// # Errors
    /// Backend failures.
    pub async fn write_position(&self) -> Result<Lsn> {
        enum Position {}
        // Who does not wait for the disk has written what is not flushed yet.
        const POSITION: &str = "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
             WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn() \
             ELSE pg_current_wal_flush_lsn() END)::text";
        self.read("write_position", || async {
            use diesel_async::RunQueryDsl as _;
            let mut conn = self.conn("write_position").await?;
            let text: String = Statement::<Position, Text>::new(POSITION, Vec::new())
                .get_result(&mut conn)
                .await
                .map_err(db_error("write_position"))?;
            text.parse().map_err(|error| Error::backend("write_position", Failure::Other, error))
        })
        .await
    }

    /// Returns how many statements were run since the database was opened, upkeep and
    /// what a replica was asked aside.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.inner.connector.statements.load(Ordering::Relaxed)
    }

    /// Returns the state of the pool.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        self.inner.pool.status()
    }
}
