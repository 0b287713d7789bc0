//! `store-migrate convert`: databases of Orcheo become one SQLite file of the stores.

use std::path::PathBuf;

use store_core::seal::KeyRing;
use store_core::{Clock as _, OwnerId, SystemClock};

use crate::orcheo::{ConvertOptions, ConvertReport, Source, convert};
use crate::{Error, Location, Result};

/// What is converted, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Convert {
    /// A database that Orcheo wrote: one of its SQLite files, or its PostgreSQL schema. Once for each
    #[arg(long, value_name = "DATABASE", required = true)]
    from: Vec<Location>,
    /// The SQLite file to make; `run` moves it on from there
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    to: Option<Location>,
    /// Convert each row for real, report, and leave nothing behind
    #[arg(long, conflicts_with = "to")]
    dry_run: bool,
    /// Whose the chat threads become: Orcheo knows no owners
    #[arg(long, value_name = "OWNER", default_value = "orcheo")]
    chat_owner: String,
    /// A file with the passphrase of Orcheo's vault (its `ORCHEO_VAULT_ENCRYPTION_KEY`); needed when
    /// there are credentials
    #[arg(long, value_name = "FILE")]
    old_vault_key_file: Option<PathBuf>,
    /// A file with the keys of the new vault, as `STORE_VAULT_KEY_FILE` has them; credentials are
    /// sealed anew under the first
    #[arg(long, value_name = "FILE")]
    vault_key_file: Option<PathBuf>,
    /// Put a job into the queue for every run that is pending
    #[arg(long)]
    enqueue_pending: bool,
    /// Set rows that break a rule of the stores aside, into `_migrate_quarantine`, instead of writing
    /// nothing
    #[arg(long)]
    quarantine: bool,
}

impl Convert {
    /// Converts, and returns what was done.
    pub(super) async fn run(self) -> Result<ConvertReport> {
        let options = self.options()?;
        let mut sources = Vec::with_capacity(self.from.len());
        for location in &self.from {
            sources.push(match location {
                Location::Sqlite(path) => Source::Sqlite(path.clone()),
                Location::Postgres(_) => Source::Postgres {
                    client: Box::new(crate::postgres::connect(location).await?),
                    name: location.to_string(),
                },
                Location::Archive(_) => {
                    return Err(Error::Usage(format!("{location} is no database of Orcheo")));
                }
            });
        }
        let Some(to) = self.to else {
            let dir = tempfile::tempdir().map_err(crate::error::file("a temporary directory"))?;
            return convert(sources, &dir.path().join("converted.db"), &options).await;
        };
        let path = to.path().ok_or_else(|| {
            Error::Usage(format!(
                "{to}: Orcheo's databases become a SQLite file first, which `run` moves on"
            ))
        })?;
        convert(sources, path, &options).await
    }

    fn options(&self) -> Result<ConvertOptions> {
        let mut options =
            ConvertOptions::new(OwnerId::new(self.chat_owner.as_str())?, SystemClock.now());
        options.quarantine = self.quarantine;
        options.enqueue_pending = self.enqueue_pending;
        if let Some(path) = &self.old_vault_key_file {
            let text = std::fs::read_to_string(path).map_err(crate::error::file(path))?;
            options.old_vault_key = Some(text.trim_end_matches(['\r', '\n']).to_owned().into());
        }
        if let Some(path) = &self.vault_key_file {
            options.keys = Some(KeyRing::from_file(path)?.into());
        }
        Ok(options)
    }
}

/// Describes a conversion for people.
pub(super) fn text(report: &ConvertReport) -> String {
    let mut text = format!("{:30} {:>10} {:>10} {:>10}\n", "table", "read", "written", "refused");
    for table in &report.tables {
        let (name, read) = (table.table, table.read);
        text += &format!("{name:30} {read:>10} {:>10} {:>10}\n", table.written, table.refused);
    }
    for one in &report.unmapped {
        let column = one.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
        text += &format!("left out: {}{column} ({} rows): {}\n", one.table, one.rows, one.reason);
    }
    for id in &report.changed_ids {
        text += &format!("new id: {} {} is {}\n", id.table, id.from, id.to);
    }
    for note in &report.notes {
        text += &format!("note: {} ({} rows)\n", note.what, note.rows);
    }
    for problem in &report.problems {
        let (table, key) = (problem.table, &problem.key);
        text += &format!("refused: {table} {key}, {}: {}\n", problem.column, problem.reason);
    }
    if report.written {
        text + "converted\n"
    } else {
        text + &format!("{} problem(s), nothing was written\n", report.problem_count)
    }
}
