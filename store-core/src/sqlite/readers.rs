//! The pool of connections that read.

use std::fmt;
use std::time::Duration;

use diesel::SqliteConnection;

use super::connect::Connector;
use super::job::panicked;
use crate::gate::Gate;
use crate::health::PoolStatus;
use crate::observe::or_of_database;
use crate::{Error, Failure, Message, Result};

/// Makes and keeps connections for r2d2.
struct Manager(Connector);

impl r2d2::ManageConnection for Manager {
    type Connection = SqliteConnection;
    type Error = Error;

    fn connect(&self) -> Result<SqliteConnection> {
        self.0.reader()
    }

    /// A connection to a file does not go stale, and a query would only cost time.
    fn is_valid(&self, _conn: &mut SqliteConnection) -> Result<()> {
        Ok(())
    }

    fn has_broken(&self, conn: &mut SqliteConnection) -> bool {
        use diesel::r2d2::R2D2Connection as _;
        std::thread::panicking() || conn.is_broken()
    }
}

/// Read-only connections, handed out first come, first served.
#[derive(Clone)]
pub(super) struct Readers {
    pool: r2d2::Pool<Manager>,
    gate: Gate,
    timeout: Duration,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Readers {
    pub(super) fn open(connector: Connector, size: u32, timeout: Duration) -> Result<Self> {
        let pool = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .connection_timeout(timeout)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build(Manager(connector))
            .map_err(|cause| Error::backend("open_readers", Failure::Other, cause))?;
        Ok(Self { pool, gate: Gate::new("sqlite", size, timeout), timeout })
    }

    /// Runs a closure on a connection, in a thread that may block.
    pub(super) async fn run<T, F>(&self, operation: &'static str, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T> + Send + 'static,
    {
        let permit = self.gate.enter(operation).await?;
        let pool = self.pool.clone();
        let named = or_of_database(operation, "sqlite");
        let span = tracing::Span::current();
        let task = tokio::task::spawn_blocking(move || {
            // Kept until the closure ends, also when the caller has stopped waiting.
            let _permit = permit;
            let _entered = (named.enter(), span.enter());
            let mut conn = pool.get().map_err(|cause| {
                Error::backend(operation, Failure::Unavailable { outcome_unknown: false }, cause)
            })?;
            closure(&mut conn)
        });
        match tokio::time::timeout(self.timeout, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(join)) => Err(match join.try_into_panic() {
                Ok(panic) => panicked(operation, panic.as_ref()),
                Err(_cancelled) => Error::backend(
                    operation,
                    Failure::Unavailable { outcome_unknown: false },
                    Message("the runtime is shutting down".into()),
                ),
            }),
            Err(_elapsed) => Err(Error::failed(operation, Failure::Timeout)),
        }
    }

    pub(super) fn status(&self) -> PoolStatus {
        self.gate.status()
    }
}
