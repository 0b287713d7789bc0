//! The handle of one PostgreSQL database.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use diesel::prelude::QueryableByName;
use diesel::sql_types::{Array, Bool, Double, Nullable, Text};

use super::connect::Connector;
use super::options::Options;
use super::pool::{Conn, Pool};
use super::retry::{Kind, retry};
use super::{Listener, db_error};
use crate::health::{Health, MigrationStatus, PoolStatus};
use crate::migrations::Schema;
use crate::{Error, Result};

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
    pub(super) schema: String,
    operation_timeout: Duration,
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
        // The pool would try for as long as its timeout and then only say that time ran out.
        let first = connector.connect().await?;
        let pool = Pool::open(connector.clone(), first, &options);
        Ok(Self {
            inner: Arc::new(Inner {
                connector,
                migrator,
                listener,
                pool,
                schema: options.schema,
                operation_timeout: options.pool_timeout,
            }),
        })
    }

    /// Takes a connection out of the pool, in the order of arrival.
    ///
    /// # Errors
    /// `PoolExhausted` when none became free in time; `Unavailable` when none can be made.
    pub async fn conn(&self, operation: &'static str) -> Result<Conn> {
        self.inner.pool.get(operation).await
    }

    /// Runs an operation that only reads, again while it fails in a way that passes.
    ///
    /// # Errors
    /// What the last attempt returned.
    pub async fn read<T, F, Fut>(&self, operation: &'static str, attempt: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let deadline = Instant::now() + self.inner.operation_timeout;
        retry(operation, Kind::Read, deadline, attempt).await
    }

    /// Runs an operation that writes, as one statement or one transaction, again while it fails
    /// in a way that passes and has surely changed nothing.
    ///
    /// # Errors
    /// What the last attempt returned; `Unavailable` with an unknown outcome when the connection
    /// was lost on the way.
    pub async fn write<T, F, Fut>(&self, operation: &'static str, attempt: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let deadline = Instant::now() + self.inner.operation_timeout;
        retry(operation, Kind::Write, deadline, attempt).await
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
        notify.execute(&mut conn).await.map(drop).map_err(db_error("notify"))
    }

    /// Returns how many statements were run since the database was opened, upkeep aside.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.inner.connector.statements.load(Ordering::Relaxed)
    }

    /// Returns the state of the pool.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        self.inner.pool.status()
    }

    /// Tells how the database and the schemas in it are doing. Never fails, and takes no longer
    /// than `deadline`.
    pub async fn health(&self, deadline: Duration, schemas: &[&'static Schema]) -> Health {
        let unreachable =
            |problem: String| Health::unreachable("postgres", problem, self.inner.pool.status());
        match tokio::time::timeout(deadline, self.vitals(schemas)).await {
            Ok(Ok((vitals, round_trip, migrations))) => Health {
                reachable: true,
                problem: None,
                server_version: Some(vitals.server_version),
                round_trip: Some(round_trip),
                writable: Some(!vitals.read_only),
                replica_lag: vitals
                    .lag_seconds
                    .map(|lag| Duration::try_from_secs_f64(lag.max(0.0)).unwrap_or(Duration::MAX)),
                migrations,
                ..unreachable(String::new())
            },
            Ok(Err(error)) => unreachable(error.to_string()),
            Err(_elapsed) => unreachable("no answer before the deadline".into()),
        }
    }

    async fn vitals(
        &self,
        schemas: &[&'static Schema],
    ) -> Result<(Vitals, Duration, Vec<MigrationStatus>)> {
        let mut conn = self.conn("health").await?;
        let started = Instant::now();
        let vitals = vitals(&mut conn).await?;
        let round_trip = started.elapsed();
        drop(conn);
        let mut migrations = Vec::with_capacity(schemas.len());
        for schema in schemas {
            migrations.push(self.migration_status(schema).await?);
        }
        Ok((vitals, round_trip, migrations))
    }
}

#[derive(QueryableByName)]
struct Vitals {
    #[diesel(sql_type = Text)]
    server_version: String,
    #[diesel(sql_type = Bool)]
    read_only: bool,
    #[diesel(sql_type = Nullable<Double>)]
    lag_seconds: Option<f64>,
}

async fn vitals(conn: &mut Conn) -> Result<Vitals, Error> {
    use diesel_async::RunQueryDsl as _;
    // A replica that has replayed everything it received is not behind, however old that is.
    diesel::sql_query(
        "SELECT current_setting('server_version') AS server_version, \
         current_setting('transaction_read_only') = 'on' AS read_only, \
         CASE WHEN NOT pg_is_in_recovery() THEN NULL \
              WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
              ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) \
         END::float8 AS lag_seconds",
    )
    .get_result(&mut **conn)
    .await
    .map_err(db_error("health"))
}
