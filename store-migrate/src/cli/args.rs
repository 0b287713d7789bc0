//! What can be asked.

use crate::auto::{AutoOptions, Map};
use crate::model::Layout;
use crate::{BatchLimits, Error, Existing, Job, Location, OnError, Result};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::archive::{Export, Import};
use super::sync_args::{Cutover, Sync};

/// Moves databases between SQLite and PostgreSQL, every row verified.
///
/// A database is `sqlite:/path/to/file.db` or `postgres://user@host/database`; add
/// `?options=-csearch_path%3Dname` for a schema other than `public`. The password is taken from the
/// URL.
///
/// The usual order: `plan` (a dry run that writes nothing), `run`, and then start the application
/// with its new settings. `rollback` moves everything back, with what was written since.
///
/// While the application goes on writing: `run --capture`, `sync` as often as wanted, and `cutover`.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 values that cannot be converted, 4 differences
/// between source and target.
#[derive(Debug, Parser)]
#[command(name = "store-migrate", version, propagate_version = true)]
pub(super) struct Args {
    /// Print one JSON report on standard output instead of text
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Show no progress
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read everything, convert each row for real, and write nothing
    ///
    /// Prints tables, rows, bytes, target types and the order of loading, and every value that
    /// would not convert, with its table, key, column and the reason. Exits with 3 if there is any.
    /// Example: `store-migrate plan --from sqlite:app.db --to postgres://app@db/app`
    Plan(Move),
    /// Plan, create the schema, copy, build indexes and constraints, and compare every row
    ///
    /// The source is not changed. Killed at any instant and run again, it goes on behind the last
    /// batch that was committed. Ctrl-C stops after the batch. Once it is done, running it again
    /// compares both sides again.
    /// Example: `store-migrate run --from sqlite:app.db --to postgres://app@db/app`
    Run(Move),
    /// Compare every row of both databases, their constraints, indexes and counters
    ///
    /// Names the table and key of each difference. Exits with 4 if there is any.
    /// Example: `store-migrate validate --from sqlite:app.db --to postgres://app@db/app`
    Validate(Move),
    /// Move a PostgreSQL database to a SQLite file, the same way as `run`
    ///
    /// For going back after a switch: what was written to PostgreSQL since is not lost.
    /// Example: `store-migrate rollback --from postgres://app@db/app --to sqlite:app-back.db`
    Rollback(Move),
    /// Make one SQLite file of the stores from the databases of Orcheo
    ///
    /// Nothing of the sources is changed. Rows that break a rule of the stores are named, and then
    /// nothing is written (exit code 3), unless they are to be set aside. Move the file on with
    /// `run`.
    /// Example: `store-migrate convert --from orcheo.sqlite --from vault.sqlite --to sqlite:app.db`
    Convert(super::convert::Convert),
    /// Write everything into a directory of files, for a host that cannot reach this one
    ///
    /// The files are compressed and for their owner only: credentials and chats are in them. Copy
    /// the whole directory and run `import` there. Nothing is written if a value does not convert.
    /// An export that was interrupted begins anew: the state it read is gone.
    /// Example: `store-migrate export --from sqlite:app.db --out /media/disk/app-archive`
    Export(Export),
    /// Load what `export` wrote, the same way as `run`, and compare every row with the files
    ///
    /// Every file is checked before its rows are used; a missing, additional, damaged or changed one
    /// is refused before anything is written. Killed at any instant and run again, it goes on behind
    /// the last batch that was committed. `validate --from archive:DIR --to …` compares again.
    /// Example: `store-migrate import --in app-archive --to postgres://app@db/app`
    Import(Import),
    /// Apply what changed in the source since `run --capture`
    ///
    /// Changes are applied in rounds, each one transaction, until few are left; each row that is
    /// written is read back and compared. The application goes on writing meanwhile. Killed at any
    /// instant and run again, it goes on. Exits with 4 if a row differs.
    /// Example: `store-migrate sync --from sqlite:app.db --to postgres://app@db/app`
    Sync(Sync),
    /// Stop writes to the source, apply the last changes, compare, and end the capture
    ///
    /// First changes are applied and every row is compared while the application writes. Then the
    /// write lock of the source is taken: who writes waits, and may find the database busy. The last
    /// changes are applied and compared, and the triggers removed. Prints the settings to change and
    /// for how long writes were stopped. On a failure or a difference (exit code 4) the lock is given
    /// back and the source is what it was.
    /// Example: `store-migrate cutover --from sqlite:app.db --to postgres://app@db/app --retire-source`
    Cutover(Cutover),
    /// Put the steps of run history into monthly partitions, while applications use them
    ///
    /// Nothing is copied: the table that is there becomes the first partition. New keys are built
    /// beside the old ones first, which takes as long as indexes take; then the table is locked for
    /// some milliseconds, and appends wait. Interrupted and run again, it goes on. Where steps are
    /// partitioned already, the partitions of the next months are made: run it once a week, unless
    /// the application calls `maintain`.
    /// Example: `store-migrate partition-history --to postgres://owner@db/app --dry-run`
    PartitionHistory(super::partition::PartitionHistory),
    /// Make the tables of every store, or bring them up to date
    ///
    /// Without --to, the variables of the application say where each store is: `STORE_BACKEND`,
    /// `STORE_POSTGRES_DSN`, `STORE_SQLITE_PATH` and so on; it goes over `STORE_MIGRATOR_DSN` if that
    /// is set. Run it before an application that has `STORE_AUTO_MIGRATE=off`. Any number of processes
    /// may run it at once, and running it again changes nothing.
    /// Example: `STORE_POSTGRES_DSN=postgres://migrator@db/app store-migrate schema`
    Schema(Schema),
    /// Show the migrations into a database, and how far each is
    Status(Target),
    /// Remove the bookkeeping of finished migrations from a target, or the triggers from a source
    Clean {
        /// Where.
        #[command(flatten)]
        databases: Clean,
        /// Remove that of unfinished migrations as well: they cannot be gone on with then
        #[arg(long, requires = "to")]
        force: bool,
    },
}

