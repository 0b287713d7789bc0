//! Which database every store uses, and how it talks to it.
//!
//! Settings come from the environment ([`Settings::from_env`]) or from code
//! ([`Settings::builder`]); both go through the same checks. A variable is named
//! `<PREFIX>_<NAME>`, with the prefix `STORE` unless another is given; one that is empty or holds
//! only white space counts as not set. Every value that is not understood is an error that names
//! the variable; an unknown variable that looks like a misspelt one is a warning.
//!
//! # Which backend
//!
//! `BACKEND` decides. Without it, these are asked, and all that are set must agree: `DB_TYPE`,
//! `DATABASE_URL`, `<PREFIX>_POSTGRES_DSN`, and `POSTGRES_USER`, `POSTGRES_PASSWORD`,
//! `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_DB` together. When none is set it is SQLite.
//! The vault stays on SQLite, or follows `memory`, unless `VAULT_BACKEND` says otherwise.
//!
//! Once `BACKEND` is set, a DSN or path that it does not use is no contradiction: that is how one
//! rolls back. `DB_TYPE` is one, because it chooses as `BACKEND` does. Two DSNs, or two paths,
//! that differ are always an error naming both. Some but not all of the five is an error naming
//! the missing ones, unless a DSN is set or `BACKEND` leaves PostgreSQL unused.

mod backend;
mod builder;
mod check;
mod conninfo;
mod dsn;
mod env;
mod names;
mod options;
mod parts;
mod paths;
mod secret;
mod sources;
#[cfg(test)]
mod tests;
mod url;
mod values;
mod vars;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Result;

pub use backend::{Backend, Subsystem};
pub use builder::SettingsBuilder;
pub use dsn::Dsn;
pub use options::{PostgresSettings, SqliteSettings, Synchronous};
pub use secret::{Secret, VaultKeySource};

/// Returns the full name of every variable that is understood under a prefix, those without prefix
/// included.
#[must_use]
pub fn variables(prefix: &str) -> Vec<String> {
    names::known_names(prefix)
}

/// Which database every store uses, and how it talks to it.
///
/// Its `Debug` shows neither the password of a DSN nor a key.
#[derive(Debug, Clone)]
pub struct Settings {
    backends: [Backend; Subsystem::ALL.len()],
    sqlite_paths: [PathBuf; Subsystem::ALL.len()],
    postgres_dsn: Option<Dsn>,
    postgres: PostgresSettings,
    sqlite: SqliteSettings,
    slow_query: Duration,
    auto_migrate: bool,
    json_max_bytes: usize,
    vault_key: Option<VaultKeySource>,
    chatkit_retention: Duration,
    chatkit_max_upload_bytes: u64,
}

impl Settings {
    /// Reads the variables whose names begin with `STORE_`.
    ///
    /// # Errors
    /// `Settings`, naming the variable, for a value that is not understood or contradicts another.
    pub fn from_env() -> Result<Self> {
        Self::from_env_prefix("STORE")
    }

    /// Reads the variables whose names begin with `<prefix>_`.
    ///
    /// With the prefix `ORCHEO` the names of that platform are understood as well. A name of that
    /// platform and the name used here may both be set as long as they say the same.
    ///
    /// # Errors
    /// `Settings`, naming the variable, for a value that is not understood or contradicts another;
    /// `Invalid` for a prefix that is not made of letters, digits and underscores.
    pub fn from_env_prefix(prefix: &str) -> Result<Self> {
        Self::from_vars(prefix, vars::environment(prefix)?)
    }

    /// Reads the given variables instead of those of the process.
    ///
    /// Only the home and data directories, for `~/` and the default path, are the platform's.
    ///
    /// # Errors
    /// Those of [`Settings::from_env_prefix`].
    pub fn from_vars(
        prefix: &str,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        env::read(prefix, vars, &paths::Directories::platform())
    }

    /// Starts from the defaults.
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder::default()
    }

    /// Keeps everything, the vault included, in one SQLite file; the rest are the defaults.
    ///
    /// The path is taken as it is: `~/` is not expanded, and opening it is what checks it.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::with_defaults(Backend::Sqlite, &path)
    }

    /// Keeps everything, the vault included, in memory; the rest are the defaults.
    #[must_use]
    pub fn memory() -> Self {
        Self::with_defaults(Backend::Memory, Path::new(""))
    }

    /// Returns the backend of one subsystem.
    #[must_use]
    pub fn backend(&self, subsystem: Subsystem) -> Backend {
        self.backends[subsystem.index()]
    }

    /// Returns the SQLite file of one subsystem.
    ///
    /// For a subsystem on another backend it is the file it would use, and it is empty when
    /// no path is set and the platform has no data directory.
    #[must_use]
    pub fn sqlite_path(&self, subsystem: Subsystem) -> &Path {
        &self.sqlite_paths[subsystem.index()]
    }

    /// Returns the PostgreSQL DSN, which may be set although no subsystem uses it.
    #[must_use]
    pub const fn postgres_dsn(&self) -> Option<&Dsn> {
        self.postgres_dsn.as_ref()
    }

    /// Returns how connections to PostgreSQL are made.
    #[must_use]
    pub const fn postgres(&self) -> &PostgresSettings {
        &self.postgres
    }

    /// Returns how SQLite files are opened.
    #[must_use]
    pub const fn sqlite_options(&self) -> &SqliteSettings {
        &self.sqlite
    }

    /// Returns the time from which a query is reported as slow.
    #[must_use]
    pub const fn slow_query(&self) -> Duration {
        self.slow_query
    }

    /// Tells whether `open` migrates; when it does not, it only verifies.
    #[must_use]
    pub const fn auto_migrate(&self) -> bool {
        self.auto_migrate
    }

    /// Returns the largest JSON document that is accepted, in bytes.
    #[must_use]
    pub const fn json_max_bytes(&self) -> usize {
        self.json_max_bytes
    }

    /// Returns where the vault's key comes from, or its keys, when that is set.
    #[must_use]
    pub const fn vault_key(&self) -> Option<&VaultKeySource> {
        self.vault_key.as_ref()
    }

    /// Returns how long chat threads are kept.
    #[must_use]
    pub const fn chatkit_retention(&self) -> Duration {
        self.chatkit_retention
    }

    /// Returns the largest attachment that is accepted, in bytes.
    #[must_use]
    pub const fn chatkit_max_upload_bytes(&self) -> u64 {
        self.chatkit_max_upload_bytes
    }
}
