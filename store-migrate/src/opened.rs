//! A source that is open, in one snapshot.

use std::path::Path;

use rusqlite::Connection;

use crate::archive::Archive;
use crate::auto::{self, AutoOptions};
use crate::control::Control;
use crate::error::file;
use crate::job::Job;
use crate::layout;
use crate::layout::stores::{self, Store};
use crate::model::{Layout, Plan, Sequence};
use crate::report::Problem;
use crate::scan::Source;
use crate::state::layout_word;
use crate::value::Unconvertible;
use crate::{Error, Location, Result, postgres, sqlite};

/// How many orphans can be set aside.
const MOST_ORPHANS: usize = 100_000;

/// A snapshot of either engine, or an archive.
pub(crate) enum Opened {
    Sqlite(sqlite::Snapshot),
    Postgres(postgres::Snapshot),
    Archive(Archive),
}

/// A source, what identifies it, and what it has.
pub(crate) struct SourceSide {
    /// Values that break what the plan keeps beside types: lengths that were declared.
    pub(crate) problems: (u64, Vec<Problem>),
    pub(crate) opened: Opened,
    pub(crate) identity: String,
    pub(crate) stores: Vec<&'static Store>,
}

impl Opened {
    /// Begins to read a database.
    pub(crate) async fn begin(location: &Location, check_pages: bool) -> Result<Self> {
        match location {
            Location::Postgres(_) => postgres::Snapshot::begin(location).await.map(Self::Postgres),
            Location::Archive(path) => {
                let path = path.clone();
                blocking(move || Archive::open(&path).map(Self::Archive)).await
            }
            Location::Sqlite(path) => {
                let path = path.clone();
                blocking(move || {
                    let conn = sqlite::open_source(&path)?;
                    let snapshot = sqlite::Snapshot::begin(conn)?;
                    if check_pages {
                        sqlite::check_pages(snapshot.conn())?;
                    }
                    Ok(Self::Sqlite(snapshot))
                })
                .await
            }
        }
    }

    /// Returns it as what rows are read from.
    pub(crate) fn source(&mut self) -> &mut (dyn Source + Send) {
        match self {
            Self::Sqlite(snapshot) => snapshot,
            Self::Postgres(snapshot) => snapshot,
            Self::Archive(archive) => archive,
        }
    }

    /// Returns what counters stand at, in the order of the plan.
    pub(crate) async fn counters(&mut self, plan: &Plan) -> Result<Vec<(Sequence, Option<i64>)>> {
        let mut found = Vec::with_capacity(plan.sequences.len());
        for sequence in &plan.sequences {
            let Some(table) = plan.tables.get(sequence.table) else { continue };
            let Some(column) = table.columns.get(sequence.column) else { continue };
            let counter = match self {
                Self::Archive(archive) => archive.counter(sequence),
                Self::Sqlite(snapshot) => sqlite::counter(snapshot.conn(), &table.sqlite)?,
                Self::Postgres(snapshot) => {
                    postgres::counter(snapshot.client(), &table.postgres, &column.postgres).await?
                }
            };
            found.push((sequence.clone(), counter));
        }
        Ok(found)
    }
}

impl SourceSide {
    /// Opens the source of a job.
    pub(crate) async fn open(job: &Job) -> Result<Self> {
        let mut opened = Opened::begin(&job.source, job.check_pages).await?;
        if !job.keep_orphans
            && let Opened::Sqlite(mut snapshot) = opened
        {
            opened = blocking(move || {
                let aside = orphans(&snapshot)?;
                snapshot.set_aside(aside);
                Ok(Opened::Sqlite(snapshot))
            })
            .await?;
        }
        let identity = match (&job.source, &mut opened) {
            (_, Opened::Archive(archive)) => archive.identity(),
            (Location::Sqlite(path), _) => identity_of(path)?,
            (Location::Postgres(_), Opened::Postgres(snapshot)) => {
                postgres::identity(snapshot.client()).await?
            }
            (Location::Postgres(_) | Location::Archive(_), _) => String::new(),
        };
        let stores = match (job.layout, &mut opened) {
            (layout, Opened::Archive(archive)) => {
                if layout != archive.layout() {
                    return Err(Error::refused(format!(
                        "the archive has the layout {}: name it with --layout",
                        layout_word(archive.layout())
                    )));
                }
                archive.stores(&job.target)?
            }
            (Layout::Stores | Layout::Orcheo, Opened::Sqlite(snapshot)) => {
                stores::on_sqlite(snapshot.conn())?
            }
            (Layout::Stores | Layout::Orcheo, Opened::Postgres(snapshot)) => {
                stores::on_postgres(snapshot.client()).await?
            }
            (Layout::Auto, _) => Vec::new(),
        };
        Ok(Self { opened, identity, stores, problems: (0, Vec::new()) })
    }

