//! Settings from code.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::{self, Names};
use super::options::{CHATKIT_MAX_UPLOAD_BYTES, CHATKIT_RETENTION, JSON_MAX_BYTES, SLOW_QUERY};
use super::paths::Directories;
use super::{Backend, PostgresSettings, Secret, Settings, SqliteSettings, Subsystem, Synchronous};
use crate::Result;

/// Builds [`Settings`] from code, with the defaults and checks that variables have.
///
/// A method is called as the variable it stands for, in lower case.
#[derive(Debug, Clone)]
#[must_use]
pub struct SettingsBuilder {
    pub(super) backend: Option<Backend>,
    pub(super) subsystem_backends: [Option<Backend>; Subsystem::ALL.len()],
    pub(super) sqlite_path: Option<PathBuf>,
    pub(super) subsystem_sqlite_paths: [Option<PathBuf>; Subsystem::ALL.len()],
    // Checked when everything is known, so that a method need not fail.
    pub(super) postgres_dsn: Option<Secret>,
    pub(super) postgres_listen_dsn: Option<Secret>,
    pub(super) migrator_dsn: Option<Secret>,
    pub(super) postgres_replica_dsn: Option<Secret>,
    pub(super) postgres: PostgresSettings,
    pub(super) sqlite: SqliteSettings,
    pub(super) slow_query: Duration,
    pub(super) auto_migrate: bool,
    pub(super) json_max_bytes: usize,
    pub(super) vault_key: Option<Secret>,
    pub(super) vault_key_file: Option<PathBuf>,
    pub(super) vault_key_command: Option<Secret>,
    pub(super) chatkit_retention: Duration,
    pub(super) chatkit_max_upload_bytes: u64,
}

impl Default for SettingsBuilder {
    fn default() -> Self {
        Self {
            backend: None,
            subsystem_backends: [None; Subsystem::ALL.len()],
            sqlite_path: None,
            subsystem_sqlite_paths: [const { None }; Subsystem::ALL.len()],
            postgres_dsn: None,
            postgres_listen_dsn: None,
            migrator_dsn: None,
            postgres_replica_dsn: None,
            postgres: PostgresSettings::default(),
            sqlite: SqliteSettings::default(),
            slow_query: SLOW_QUERY,
            auto_migrate: true,
            json_max_bytes: JSON_MAX_BYTES,
            vault_key: None,
            vault_key_file: None,
            vault_key_command: None,
            chatkit_retention: CHATKIT_RETENTION,
            chatkit_max_upload_bytes: CHATKIT_MAX_UPLOAD_BYTES,
        }
    }
}

/// Declares the methods that only store a value.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($($field:ident).+: $type:ty);)+) => {
        impl SettingsBuilder {
            $(
                $(#[$doc])*
                pub fn $name(mut self, value: $type) -> Self {
                    self.$($field).+ = value;
                    self
                }
            )+
        }
    };
}

setters! {
    /// Sets the connections the PostgreSQL pool keeps open.
    postgres_pool_min_size(postgres.pool_min_size: u32);
    /// Sets the connections the PostgreSQL pool may open.
    postgres_pool_max_size(postgres.pool_max_size: u32);
    /// Sets how long a caller waits for a PostgreSQL connection.
    postgres_pool_timeout(postgres.pool_timeout: Duration);
    /// Sets how long a PostgreSQL connection beyond the minimum may lie idle.
    postgres_pool_max_idle(postgres.pool_max_idle: Duration);
    /// Sets `statement_timeout` of every PostgreSQL connection.
    postgres_statement_timeout(postgres.statement_timeout: Duration);
    /// Sets `lock_timeout` of every PostgreSQL connection.
    postgres_lock_timeout(postgres.lock_timeout: Duration);
    /// Sets `idle_in_transaction_session_timeout` of every PostgreSQL connection.
    postgres_idle_in_transaction_timeout(postgres.idle_in_transaction_timeout: Duration);
    /// Sets whether prepared statements are kept; off for poolers that cannot carry them.
    postgres_statement_cache(postgres.statement_cache: bool);
    /// Sets how long a read that [asks for a replica](crate::replica) waits for it before it goes to
    /// the primary.
    postgres_replica_wait(postgres.replica_wait: Duration);
    /// Sets how long a statement waits for another process's lock on a SQLite file.
    sqlite_busy_timeout(sqlite.busy_timeout: Duration);
    /// Sets when the SQLite writer waits for the disk.
    sqlite_synchronous(sqlite.synchronous: Synchronous);
    /// Sets the read-only connections to a SQLite file, 1 to 64.
    sqlite_readers(sqlite.readers: u32);
    /// Sets the time from which a query is reported as slow.
    slow_query(slow_query: Duration);
    /// Sets whether `open` migrates; when it does not, it only verifies.
    auto_migrate(auto_migrate: bool);
    /// Sets the largest JSON document that is accepted, in bytes, up to 255 MiB.
    json_max_bytes(json_max_bytes: usize);
    /// Sets how long chat threads are kept.
    chatkit_retention(chatkit_retention: Duration);
    /// Sets the largest attachment that is accepted, in bytes.
    chatkit_max_upload_bytes(chatkit_max_upload_bytes: u64);
}

