//! The command `cutover`.
//!
//! What takes long is done while the application writes: the delta is applied until little of it is
//! left, and every row of both sides is compared. Then the write lock of the source is taken; what
//! changed since is applied, read back and compared, and the triggers are removed in the
//! transaction that ends the lock. So writes are stopped for the last few changes only, whatever the
//! size of the database.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde::Serialize;

use super::capture::{remove, retire};
use super::command::{SyncReport, one, open, settle, sync};
use super::round::Round;
use super::wal::Watch;
use crate::control::Control;
use crate::error::sqlite;
use crate::job::Job;
use crate::model::Layout;
use crate::opened::{Opened, SourceSide, blocking};
use crate::report::{Difference, Validation};
use crate::run::{around, compare, note_phase};
use crate::sqlite::open_writable;
use crate::state::{Migration, Phase};
use crate::{Error, Location, Result};

/// What is compared before the application goes to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compare {
    /// Every row before writes are stopped, and then those that changed since.
    #[default]
    Full,
    /// Only the rows that changed since the first copy, which was compared when it was made.
    Quick,
    /// Every row while writes are stopped. For small databases.
    Locked,
}

/// How the last step is done.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Cutover {
    /// What is compared.
    pub compare: Compare,
    /// Writes are stopped when at most so many changes are left.
    pub until_rows: u64,
    /// Whether the source refuses every write from then on.
    pub retire_source: bool,
    /// How long it is waited for the write lock of the source.
    pub lock_timeout: Duration,
}

impl Default for Cutover {
    fn default() -> Self {
        Self {
            compare: Compare::Full,
            until_rows: 500,
            retire_source: false,
            lock_timeout: Duration::from_secs(60),
        }
    }
}

/// What a cutover did.
#[derive(Debug, Clone, Serialize)]
pub struct CutoverReport {
    /// What was applied, the last round with writes stopped.
    pub sync: SyncReport,
    /// The comparison of every row, unless it was not asked for.
    pub validation: Option<Validation>,
    /// Whether it is done: the triggers are removed, and the application can go to the target.
    pub done: bool,
    /// How many differences there are at least.
    pub difference_count: u64,
    /// Those found beside the comparison of every row.
    pub differences: Vec<Difference>,
    /// How long writes were stopped, in seconds.
    pub seconds_without_writes: f64,
    /// Whether the source refuses writes now.
    pub retired: bool,
    /// The settings to change, with their values; a password is not shown.
    pub settings: Vec<(String, String)>,
}

/// Stops writes to the source, applies what is left, compares, and removes the triggers.
///
/// Whoever writes to the source meanwhile waits or finds it busy. On any failure or difference the
/// lock is given back, and the source is what it was.
///
/// # Errors
/// Those of [`sync`]; `Refused` when the lock is not to be had. Differences are not an error: the
/// report has them.
pub async fn cutover(job: &Job, how: Cutover, control: &Control) -> Result<CutoverReport> {
    let mut report = CutoverReport {
        sync: sync(job, how.until_rows, control).await?,
        validation: None,
        done: false,
        difference_count: 0,
        differences: Vec::new(),
        seconds_without_writes: 0.0,
        retired: false,
        settings: Vec::new(),
    };
    if how.compare == Compare::Full && report.sync.difference_count == 0 {
        compare_before(job, &mut report, control).await?;
        if count(&mut report) == 0 && report.sync.pending > how.until_rows {
            let more = sync(job, how.until_rows, control).await?;
            add(&mut report.sync, more);
        }
    }
    if count(&mut report) > 0 {
        return Ok(report);
    }
    let lock = lock(job, how.lock_timeout).await?;
    let since = Instant::now();
    control.observer().say("writes to the source are stopped");
    let outcome = switch(job, how, lock, &mut report, control).await;
    report.seconds_without_writes = since.elapsed().as_secs_f64();
    let line = format!("writes were stopped for {:.2} s", report.seconds_without_writes);
    control.observer().say(&line);
    if let Some(migration) = outcome? {
        report.done = true;
        report.retired = how.retire_source;
        report.settings = settings(job);
        note_phase(job, &migration.id, Phase::Validated).await?;
    }
    Ok(report)
}