    /// Plans what is moved.
    pub(crate) async fn plan(self, job: &Job, control: &Control) -> Result<(Plan, Self)> {
        if let Opened::Archive(archive) = &self.opened {
            let plan = archive.plan().clone();
            return Ok((plan, self));
        }
        if job.layout != Layout::Auto {
            return Ok((stores::plan(&self.stores), self));
        }
        match self.opened {
            Opened::Sqlite(_) => {
                let (options, control) = (job.auto.clone(), control.clone());
                blocking(move || self.plan_any(&options, &control)).await
            }
            Opened::Archive(_) => Err(Error::refused("an archive has its plan")),
            Opened::Postgres(snapshot) => {
                let plan = layout::way_back(snapshot.client()).await?;
                Ok((plan, Self { opened: Opened::Postgres(snapshot), ..self }))
            }
        }
    }

    /// Reads a SQLite database for what its columns can become.
    fn plan_any(mut self, options: &AutoOptions, control: &Control) -> Result<(Plan, Self)> {
        let Opened::Sqlite(snapshot) = &self.opened else {
            return Err(Error::refused("the source is not a SQLite file"));
        };
        control.observer().phase("look at types", None);
        let mut told = (String::new(), 0);
        let planned = auto::plan(snapshot.conn(), options, &mut |progress| {
            control.check()?;
            let before = if told.0 == progress.table { told.1 } else { 0 };
            let rows = progress.rows.saturating_sub(before);
            control.observer().advance(progress.table, rows, 0);
            told = (progress.table.to_owned(), progress.rows);
            Ok(())
        })?;
        let mut plan = planned.plan;
        plan.origin = auto::sqlite_schema(snapshot.conn())?;
        self.problems = (planned.problem_count, planned.problems);
        Ok((plan, self))
    }
}

/// Finds the rows of a source that refer to rows which are not there.
fn orphans(snapshot: &sqlite::Snapshot) -> Result<sqlite::Aside> {
    let found = auto::orphans(snapshot.conn(), MOST_ORPHANS)?;
    let most = u64::try_from(MOST_ORPHANS).unwrap_or(u64::MAX);
    let numbered = found.found.iter().all(|orphan| orphan.rowid.is_some());
    if found.count > most || !numbered {
        return Err(Error::refused(format!(
            "{} row(s) refer to rows that are not there, {}: repair them, or use --keep-orphans, \
             which makes their foreign keys NOT VALID",
            found.count,
            if numbered {
                "too many to be set aside"
            } else {
                "some in tables without row numbers"
            }
        )));
    }
    let mut aside = sqlite::Aside::new();
    for orphan in found.found {
        let (Some(rowid), Some(column)) = (orphan.rowid, orphan.columns.first()) else { continue };
        let reason = Unconvertible::new(format!(
            "refers to a row of {} that is not there; --keep-orphans makes the foreign key NOT VALID",
            orphan.parent
        ));
        aside.entry(orphan.table).or_default().insert(rowid, (column.clone(), reason));
    }
    Ok(aside)
}

/// Returns what identifies a file: where it is, whatever it is called by.
pub(crate) fn identity_of(path: &Path) -> Result<String> {
    let canonical = path.canonicalize().map_err(file(path))?;
    Ok(format!("sqlite:{}", canonical.display()))
}

/// Runs what may block in a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::refused(format!("a thread of the migration ended: {error}"))),
    }
}

/// Looks into a file that may be there.
pub(crate) fn existing(path: &Path) -> Result<Option<Connection>> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() > 0 => sqlite::open_target(path).map(Some),
        Ok(_empty) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file(path)(error)),
    }
}