impl SettingsBuilder {
    /// Sets the backend of every subsystem that has none of its own, the vault apart.
    ///
    /// Without it, it is PostgreSQL if a DSN is set, and SQLite otherwise. The vault stays on
    /// SQLite, or follows `Memory`, unless it is put elsewhere.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Sets the backend of one subsystem.
    pub fn subsystem_backend(mut self, subsystem: Subsystem, backend: Backend) -> Self {
        self.subsystem_backends[subsystem.index()] = Some(backend);
        self
    }

    /// Sets the SQLite file of every subsystem that has none of its own.
    pub fn sqlite_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.sqlite_path = Some(path.into());
        self
    }

    /// Sets the SQLite file of one subsystem.
    pub fn subsystem_sqlite_path(mut self, subsystem: Subsystem, path: impl Into<PathBuf>) -> Self {
        self.subsystem_sqlite_paths[subsystem.index()] = Some(path.into());
        self
    }

    /// Sets the PostgreSQL DSN, as a URL or in the key-value form.
    pub fn postgres_dsn(mut self, dsn: &str) -> Self {
        self.postgres_dsn = Some(Secret::new(dsn));
        self
    }

    /// Sets the PostgreSQL schema that holds the tables.
    pub fn postgres_schema(mut self, schema: impl Into<String>) -> Self {
        self.postgres.schema = schema.into();
        self
    }

    /// Sets a direct DSN for `LISTEN`, when the main one goes through a transaction pooler.
    pub fn postgres_listen_dsn(mut self, dsn: &str) -> Self {
        self.postgres_listen_dsn = Some(Secret::new(dsn));
        self
    }

    /// Sets a DSN with the rights to migrate, when the main one lacks them.
    pub fn migrator_dsn(mut self, dsn: &str) -> Self {
        self.migrator_dsn = Some(Secret::new(dsn));
        self
    }

    /// Sets the DSN of a streaming replica, for reads that [ask for it](crate::replica).
    pub fn postgres_replica_dsn(mut self, dsn: &str) -> Self {
        self.postgres_replica_dsn = Some(Secret::new(dsn));
        self
    }

    /// Sets the vault's key itself, or several separated by commas or line ends: the first seals,
    /// the others open what was sealed before.
    pub fn vault_key(mut self, key: impl Into<String>) -> Self {
        self.vault_key = Some(Secret::new(key));
        self
    }

    /// Sets the file that holds the vault's key, or several as [`SettingsBuilder::vault_key`] takes
    /// them.
    pub fn vault_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.vault_key_file = Some(path.into());
        self
    }

    /// Sets the command that prints the vault's key, or several as
    /// [`SettingsBuilder::vault_key`] takes them.
    pub fn vault_key_command(mut self, command: impl Into<String>) -> Self {
        self.vault_key_command = Some(Secret::new(command));
        self
    }

    /// Checks everything and returns the settings.
    ///
    /// # Errors
    /// `Settings`, naming the method, for a value that is out of range or contradicts another.
    pub fn build(mut self) -> Result<Settings> {
        let directories = Directories::platform();
        check::expand_sqlite_paths(&Names::BUILDER, &mut self, &directories)?;
        self.finish(&Names::BUILDER, &directories)
    }

    /// Checks all but the form of the SQLite paths; `names` is what errors call the settings.
    pub(super) fn finish(mut self, names: &Names, directories: &Directories) -> Result<Settings> {
        let listen = check::dsn(names, "POSTGRES_LISTEN_DSN", self.postgres_listen_dsn.as_ref())?;
        let migrator = check::dsn(names, "MIGRATOR_DSN", self.migrator_dsn.as_ref())?;
        self.postgres.listen_dsn = listen;
        self.postgres.migrator_dsn = migrator;
        let replica = self.postgres_replica_dsn.as_ref();
        self.postgres.replica_dsn = check::dsn(names, "POSTGRES_REPLICA_DSN", replica)?;
        check::limits(names, &self)?;
        let postgres_dsn = check::dsn(names, "POSTGRES_DSN", self.postgres_dsn.as_ref())?;
        let backends = check::backends(names, &self, postgres_dsn.is_some())?;
        let sqlite_paths = check::sqlite_paths(&self, directories);
        let vault_key = check::vault_key(names, &self, directories)?;
        Ok(Settings {
            backends,
            sqlite_paths,
            postgres_dsn,
            postgres: self.postgres,
            sqlite: self.sqlite,
            slow_query: self.slow_query,
            auto_migrate: self.auto_migrate,
            json_max_bytes: self.json_max_bytes,
            vault_key,
            chatkit_retention: self.chatkit_retention,
            chatkit_max_upload_bytes: self.chatkit_max_upload_bytes,
        })
    }
}

impl Settings {
    /// Puts everything on one backend, without the checks: the defaults pass them.
    pub(super) fn with_defaults(backend: Backend, path: &Path) -> Self {
        let builder = SettingsBuilder::default();
        Self {
            backends: [backend; Subsystem::ALL.len()],
            sqlite_paths: Subsystem::ALL.map(|_subsystem| path.to_path_buf()),
            postgres_dsn: None,
            postgres: builder.postgres,
            sqlite: builder.sqlite,
            slow_query: builder.slow_query,
            auto_migrate: builder.auto_migrate,
            json_max_bytes: builder.json_max_bytes,
            vault_key: None,
            chatkit_retention: builder.chatkit_retention,
            chatkit_max_upload_bytes: builder.chatkit_max_upload_bytes,
        }
    }
}
