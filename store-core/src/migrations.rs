//! The schema of one crate: its migrations, their checksums, and what a journal says about them.
//!
//! Each crate keeps a journal table of its own, because migrations of two crates in one journal
//! collide silently when their versions are equal.

use std::collections::BTreeMap;

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::EmbeddedMigrations;

use crate::health::MigrationStatus;
use crate::{Error, MigrationError, Result};

/// The schema of one crate on one backend.
#[expect(missing_debug_implementations, reason = "EmbeddedMigrations is not Debug")]
pub struct Schema {
    /// The crate the tables belong to, such as `store-history`.
    pub crate_name: &'static str,
    /// The journal table, such as `store_history_migrations`.
    pub journal: &'static str,
    /// The directory of `migrations.lock` that counts here: `sqlite` or `postgres`.
    pub backend: &'static str,
    /// The migrations.
    pub migrations: EmbeddedMigrations,
    /// The text of `migrations/migrations.lock`: lines of `<backend>/<name> <SHA-256>`.
    pub checksums: &'static str,
}

/// A row of a journal.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) checksum: String,
}

/// A migration of the code with its checksum.
pub(crate) struct Known<DB: Backend> {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) migration: Box<dyn Migration<DB>>,
}

#[cfg(feature = "postgres")]
impl<DB: Backend> Known<DB> {
    /// Tells whether it runs in a transaction; `metadata.toml` says when it must not.
    pub(crate) fn is_transactional(&self) -> bool {
        self.migration.metadata().run_in_transaction()
    }
}

impl Schema {
    /// Returns the migrations of the code in order of version.
    pub(crate) fn known<DB: Backend>(&self) -> Result<Vec<Known<DB>>>
    where
        EmbeddedMigrations: MigrationSource<DB>,
    {
        let failed = |name: String, message: String| Error::Migration {
            crate_name: self.crate_name,
            reason: MigrationError::Failed { name, message },
        };
        let checksums = self.locked_checksums();
        let mut known = MigrationSource::<DB>::migrations(&self.migrations)
            .map_err(|cause| failed("the embedded migrations".into(), cause.to_string()))?
            .into_iter()
            .map(|migration| {
                let name = migration.name().to_string();
                let checksum = checksums.get(name.as_str()).ok_or_else(|| {
                    failed(name.clone(), "migrations.lock has no checksum for it".into())
                })?;
                Ok(Known {
                    version: migration.name().version().to_string(),
                    checksum: (*checksum).to_owned(),
                    name,
                    migration,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        known.sort_by(|a, b| a.version.cmp(&b.version));
        Ok(known)
    }

    fn locked_checksums(&self) -> BTreeMap<&'static str, &'static str> {
        self.checksums
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(path, sum)| path.split_once('/').map(|(dir, name)| (dir, name, sum)))
            .filter(|(dir, _, _)| *dir == self.backend)
            .map(|(_, name, sum)| (name, sum.trim()))
            .collect()
    }

    /// Compares a journal with the code and returns the migrations that are still to be applied.
    ///
    /// # Errors
    /// `NewerSchema` for a version the code does not have, `ChecksumMismatch` for an edited one.
    pub(crate) fn pending<DB: Backend>(
        &self,
        known: Vec<Known<DB>>,
        applied: &[Applied],
    ) -> Result<Vec<Known<DB>>> {
        let refuse = |reason| Error::Migration { crate_name: self.crate_name, reason };
        for row in applied {
            let Some(same) = known.iter().find(|known| known.version == row.version) else {
                return Err(refuse(MigrationError::NewerSchema { version: row.version.clone() }));
            };
            if same.checksum != row.checksum {
                return Err(refuse(MigrationError::ChecksumMismatch { name: row.name.clone() }));
            }
        }
        Ok(known
            .into_iter()
            .filter(|known| applied.iter().all(|row| row.version != known.version))
            .collect())
    }

    /// Describes where a database stands, without judging it.
    pub(crate) fn status<DB: Backend>(
        &self,
        known: &[Known<DB>],
        applied: &[Applied],
    ) -> MigrationStatus {
        MigrationStatus {
            crate_name: self.crate_name,
            applied: applied.iter().map(|row| row.name.clone()).collect(),
            pending: known
                .iter()
                .filter(|known| applied.iter().all(|row| row.version != known.version))
                .map(|known| known.name.clone())
                .collect(),
        }
    }

    /// Builds the error of a migration that failed.
    pub(crate) fn failed(&self, name: &str, message: impl Into<String>) -> Error {
        Error::Migration {
            crate_name: self.crate_name,
            reason: MigrationError::Failed { name: name.to_owned(), message: message.into() },
        }
    }

    /// Builds the error of migrations that wait while nobody may apply them.
    pub(crate) fn refuse_pending(&self, names: Vec<String>) -> Error {
        Error::Migration { crate_name: self.crate_name, reason: MigrationError::Pending { names } }
    }
}
