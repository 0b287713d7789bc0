//! A pool that is fair and says why it cannot connect.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection as _;
use tokio::sync::OwnedSemaphorePermit;

use super::connect::Connector;
use super::options::Options;
use crate::gate::Gate;
use crate::health::PoolStatus;
use crate::{Error, Failure, Message, Result};

/// How old a connection may become: long enough to be cheap, short enough to follow a failover.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Makes and keeps connections for bb8.
pub(super) struct Manager {
    connector: Connector,
    /// The connection that opening the database was tried with: nobody connects twice to start.
    first: Mutex<Option<AsyncPgConnection>>,
}

impl Manager {
    /// The first connection, unless it was taken or has died meanwhile.
    fn first(&self) -> Option<AsyncPgConnection> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (!first.is_broken()).then_some(first)
    }
}

impl bb8::ManageConnection for Manager {
    type Connection = AsyncPgConnection;
    type Error = Error;

    async fn connect(&self) -> Result<AsyncPgConnection> {
        match self.first() {
            Some(conn) => Ok(conn),
            None => self.connector.connect().await,
        }
    }

    /// Looks whether the connection is known to be closed; a query would be a round trip.
    async fn is_valid(&self, conn: &mut AsyncPgConnection) -> Result<()> {
        if conn.is_broken() {
            return Err(super::connect::unavailable("the server closed the connection".into()));
        }
        Ok(())
    }

    fn has_broken(&self, conn: &mut AsyncPgConnection) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}

/// Keeps the last failure to connect, which bb8 itself does not report to who waits.
#[derive(Debug, Clone, Default)]
struct LastError(Arc<Mutex<Option<Error>>>);

impl bb8::ErrorSink<Error> for LastError {
    fn sink(&self, error: Error) {
        tracing::debug!(%error, "connection failed");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn boxed_clone(&self) -> Box<dyn bb8::ErrorSink<Error>> {
        Box::new(self.clone())
    }
}

/// Connections, handed out first come, first served: bb8 alone starves those who wait.
#[derive(Clone)]
pub(super) struct Pool {
    pool: bb8::Pool<Manager>,
    gate: Gate,
    timeout: Duration,
    last_error: LastError,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// A connection out of the pool; it goes back when it is dropped.
pub struct Conn {
    // Declared, and so dropped, before the permit: who gets the permit finds the connection.
    conn: bb8::PooledConnection<'static, Manager>,
    _permit: OwnedSemaphorePermit,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conn")
    }
}

impl Deref for Conn {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.conn
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.conn
    }
}

impl Pool {
    /// Makes a pool whose first connection is there already.
    pub(super) fn open(connector: Connector, first: AsyncPgConnection, options: &Options) -> Self {
        let last_error = LastError::default();
        let pool = bb8::Pool::builder()
            .max_size(options.pool_max_size)
            .min_idle(options.pool_min_size)
            .connection_timeout(options.pool_timeout)
            .idle_timeout(options.pool_max_idle)
            .max_lifetime(MAX_LIFETIME)
            // The one that was used last is handed out first: its server process has the statements
            // and the pages at hand, and what is not needed stays idle until it is closed.
            .queue_strategy(bb8::QueueStrategy::Lifo)
            .error_sink(Box::new(last_error.clone()))
            // The first connection was made before: from now on the pool keeps trying.
            .build_unchecked(Manager { connector, first: Mutex::new(Some(first)) });
        Self {
            pool,
            gate: Gate::new("postgres", options.pool_max_size, options.pool_timeout),
            timeout: options.pool_timeout,
            last_error,
        }
    }

    /// Waits for a connection, in the order of arrival.
    pub(super) async fn get(&self, operation: &'static str) -> Result<Conn> {
        let permit = self.gate.enter(operation).await?;
        match self.pool.get_owned().await {
            Ok(conn) => Ok(Conn { conn, _permit: permit }),
            Err(bb8::RunError::User(error)) => Err(error),
            // With a permit there is room in the pool: what took so long was connecting.
            Err(bb8::RunError::TimedOut) => Err(self.cannot_connect(operation)),
        }
    }

    fn cannot_connect(&self, operation: &'static str) -> Error {
        let failure = Failure::Unavailable { outcome_unknown: false };
        let last = self.last_error.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match last {
            Some(cause) => Error::backend(operation, failure, cause),
            None => {
                let cause = Message(format!("no connection within {:?}", self.timeout));
                Error::backend(operation, failure, cause)
            }
        }
    }

    pub(super) fn status(&self) -> PoolStatus {
        self.gate.status()
    }
}
