//! How a first copy is begun and gone on with when changes are captured.

use super::capture::{self, Mark};
use super::changes::{Span, tables};
use super::round::{not_captured, sqlite_of};
use super::state;
use crate::control::Control;
use crate::copy::OnError;
use crate::job::{Existing, Job};
use crate::model::{Layout, Plan};
use crate::opened::{SourceSide, blocking};
use crate::postgres::connect;
use crate::state::{Migration, Phase};
use crate::{Error, Location, Result};

/// Puts the triggers into the source of a job that is to capture changes, before its snapshot is
/// taken. What a migration that was begun before put there stays.
///
/// # Errors
/// `Usage` for a job that cannot capture changes; `Refused` when the migration was begun without.
pub(crate) async fn install(job: &Job, control: &Control) -> Result<()> {
    let path = check(job)?.to_owned();
    let mut looking = job.clone();
    looking.check_pages = false;
    let source = SourceSide::open(&looking).await?;
    if let Some(migration) = crate::run::begun(job, &source).await? {
        let client = connect(&job.target).await?;
        return match state::read(&client, &migration.id).await? {
            Some(_) => Ok(()),
            None => Err(not_captured()),
        };
    }
    let (plan, source) = source.plan(job, control).await?;
    let schema = capture::schema_of(sqlite_of(&source)?)?;
    let mode: String = sqlite_of(&source)?
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .map_err(crate::error::sqlite("looking at the source"))?;
    if mode != "wal" {
        control.observer().say(&format!(
            "the source is in journal mode {mode}, not WAL: its writers wait while it is read"
        ));
    }
    drop(source);
    blocking(move || capture::install(&path, &plan, &schema)).await
}

fn check(job: &Job) -> Result<&std::path::Path> {
    let usage = |reason: &str| Error::Usage(reason.to_owned());
    let (Some(path), Location::Postgres(_)) = (job.source.path(), &job.target) else {
        return Err(usage("changes are captured from SQLite to PostgreSQL only"));
    };
    if job.layout == Layout::Orcheo {
        return Err(usage(
            "layout orcheo converts its databases as a whole, so changes of their rows cannot be \
             applied: stop the application while it is moved",
        ));
    }
    if job.on_error == OnError::Quarantine {
        return Err(usage(
            "--capture and --on-error quarantine do not go together: a row that was set aside has no \
             place that its changes could be applied to",
        ));
    }
    if job.existing == Existing::Append {
        return Err(usage(
            "--capture and --append do not go together: changes would be applied to rows that are \
             not of this source",
        ));
    }
    Ok(path)
}

/// Reads what is captured in the snapshot of a job that begins.
pub(crate) fn mark(job: &Job, source: &SourceSide, plan: &Plan) -> Result<Option<Mark>> {
    if !job.capture {
        return Ok(None);
    }
    let conn = sqlite_of(source)?;
    capture::check(conn, plan)?;
    capture::mark(conn)
}

/// Tells whether changes are captured for a migration.
pub(crate) async fn is_captured(job: &Job, migration: &Migration) -> Result<bool> {
    if !job.target.is_postgres() {
        return Ok(false);
    }
    let client = connect(&job.target).await?;
    Ok(state::read(&client, &migration.id).await?.is_some())
}

/// Prepares to go on with a copy: its snapshot is another than that of the tables which are copied.
/// A table that changed between is copied anew, so that all of them are as in this one.
pub(crate) async fn go_on(
    job: &Job,
    source: &SourceSide,
    migration: &Migration,
    control: &Control,
) -> Result<()> {
    let mut client = connect(&job.target).await?;
    let before = state::read(&client, &migration.id).await?.ok_or_else(not_captured)?;
    let found = capture::mark(sqlite_of(source)?)?;
    before.check(found.as_ref())?;
    capture::check(sqlite_of(source)?, &migration.plan)?;
    let Some(found) = found.filter(|_| migration.phase < Phase::Loaded) else { return Ok(()) };
    let span = Span { after: before.verified, upto: found.seq };
    let mut anew = Vec::new();
    for place in tables(sqlite_of(source)?, &migration.plan, span)? {
        let Some(table) = migration.plan.tables.get(place) else { continue };
        control
            .observer()
            .say(&format!("table {} changed since it was begun: it is copied anew", table.sqlite));
        anew.push(table.clone());
    }
    state::copy_anew(&mut client, &migration.id, &anew, found.seq).await
}
