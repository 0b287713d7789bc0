//! The tables of every store, made or brought up to date.

use serde::Serialize;
use store_core::{Backend, Databases, MigrationStatus, Settings, Subsystem};

use crate::layout::stores::{self, Store};
use crate::location::settings;
use crate::{Error, Location, Result};

/// How the tables of a store are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaReport {
    /// The store, by the name of its crate.
    pub store: String,
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
    /// The migrations that were applied now.
    pub applied: Vec<String>,
    /// The migrations that are still to be applied: none, unless it was only looked.
    pub pending: Vec<String>,
}

/// Applies the pending migrations of every store, or only tells which they are.
///
/// With a location every store is in that database; without one each is where the `STORE_` variables
/// of the process say, and it goes over `STORE_MIGRATOR_DSN` if that is set. Any number of processes
/// may do this at once, and doing it again changes nothing.
///
/// # Errors
/// `Store` for settings that are not understood, a schema that is newer than this tool, and failures
/// of the database; `Refused` for settings that keep nothing, and when it is only looked for a file
/// that is not there.
pub async fn schemas(to: Option<&Location>, only_look: bool) -> Result<Vec<SchemaReport>> {
    let settings = to.map_or_else(|| Ok(Settings::from_env()?), settings)?;
    schemas_of(settings, only_look).await
}

/// Does the same where the settings say.
///
/// # Errors
/// Those of [`schemas`].
pub async fn schemas_of(settings: Settings, only_look: bool) -> Result<Vec<SchemaReport>> {
    let databases = Databases::new(settings);
    let mut reports = Vec::new();
    for store in stores::all() {
        reports.push(schema(&databases, store, only_look).await?);
    }
    Ok(reports)
}

async fn schema(databases: &Databases, store: &Store, only_look: bool) -> Result<SchemaReport> {
    let subsystem = subsystem(store)?;
    let (sqlite, postgres) = store.schemas();
    let (backend, applied, MigrationStatus { pending, .. }) = match databases.backend(subsystem) {
        Backend::Memory => {
            return Err(Error::refused(format!(
                "{subsystem} is kept in memory: there is no database to make its tables in"
            )));
        }
        Backend::Sqlite => {
            let path = databases.settings().sqlite_path(subsystem);
            if only_look && !path.exists() {
                let path = path.display();
                return Err(Error::refused(format!("{path} is not there: nothing was made")));
            }
            let db = databases.sqlite(subsystem).await?;
            let applied = if only_look { Vec::new() } else { db.migrate(sqlite).await? };
            ("sqlite", applied, db.migration_status(sqlite).await?)
        }
        Backend::Postgres => {
            let db = databases.postgres().await?;
            let applied = if only_look { Vec::new() } else { db.migrate(postgres).await? };
            ("postgres", applied, db.migration_status(postgres).await?)
        }
    };
    Ok(SchemaReport { store: store.name().to_owned(), backend, applied, pending })
}

/// The subsystem whose settings say where a store is.
fn subsystem(store: &Store) -> Result<Subsystem> {
    let name = store.name();
    let is_it = |subsystem: &Subsystem| name.strip_prefix("store-") == Some(subsystem.as_str());
    let found = Subsystem::ALL.into_iter().find(is_it);
    found.ok_or_else(|| Error::refused(format!("{name} has no settings")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_has_its_settings() {
        for store in stores::all() {
            assert!(store.name().ends_with(subsystem(store).unwrap().as_str()));
        }
    }
}
