//! The connections to a replica, for the reads that ask for it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl as _;

use super::connect::Connector;
use super::options::Options;
use super::pool::{Conn, Pool};
use super::{Bind, Statement, db_error};
use crate::replica::{Attempt, Freshness, Lsn};
use crate::{Error, Failure, Result};

/// How long reads leave a replica alone that could not be reached, or failed: each would wait.
const REST: Duration = Duration::from_secs(5);
/// The wait before a replica is asked again how far it is; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// A replica, which is connected to when a read asks for it first.
pub(super) struct Replica {
    connector: Connector,
    /// Those of the primary's pool, with the time that a read waits here.
    options: Options,
    pool: OnceLock<Pool>,
    rests_until: Mutex<Option<Instant>>,
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Replica {
    /// Prepares connections to the replica of the options, if they have one.
    pub(super) fn prepare(options: &Options) -> Result<Option<Self>> {
        let Some(dsn) = &options.replica_dsn else { return Ok(None) };
        let connector = Connector::prepare("POSTGRES_REPLICA_DSN", dsn, options)?;
        let options = Options { pool_timeout: options.replica_wait, ..options.clone() };
        let (pool, rests_until) = (OnceLock::new(), Mutex::default());
        Ok(Some(Self { connector, options, pool, rests_until }))
    }

    /// Needs a runtime, as every pool does.
    pub(super) fn pool(&self) -> &Pool {
        let open = || Pool::open("postgres_replica", self.connector.clone(), None, &self.options);
        self.pool.get_or_init(open)
    }

    /// Takes a connection that is recent enough for an attempt, or none: the primary answers then.
    pub(super) async fn conn(&self, operation: &'static str, attempt: &Attempt) -> Option<Conn> {
        if self.rests() {
            count("unreachable");
            return None;
        }
        let deadline = Instant::now() + self.options.replica_wait;
        let mut conn = match self.pool().get(operation).await {
            Ok(conn) => conn,
            Err(error) if matches!(error.failure(), Some(Failure::PoolExhausted { .. })) => {
                count("busy");
                return None;
            }
            Err(error) => {
                self.failed("unreachable", &error);
                return None;
            }
        };
        if let Freshness::After(position) = attempt.freshness {
            match caught_up(&mut conn, position, deadline).await {
                Ok(true) => {}
                Ok(false) => {
                    count("behind");
                    tracing::debug!(operation, %position, "the replica is behind");
                    return None;
                }
                Err(error) => {
                    self.failed("failed", &error);
                    return None;
                }
            }
        }
        attempt.hand_out();
        count("replica");
        Some(conn)
    }

    /// Notes that the replica cannot be used: it is left alone for a while.
    pub(super) fn failed(&self, outcome: &'static str, error: &Error) {
        count(outcome);
        let lost = matches!(error.failure(), Some(Failure::Unavailable { .. }));
        if lost {
            *self.rest() = Some(Instant::now() + REST);
        }
        tracing::warn!(%error, "the replica does not answer a read: the primary does");
    }

    /// Notes that the replica answers.
    pub(super) fn answers(&self) {
        *self.rest() = None;
    }

    fn rests(&self) -> bool {
        self.rest().is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts who answered a read that asked for a replica, and why.
fn count(outcome: &'static str) {
    metrics::counter!("store_replica_reads_total", "outcome" => outcome).increment(1);
}

/// Tells whether a read that failed on the replica is worth asking the primary. What is no failure
/// of the backend is an answer, and time that ran out once would run out again.
pub(super) fn worth_asking_the_primary(error: &Error) -> bool {
    error.failure().is_some_and(|failure| failure != Failure::Timeout)
}

/// Waits until a replica has replayed a position, or the deadline.
async fn caught_up(conn: &mut Conn, position: Lsn, deadline: Instant) -> Result<bool> {
    if position == Lsn::default() {
        return Ok(true);
    }
    let mut wait = FIRST_WAIT;
    loop {
        let Ok(replayed) =
            tokio::time::timeout_at(deadline.into(), has_replayed(conn, position)).await
        else {
            return Ok(false);
        };
        if replayed? {
            return Ok(true);
        }
        if Instant::now() + wait >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn has_replayed(conn: &mut Conn, position: Lsn) -> Result<bool> {
    enum Replayed {}
    // A replica that was promoted replays nothing any more, but writes.
    const REPLAYED: &str = "SELECT coalesce(CASE WHEN pg_is_in_recovery() \
         THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END >= ?::text::pg_lsn, false)";
    let position = position.to_string();
    Statement::<Replayed, Bool>::new(REPLAYED, vec![Bind::Text(&position)])
        .get_result(conn)
        .await
        .map_err(db_error("has_replayed"))
}
