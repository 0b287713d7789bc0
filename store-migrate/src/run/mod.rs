//! Whole migrations: plan, prepare, load, build, compare.

mod around;
mod plan;
mod postgres;
mod sqlite;
mod validate;

use std::time::Instant;

use crate::archive::IDENTITY;
use crate::control::Control;
use crate::copy::OnError;
use crate::hash::TableSum;
use crate::job::{Existing, Job};
use crate::model::{Plan, Table};
use crate::opened::{Opened, SourceSide, blocking};
use crate::report::{PlanReport, RunReport, Validation};
use crate::state::{Migration, Phase};
use crate::{Error, Location, Result, sync};

pub(crate) use around::around;
pub(crate) use plan::dry_run;
pub use plan::plan;
pub(crate) use validate::compare;
pub use validate::validate;

/// What a run did so far.
#[derive(Debug, Default)]
struct Done {
    rows: u64,
    bytes: u64,
    not_valid: Vec<String>,
    durations: Vec<(String, f64)>,
}

impl Done {
    /// Notes how long something took.
    fn took(&mut self, phase: &str, since: Instant) {
        self.durations.push((phase.to_owned(), since.elapsed().as_secs_f64()));
    }
}

/// Moves everything and compares both sides; goes on with what was begun before.
///
/// The source is read in one snapshot and not changed; others may write to it. A batch and the note
/// that it was copied are one transaction of the target: killed at any instant and called again, it
/// ends with the same rows. What was validated before is compared again.
///
/// # Errors
/// `Unconvertible` before anything is written; `Refused` when the target has rows, belongs to
/// another migration, or a database is not what it should be; `Stopped`; what a database says.
/// Differences are not an error: the report has them.
pub async fn run(job: &Job, control: &Control) -> Result<RunReport> {
    // On the heap: it holds a whole migration.
    Box::pin(migrate(job, control)).await
}

async fn migrate(job: &Job, control: &Control) -> Result<RunReport> {
    let started = Instant::now();
    if job.capture {
        sync::install(job, control).await?;
    }
    let mut source = SourceSide::open(job).await?;
    let _watch = sync::Watch::begin(&job.source, control);
    let before = begun(job, &source).await?.filter(|one| !is_to_be_replaced(job, one));
    let mut done = Done::default();
    let resumed = before.is_some();
    if let Some(migration) = &before
        && sync::is_captured(job, migration).await?
    {
        sync::go_on(job, &source, migration, control).await?;
    }
    let (report, migration) = match before {
        Some(migration) => (plan::described(job, &migration.plan), migration),
        None => {
            let (planned, read) = source.plan(job, control).await?;
            source = read;
            let (report, read) = plan::dry_run(job, source, planned, control).await?;
            source = read;
            done.took("plan", started);
            if report.problem_count > 0 && job.on_error == OnError::Stop {
                return Err(Error::Unconvertible(Box::new(report)));
            }
            let mark = sync::mark(job, &source, &report.plan)?;
            let migration = prepare(job, &source, report.plan.clone(), mark.as_ref()).await?;
            (report, migration)
        }
    };
    let (mut source, done) = match &job.target {
        Location::Postgres(_) => postgres::load(job, source, &migration, done, control).await?,
        Location::Sqlite(_) => sqlite::load(job, source, &migration, done, control).await?,
        Location::Archive(_) => return Err(not_a_target(job)),
    };
    // What was loaded by an earlier run is as it was then.
    if resumed && sync::is_captured(job, &migration).await? {
        (source, _) = sync::round(job, &migration, source, control).await?;
    }
    finish(job, source, (report, migration, resumed), done, control).await
}

/// Tells whether a migration that is done is to be done again; one that is not done is gone on with.
fn is_to_be_replaced(job: &Job, migration: &Migration) -> bool {
    job.existing == Existing::Replace && migration.phase == Phase::Validated
}