/// What is moved, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Move {
    /// The database that is read
    #[arg(long, value_name = "DATABASE")]
    from: Location,
    /// The database that is written
    #[arg(long, value_name = "DATABASE")]
    to: Location,
    /// What kind of databases they are
    #[arg(long, value_enum, default_value = "stores")]
    layout: Layout,
    /// What to do with rows that have a value which does not convert
    #[arg(long, value_enum, default_value = "stop", value_name = "WHAT")]
    on_error: WhatOnError,
    /// Add to the rows that the tables of the target have already
    #[arg(long, conflicts_with = "replace")]
    append: bool,
    /// Delete the rows that the tables of the target have already
    #[arg(long)]
    replace: bool,
    /// Make foreign keys even if rows of the source break them, as NOT VALID
    #[arg(long)]
    keep_orphans: bool,
    #[command(flatten)]
    auto: Auto,
    /// How many connections load into PostgreSQL
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    loaders: u8,
    /// Put triggers into a SQLite source first, which record what changes from then on, for `sync`
    /// and `cutover`
    #[arg(long, conflicts_with = "append")]
    capture: bool,
    /// How many rows are committed at once, at most
    #[arg(long, default_value_t = 50_000, value_name = "ROWS",
        value_parser = clap::value_parser!(u64).range(1..))]
    batch_rows: u64,
    /// About how many bytes are committed at once, at most
    #[arg(long, default_value_t = 8 << 20, value_name = "BYTES",
        value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    batch_bytes: u64,
    /// Do not look for damaged pages of a SQLite source first
    #[arg(long)]
    skip_page_check: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WhatOnError {
    /// Stop before anything is written
    Stop,
    /// Set the row aside, into the table `_migrate_quarantine` of the target
    Quarantine,
}

impl Move {
    /// Returns it as a job.
    pub(super) fn job(self) -> Result<Job> {
        let mut job = Job::new(self.from, self.to, self.layout)?;
        job.on_error = match self.on_error {
            WhatOnError::Stop => OnError::Stop,
            WhatOnError::Quarantine => OnError::Quarantine,
        };
        job.existing = match (self.append, self.replace) {
            (true, _) => Existing::Append,
            (_, true) => Existing::Replace,
            _ => Existing::Refuse,
        };
        job.keep_orphans = self.keep_orphans;
        job.auto = self.auto.options()?;
        job.loaders = usize::from(self.loaders);
        job.capture = self.capture;
        job.batch = BatchLimits { rows: self.batch_rows, bytes: self.batch_bytes };
        job.check_pages = !self.skip_page_check;
        Ok(job)
    }
}

/// What is decided about the layout `auto`.
#[derive(Debug, clap::Args)]
pub(super) struct Auto {
    /// With layout auto: take text columns named *_at or *_json for instants and JSON, if all of
    /// their values are
    #[arg(long)]
    infer: bool,
    /// With layout auto: keep declared lengths and precisions
    #[arg(long)]
    keep_lengths: bool,
    /// With layout auto: a TOML file that says what tables and columns become
    ///
    /// `[tables.NAME]` with `to = "other_name"` or `skip = true`; `[tables.NAME.columns.COLUMN]` with
    /// `to = "other_name"` or `type = "timestamptz"`
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
}

impl Auto {
    /// Returns it as options, the map file read.
    pub(super) fn options(self) -> Result<AutoOptions> {
        let map = match self.map {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|source| Error::File { path, source })?;
                Some(Map::parse(&text)?)
            }
        };
        Ok(AutoOptions { infer: self.infer, keep_lengths: self.keep_lengths, map })
    }
}

/// Whose tables are made.
#[derive(Debug, clap::Args)]
pub(super) struct Schema {
    /// The database of all stores, whatever the variables say
    #[arg(long, value_name = "DATABASE")]
    pub(super) to: Option<Location>,
    /// Change nothing: exit with 1 if a migration is pending
    #[arg(long)]
    pub(super) check: bool,
}

/// A database that has the bookkeeping of migrations.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The database that was written
    #[arg(long, value_name = "DATABASE")]
    pub(super) to: Location,
}

/// What is removed.
#[derive(Debug, clap::Args)]
#[group(id = "databases", required = true, multiple = true)]
pub(super) struct Clean {
    /// The database that was written: its bookkeeping is removed
    #[arg(long, value_name = "DATABASE")]
    pub(super) to: Option<Location>,
    /// The SQLite database that was read: the triggers and the table that captured its changes are
    /// removed, or the triggers that refuse writes since a cutover
    #[arg(long, value_name = "DATABASE")]
    pub(super) from: Option<Location>,
}
