//! The command `sync`.

use std::time::Instant;

use serde::Serialize;

use super::changes::{count, prune};
use super::round::{Round, round, sqlite_of};
use super::wal::Watch;
use crate::control::Control;
use crate::job::Job;
use crate::opened::{SourceSide, blocking};
use crate::report::Difference;
use crate::state::{Migration, Phase};
use crate::{Error, Result};

/// What a round of `sync` did.
#[derive(Debug, Clone, Serialize)]
pub struct RoundReport {
    /// How many rows were written.
    pub rows: u64,
    /// The tables with changes.
    pub tables: Vec<String>,
    /// How many changes were captured while it went on.
    pub pending: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// What `sync` did.
#[derive(Debug, Clone, Serialize)]
pub struct SyncReport {
    /// The source, without password.
    pub source: String,
    /// The target, without password.
    pub target: String,
    /// The id of the migration.
    pub migration: String,
    /// Its rounds.
    pub rounds: Vec<RoundReport>,
    /// How many changes are captured and not yet applied.
    pub pending: u64,
    /// How many rows differ although they were applied.
    pub difference_count: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// Applies what changed in the source since the first copy, again and again until at most
/// `until_rows` changes are left. Each row that is written is read back and compared.
///
/// # Errors
/// `Refused` when changes were not captured, or may have been missed; `Stopped`; what a database
/// says. Differences are not an error: the report has them.
pub async fn sync(job: &Job, until_rows: u64, control: &Control) -> Result<SyncReport> {
    let mut report = SyncReport {
        source: job.source.to_string(),
        target: job.target.to_string(),
        migration: String::new(),
        rounds: Vec::new(),
        pending: 0,
        difference_count: 0,
        differences: Vec::new(),
    };
    loop {
        control.check()?;
        let (source, migration) = open(job).await?;
        report.migration.clone_from(&migration.id);
        let watch = Watch::begin(&job.source, control);
        let (source, one) = one(job, &migration, source, &mut report, control).await?;
        drop((source, watch));
        if one.difference_count > 0 {
            return Ok(report);
        }
        settle(job, &one, &mut report, control).await?;
        if report.pending <= until_rows {
            return Ok(report);
        }
    }
}

/// Opens the source of a job and the migration that was begun with it.
///
/// # Errors
/// `Refused` when there is none, or its first copy is not at its end.
pub(super) async fn open(job: &Job) -> Result<(SourceSide, Migration)> {
    if job.source.is_postgres() {
        return Err(Error::Usage("changes are captured from SQLite to PostgreSQL only".to_owned()));
    }
    let mut looking = job.clone();
    looking.check_pages = false;
    let source = SourceSide::open(&looking).await?;
    match crate::run::begun(job, &source).await? {
        Some(migration) if migration.phase >= Phase::Attached => Ok((source, migration)),
        Some(_) => Err(Error::refused(
            "the first copy is not at its end: run `store-migrate run --capture` again first",
        )),
        None => Err(super::round::not_captured()),
    }
}

/// Runs a round and reports it; the snapshot stays open.
pub(super) async fn one(
    job: &Job,
    migration: &Migration,
    source: SourceSide,
    report: &mut SyncReport,
    control: &Control,
) -> Result<(SourceSide, Round)> {
    let started = Instant::now();
    control.observer().phase("sync", None);
    let (source, round) = round(job, migration, source, control).await?;
    report.difference_count += round.difference_count;
    report.differences.extend(round.differences.iter().cloned());
    report.rounds.push(RoundReport {
        rows: round.rows,
        tables: round.tables.clone(),
        pending: 0,
        seconds: started.elapsed().as_secs_f64(),
    });
    Ok((source, round))
}

/// Looks how far the source is ahead after a round, and removes what is applied from it.
pub(super) async fn settle(
    job: &Job,
    round: &Round,
    report: &mut SyncReport,
    control: &Control,
) -> Result<()> {
    let path = job.source.path().ok_or_else(super::round::not_captured)?.to_owned();
    let (seq, applied) = (round.seq, !round.tables.is_empty());
    let (pruned, pending) = blocking(move || {
        let pruned = if applied { prune(&path, seq) } else { Ok(()) };
        Ok((pruned, count(&crate::sqlite::open_source(&path)?, seq)?))
    })
    .await?;
    // They are only in the way: the next round tries again.
    if let Err(error) = pruned {
        control.observer().say(&format!("applied changes stay in the source for now: {error}"));
    }
    report.pending = pending;
    if let Some(last) = report.rounds.last_mut() {
        last.pending = report.pending;
        control.observer().say(&format!(
            "{} row(s) of {} table(s) in {:.1} s; {} change(s) came meanwhile",
            last.rows,
            last.tables.len(),
            last.seconds,
            last.pending
        ));
    }
    Ok(())
}

/// Counts the changes of a source that is open behind one.
pub(super) fn pending(source: &SourceSide, seq: i64) -> Result<u64> {
    count(sqlite_of(source)?, seq)
}
