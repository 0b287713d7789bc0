// parity: SQLite has no partitions.
//! Changing tables while they are used: as their owner, with locks that are held and waited for
//! briefly.

use std::time::{Duration, Instant};

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use store_core::postgres::{Database, begin, db_error, finish};
use store_core::{Error, Failure, Result};

use super::catalog::{flag, form, holds};

/// How long a lock is waited for: whoever comes after this one waits as well. Longer than the
/// second after which the server ends an autovacuum that is in the way.
const LOCK_TIMEOUT: &str = "1500ms";

/// Between two attempts others get their turn.
const PAUSE: Duration = Duration::from_millis(250);

/// Under this advisory lock partitions are changed, one for each schema.
const LOCK_KEY: &str = "hashtextextended('store-history partitions ' || current_schema(), 0)";

/// Opens a connection as the owner of the table of steps.
///
/// # Errors
/// `Settings` when the role is not the owner and may not become it.
pub(super) async fn owner(db: &Database) -> Result<AsyncPgConnection> {
    let mut conn = db.migrator_conn().await?;
    let form = form(&mut conn).await?;
    let refused = || {
        Error::settings(
            "MIGRATOR_DSN",
            format!(
                "partitions of history_steps are made and dropped by its owner, the role {}: let this \
                 name that role",
                form.owner
            ),
        )
    };
    if !form.owned {
        return Err(refused());
    }
    conn.batch_execute(&format!("SET ROLE {}", form.owner)).await.map_err(|_denied| refused())?;
    // What keeps nobody waiting may itself wait for as long as it takes.
    let settings = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
                    SET lock_timeout = 0";
    conn.batch_execute(settings).await.map_err(db_error("partition_owner"))?;
    Ok(conn)
}

/// Takes the lock under which partitions are changed, for as long as the connection lasts.
///
/// # Errors
/// `Conflict` when another process has it.
pub(super) async fn alone(conn: &mut AsyncPgConnection) -> Result<()> {
    let query = format!("SELECT pg_try_advisory_lock({LOCK_KEY}) AS flag");
    if flag(conn, &query).await? == Some(true) {
        return Ok(());
    }
    Err(Error::conflict("table", "history_steps", "another process is changing its partitions"))
}

/// Gives the lock of [`alone`] back, whatever came of what was done under it.
pub(super) async fn release<T>(conn: &mut AsyncPgConnection, outcome: Result<T>) -> Result<T> {
    let query = format!("SELECT pg_advisory_unlock({LOCK_KEY}) AS flag");
    // A connection that cannot do that is closed, and the lock goes with it.
    let released = flag(conn, &query).await;
    outcome.and_then(|value| released.map(|_had| value))
}

/// A part of a transaction that changes tables.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// A statement.
    Run(String),
    /// A statement that locks out others: from here on time is taken.
    Lock(String),
    /// Ends the transaction without a change when this condition holds.
    Unless(String),
}

/// What a transaction did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    /// The rows its statements wrote.
    pub(super) rows: u64,
    /// How long others were locked out.
    pub(super) locked: Duration,
}

/// Runs a transaction under the lock of partitions, again when a lock was not to be had in time.
/// Nothing when it was ended by a condition.
///
/// # Errors
/// `Timeout` when none of the attempts got its locks. Nothing is changed then.
pub(super) async fn locked(
    conn: &mut AsyncPgConnection,
    operation: &'static str,
    attempts: u32,
    parts: &[Part],
) -> Result<Option<Done>> {
    for attempt in 1.. {
        begin(operation, conn).await?;
        let mut since = None;
        let outcome = run(conn, operation, parts, &mut since).await;
        let ended = matches!(outcome, Ok(None));
        let undone = || Error::failed(operation, Failure::Other);
        let outcome = outcome.and_then(|rows| rows.ok_or_else(undone));
        match finish(operation, conn, outcome).await {
            Ok(rows) => {
                let locked = since.map_or(Duration::ZERO, |since: Instant| since.elapsed());
                return Ok(Some(Done { rows, locked }));
            }
            Err(_undone) if ended => return Ok(None),
            Err(error) if attempt < attempts && is_lock(&error) => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::failed(operation, Failure::Timeout))
}

async fn run(
    conn: &mut AsyncPgConnection,
    operation: &'static str,
    parts: &[Part],
    since: &mut Option<Instant>,
) -> Result<Option<u64>> {
    let mut rows = 0;
    execute(conn, operation, &format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    execute(conn, operation, &format!("SELECT pg_advisory_xact_lock({LOCK_KEY})")).await?;
    for part in parts {
        match part {
            Part::Run(sql) => {
                let written = execute(conn, operation, sql).await?;
                rows += u64::try_from(written).unwrap_or(0);
            }
            Part::Lock(sql) => {
                execute(conn, operation, sql).await?;
                *since = Some(Instant::now());
            }
            Part::Unless(condition) if holds(conn, condition).await? => return Ok(None),
            Part::Unless(_) => {}
        }
    }
    Ok(Some(rows))
}

/// Runs a statement and returns how many rows it wrote.
pub(super) async fn execute(
    conn: &mut AsyncPgConnection,
    operation: &'static str,
    sql: &str,
) -> Result<usize> {
    diesel::sql_query(sql).execute(conn).await.map_err(db_error(operation))
}

/// Tells whether a lock was not to be had.
pub(super) fn is_lock(error: &Error) -> bool {
    matches!(error.failure(), Some(Failure::Timeout | Failure::Deadlock))
}
