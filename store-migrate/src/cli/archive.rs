//! The commands for archives.

use std::path::PathBuf;

use super::args::Auto;
use super::output::Output;
use crate::model::Layout;
use crate::{Control, Existing, Job, Location, Result};

/// What is exported.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The database that is read
    #[arg(long, value_name = "DATABASE")]
    from: Location,
    /// The directory that is written; it must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What kind of database it is
    #[arg(long, value_enum, default_value = "stores")]
    layout: Layout,
    /// Write rows that refer to rows which are not there as well; `import` needs the same option
    #[arg(long)]
    keep_orphans: bool,
    #[command(flatten)]
    auto: Auto,
    /// Do not look for damaged pages of a SQLite source first
    #[arg(long)]
    skip_page_check: bool,
}

/// What is imported.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The directory that an export wrote
    #[arg(long = "in", value_name = "DIR")]
    directory: PathBuf,
    /// The database that is written
    #[arg(long, value_name = "DATABASE")]
    to: Location,
    /// Add to the rows that the tables of the target have already
    #[arg(long, conflicts_with = "replace")]
    append: bool,
    /// Delete the rows that the tables of the target have already
    #[arg(long)]
    replace: bool,
    /// Make foreign keys even if rows of the archive break them, as NOT VALID
    #[arg(long)]
    keep_orphans: bool,
    /// How many connections load into PostgreSQL
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    loaders: u8,
}

/// Writes an archive and reports.
pub(super) async fn export(args: Export, control: &Control, output: &Output) -> Result<u8> {
    let mut job = Job::export(args.from, args.out, args.layout)?;
    job.keep_orphans = args.keep_orphans;
    job.auto = args.auto.options()?;
    job.check_pages = !args.skip_page_check;
    output.exported(&crate::export(&job, control).await?);
    Ok(0)
}

/// Loads an archive and reports.
pub(super) async fn import(args: Import, control: &Control, output: &Output) -> Result<u8> {
    let mut job = Job::import(args.directory, args.to)?;
    job.existing = match (args.append, args.replace) {
        (true, _) => Existing::Append,
        (_, true) => Existing::Replace,
        _ => Existing::Refuse,
    };
    job.keep_orphans = args.keep_orphans;
    job.loaders = usize::from(args.loaders);
    let report = crate::run(&job, control).await?;
    output.run(&report);
    Ok(if report.validation.difference_count > 0 { 4 } else { 0 })
}