/// Applies once more and compares every row with that snapshot, while the application writes.
async fn compare_before(job: &Job, report: &mut CutoverReport, control: &Control) -> Result<()> {
    let (source, migration) = open(job).await?;
    let watch = Watch::begin(&job.source, control);
    let (source, round) = one(job, &migration, source, &mut report.sync, control).await?;
    if round.difference_count == 0 {
        let (validation, _aside, source) = compare(job, source, &migration, control).await?;
        report.validation = Some(validation);
        drop((source, watch));
        settle(job, &round, &mut report.sync, control).await?;
    }
    Ok(())
}

fn add(report: &mut SyncReport, more: SyncReport) {
    report.rounds.extend(more.rounds);
    report.pending = more.pending;
    report.difference_count += more.difference_count;
    report.differences.extend(more.differences);
}

fn count(report: &mut CutoverReport) -> u64 {
    let compared = report.validation.as_ref().map_or(0, |found| found.difference_count);
    let beside = u64::try_from(report.differences.len()).unwrap_or(u64::MAX);
    report.difference_count = report.sync.difference_count + compared + beside;
    report.difference_count
}

/// Takes the write lock. It is given back when the connection is dropped.
async fn lock(job: &Job, timeout: Duration) -> Result<Connection> {
    let path = job.source.path().ok_or_else(super::round::not_captured)?.to_owned();
    blocking(move || {
        let conn = open_writable(&path)?;
        conn.busy_timeout(timeout).map_err(sqlite("locking the source"))?;
        match conn.execute_batch("BEGIN IMMEDIATE") {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) =>
            {
                Err(Error::refused(format!(
                    "the application holds the write lock of the source for more than {} s: stop it, \
                     or give --lock-timeout",
                    timeout.as_secs()
                )))
            }
            other => other.map(|()| conn).map_err(sqlite("locking the source")),
        }
    })
    .await
}

/// Does what is done while writes are stopped. Returns nothing when both sides differ.
async fn switch(
    job: &Job,
    how: Cutover,
    lock: Connection,
    report: &mut CutoverReport,
    control: &Control,
) -> Result<Option<Migration>> {
    let (source, migration) = open(job).await?;
    let (source, round): (SourceSide, Round) =
        one(job, &migration, source, &mut report.sync, control).await?;
    report.sync.pending = super::command::pending(&source, round.seq)?;
    if round.difference_count == 0 {
        let source = if how.compare == Compare::Locked {
            let (validation, _aside, source) = compare(job, source, &migration, control).await?;
            report.validation = Some(validation);
            source
        } else {
            let target = Opened::begin(&job.target, false).await?;
            let (missing, _target) = around(target, &migration).await?;
            report.differences = missing;
            source
        };
        // Where the source has no write-ahead log, a reader keeps its writer from committing.
        drop(source);
    }
    if count(report) > 0 {
        return Ok(None);
    }
    control.check()?;
    let (plan, target) = (migration.plan.clone(), job.target.to_string());
    blocking(move || {
        remove(&lock)?;
        if how.retire_source {
            retire(&lock, &plan, &target)?;
        }
        lock.execute_batch("COMMIT").map_err(sqlite("removing the triggers of the source"))
    })
    .await?;
    Ok(Some(migration))
}

fn settings(job: &Job) -> Vec<(String, String)> {
    let Location::Postgres(dsn) = &job.target else { return Vec::new() };
    if job.layout == Layout::Auto {
        return vec![("DSN".to_owned(), dsn.to_string())];
    }
    vec![
        ("STORE_BACKEND".to_owned(), "postgres".to_owned()),
        ("STORE_POSTGRES_DSN".to_owned(), dsn.to_string()),
    ]
}