/// Compares both sides and reports.
async fn finish(
    job: &Job,
    source: SourceSide,
    (plan, migration, resumed): (PlanReport, Migration, bool),
    mut done: Done,
    control: &Control,
) -> Result<RunReport> {
    let started = Instant::now();
    let (validation, quarantined, _source) =
        validate::compare(job, source, &migration, control).await?;
    done.took("validate", started);
    if validation.difference_count == 0 {
        note_phase(job, &migration.id, Phase::Validated).await?;
    }
    Ok(report(plan, &migration, resumed, done, quarantined, validation))
}

fn report(
    plan: PlanReport,
    migration: &Migration,
    resumed: bool,
    done: Done,
    quarantined: u64,
    validation: Validation,
) -> RunReport {
    RunReport {
        plan,
        migration: migration.id.clone(),
        resumed,
        rows: done.rows,
        bytes: done.bytes,
        quarantined,
        not_valid: done.not_valid,
        durations: done.durations,
        validation,
    }
}

/// Returns the migration of this job if it was begun.
///
/// # Errors
/// `Refused` when the state in the target is that of another database.
pub(crate) async fn begun(job: &Job, source: &SourceSide) -> Result<Option<Migration>> {
    let found = match &job.target {
        Location::Postgres(_) => postgres::migrations(&job.target).await?,
        Location::Sqlite(path) => sqlite::migrations(path.clone()).await?,
        Location::Archive(_) => return Err(not_a_target(job)),
    };
    let Some((identity, migrations)) = found else { return Ok(None) };
    for migration in migrations {
        if migration.target != identity {
            return Err(Error::refused(format!(
                "the target has the state of a migration into {}, but is {identity}: it was copied \
                 or moved. Drop its tables _migrate_* to begin anew",
                migration.target
            )));
        }
        if migration.id == Migration::id_of(&source.identity, &identity, job.layout) {
            return Ok(Some(migration));
        }
        // The tables of the target are without their indexes: they are to be finished first.
        if source.identity.starts_with(IDENTITY) && migration.phase < Phase::Validated {
            return Err(Error::refused(format!(
                "the target has an unfinished migration from {}, and this is {}: finish that one \
                 with its own command first, or begin with a target that is empty",
                migration.source, source.identity
            )));
        }
    }
    Ok(None)
}

async fn prepare(
    job: &Job,
    source: &SourceSide,
    mut plan: Plan,
    mark: Option<&sync::Mark>,
) -> Result<Migration> {
    if job.layout != crate::model::Layout::Auto {
        crate::layout::stores::create(&source.stores, &job.target).await?;
    }
    // Where the layout `auto` makes the tables, there are none yet.
    if job.existing == Existing::Append && job.layout != crate::model::Layout::Auto {
        plan.kept = kept(job, plan.tables.clone()).await?;
    }
    match &job.target {
        Location::Postgres(_) => postgres::prepare(job, &source.identity, plan, mark).await,
        Location::Sqlite(_) => sqlite::prepare(job, &source.identity, plan).await,
        Location::Archive(_) => Err(not_a_target(job)),
    }
}

/// Sums the rows that are in the target before others are appended to them.
async fn kept(job: &Job, tables: Vec<Table>) -> Result<Vec<TableSum>> {
    let mut target = Opened::begin(&job.target, false).await?;
    let sum = move || {
        let tables = tables.iter();
        tables.map(|one| crate::validate::sum(target.source(), one, &Control::default())).collect()
    };
    blocking(sum).await
}

pub(crate) async fn note_phase(job: &Job, id: &str, phase: Phase) -> Result<()> {
    match &job.target {
        Location::Postgres(_) => postgres::note_phase(&job.target, id, phase).await,
        Location::Sqlite(path) => sqlite::note_phase(path.clone(), id.to_owned(), phase).await,
        Location::Archive(_) => Err(not_a_target(job)),
    }
}

fn not_a_target(job: &Job) -> Error {
    Error::Usage(format!("{} is an archive: `store-migrate export` writes one", job.target))
}
