//! What is to be moved, and how.

use std::path::PathBuf;

use crate::archive::Archive;
use crate::auto::AutoOptions;
use crate::copy::{BatchLimits, OnError};
use crate::model::Layout;
use crate::{Error, Location, Result};

/// What is done about rows that are already in tables of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Nothing is written.
    #[default]
    Refuse,
    /// They stay, and the rows of the source are added.
    Append,
    /// They are deleted first.
    Replace,
}

/// A migration from one database into another.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Job {
    /// What is read. It is not changed, but for the triggers of `capture`.
    pub source: Location,
    /// What is written.
    pub target: Location,
    /// What kind of databases these are.
    pub layout: Layout,
    /// What is done with rows that do not convert.
    pub on_error: OnError,
    /// What is done about rows that are already there.
    pub existing: Existing,
    /// Whether foreign keys that rows of the source break are made all the same, `NOT VALID`.
    pub keep_orphans: bool,
    /// How many connections load into PostgreSQL.
    pub loaders: usize,
    /// Whether triggers are put into the source first, which record what changes from then on, for
    /// [`sync`](crate::sync) and [`cutover`](crate::cutover).
    pub capture: bool,
    /// How much is committed at once.
    pub batch: BatchLimits,
    /// Whether the source is looked through for damaged pages first.
    pub check_pages: bool,
    /// What is decided about the layout `auto`.
    pub auto: AutoOptions,
}

impl Job {
    /// Describes a migration with the defaults.
    ///
    /// # Errors
    /// `Usage` when the databases are of the same kind or those of Orcheo, or the target is an
    /// archive.
    pub fn new(source: Location, target: Location, layout: Layout) -> Result<Self> {
        refuse_orcheo(layout)?;
        if let Location::Archive(_) = target {
            return Err(Error::Usage(format!(
                "{target} is an archive: `store-migrate export` writes one"
            )));
        }
        let from_archive = matches!(source, Location::Archive(_));
        if !from_archive && source.is_postgres() == target.is_postgres() {
            return Err(Error::Usage(format!(
                "{source} and {target} are of the same kind: one has to be SQLite, the other \
                 PostgreSQL"
            )));
        }
        Ok(Self::between(source, target, layout))
    }

    /// Describes an export into a directory.
    ///
    /// # Errors
    /// `Usage` when the source is an archive itself, or a database of Orcheo.
    pub fn export(source: Location, directory: PathBuf, layout: Layout) -> Result<Self> {
        refuse_orcheo(layout)?;
        if let Location::Archive(_) = source {
            return Err(Error::Usage(format!("{source} is an archive already: copy its files")));
        }
        Ok(Self::between(source, Location::Archive(directory), layout))
    }

    /// Describes an import of a directory that an export wrote, which says what layout it has.
    ///
    /// # Errors
    /// `Refused` when it is no whole archive; those of [`Job::new`].
    pub fn import(directory: PathBuf, target: Location) -> Result<Self> {
        let layout = Archive::open(&directory)?.layout();
        Self::new(Location::Archive(directory), target, layout)
    }

    fn between(source: Location, target: Location, layout: Layout) -> Self {
        Self {
            source,
            target,
            layout,
            on_error: OnError::Stop,
            existing: Existing::Refuse,
            keep_orphans: false,
            loaders: 2,
            capture: false,
            batch: BatchLimits::default(),
            check_pages: true,
            auto: AutoOptions::default(),
        }
    }
}

fn refuse_orcheo(layout: Layout) -> Result<()> {
    match layout {
        Layout::Stores | Layout::Auto => Ok(()),
        Layout::Orcheo => Err(Error::Usage(
            "databases of Orcheo become a SQLite file of the stores first, by `store-migrate \
             convert`; move that with layout `stores`"
                .to_owned(),
        )),
    }
}
