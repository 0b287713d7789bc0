//! A pool that is fair and says why it cannot connect.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection as _;

use super::connect::Connector;
use super::options::Options;
use crate::gate::{Gate, Permit};
use crate::health::PoolStatus;
use crate::{Error, Failure, Message, Result};

/// How old a connection may become: long enough to be cheap, short enough to follow a failover.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// The wait before connecting is tried again, which doubles: bb8's own goes up to half the pool's
/// timeout, and a server that is back would stand idle for as long as it was away.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Makes and keeps connections for bb8.
pub(super) struct Manager {
    connector: Connector,
    /// The connection that opening the database was tried with: nobody connects twice to start.
    first: Mutex<Option<AsyncPgConnection>>,
    timeout: Duration,
    last_error: LastError,
    generation: Arc<AtomicU64>,
}

/// A connection, and the generation of the pool that it was made in.
pub(super) struct Member {
    conn: AsyncPgConnection,
    generation: u64,
}

impl Manager {
    /// The first connection, unless it was taken or has died meanwhile.
    fn first(&self) -> Option<AsyncPgConnection> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (!first.is_broken()).then_some(first)
    }

    fn is_usable(&self, member: &mut Member) -> bool {
        !member.conn.is_broken() && member.generation == self.generation.load(Ordering::Acquire)
    }
}

impl bb8::ManageConnection for Manager {
    type Connection = Member;
    type Error = Error;

    /// Tries until it succeeds, or who waits for it has given up.
    async fn connect(&self) -> Result<Member> {
        if let Some(conn) = self.first() {
            return Ok(Member { conn, generation: 0 });
        }
        let deadline = Instant::now() + self.timeout;
        let mut wait = FIRST_WAIT;
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            match self.connector.connect().await {
                Ok(conn) => return Ok(Member { conn, generation }),
                Err(error) if Instant::now() + wait >= deadline => return Err(error),
                Err(error) => bb8::ErrorSink::sink(&self.last_error, error),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Looks whether the connection is known to be closed; a query would be a round trip.
    async fn is_valid(&self, member: &mut Member) -> Result<()> {
        if self.is_usable(member) {
            return Ok(());
        }
        Err(super::connect::unavailable("the server closed the connection".into()))
    }

    fn has_broken(&self, member: &mut Member) -> bool {
        std::thread::panicking() || !self.is_usable(member)
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
    generation: Arc<AtomicU64>,
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
    _permit: Permit,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conn")
    }
}

impl Deref for Conn {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.conn.conn
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.conn.conn
    }
}

impl Pool {
    /// Opens a pool, perhaps with a connection that is there already; `name` is its label in metrics.
    pub(super) fn open(
        name: &'static str,
        connector: Connector,
        first: Option<AsyncPgConnection>,
        options: &Options,
    ) -> Self {
        let last_error = LastError::default();
        let (timeout, generation) = (options.pool_timeout, Arc::<AtomicU64>::default());
        let manager = Manager {
            connector,
            first: Mutex::new(first),
            timeout,
            last_error: last_error.clone(),
            generation: Arc::clone(&generation),
        };
        let pool = bb8::Pool::builder()
            .max_size(options.pool_max_size)
            .min_idle(options.pool_min_size)
            .connection_timeout(timeout)
            // The manager does that itself.
            .retry_connection(false)
            .idle_timeout(options.pool_max_idle)
            .max_lifetime(MAX_LIFETIME)
            // The one that was used last is handed out first: its server process has the statements
            // and the pages at hand, and what is not needed stays idle until it is closed.
            .queue_strategy(bb8::QueueStrategy::Lifo)
            .error_sink(Box::new(last_error.clone()))
            // The first connection was made before: from now on the pool keeps trying.
            .build_unchecked(manager);
        let gate = Gate::new(name, options.pool_max_size, timeout);
        Self { pool, gate, timeout, last_error, generation }
    }

    /// Waits for a connection, in the order of arrival, and no longer than the pool's timeout.
    pub(super) async fn get(&self, operation: &'static str) -> Result<Conn> {
        let arrived = Instant::now();
        let permit = self.gate.enter(operation).await?;
        let left = self.timeout.saturating_sub(arrived.elapsed());
        match tokio::time::timeout(left, self.pool.get_owned()).await {
            Ok(Ok(conn)) => Ok(Conn { conn, _permit: permit }),
            Ok(Err(bb8::RunError::User(error))) => Err(error),
            // With a permit there is room in the pool: what took so long was connecting.
            Ok(Err(bb8::RunError::TimedOut)) | Err(_) => Err(self.cannot_connect(operation)),
        }
    }

    /// Closes the connections there are, each when it is idle: the next ones are made anew.
    pub(super) fn renew(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
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
