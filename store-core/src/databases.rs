//! The databases of a process: each is opened once, whatever the number of stores on it.

use std::fmt;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use tokio::sync::Mutex;

use crate::json::{JsonPolicy, NulPolicy};
use crate::{Backend, Settings, Subsystem};

/// What every crate's `open` takes: settings, and the databases opened under them so far.
pub struct Databases {
    settings: Settings,
    nul_policy: NulPolicy,
    #[cfg(feature = "sqlite")]
    files: Mutex<std::collections::HashMap<std::path::PathBuf, crate::sqlite::Database>>,
    #[cfg(feature = "sqlite")]
    private: Mutex<Option<crate::sqlite::Database>>,
    #[cfg(feature = "postgres")]
    server: Mutex<Option<crate::postgres::Database>>,
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Databases").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Databases {
    /// Takes settings; nothing is opened yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            nul_policy: NulPolicy::default(),
            #[cfg(feature = "sqlite")]
            files: Mutex::default(),
            #[cfg(feature = "sqlite")]
            private: Mutex::default(),
            #[cfg(feature = "postgres")]
            server: Mutex::default(),
        }
    }

    /// Chooses what happens to NUL characters in JSON. Choose once for a database.
    #[must_use]
    pub const fn with_nul_policy(mut self, policy: NulPolicy) -> Self {
        self.nul_policy = policy;
        self
    }

    /// Returns the settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the backend a subsystem is configured for.
    #[must_use]
    pub fn backend(&self, subsystem: Subsystem) -> Backend {
        self.settings.backend(subsystem)
    }

    /// Returns the JSON policy of the settings.
    #[must_use]
    pub fn json_policy(&self) -> JsonPolicy {
        JsonPolicy::new(self.settings.json_max_bytes(), self.nul_policy)
    }

    /// Returns the SQLite database of a subsystem, opened once for each file.
    ///
    /// # Errors
    /// Those of [`sqlite::Database::open`](crate::sqlite::Database::open).
    #[cfg(feature = "sqlite")]
    pub async fn sqlite(&self, subsystem: Subsystem) -> crate::Result<crate::sqlite::Database> {
        use crate::sqlite::{Database, Options};
        if self.backend(subsystem) == Backend::Memory {
            let mut private = self.private.lock().await;
            if let Some(database) = &*private {
                return Ok(database.clone());
            }
            return Ok(private.insert(Database::open_private().await?).clone());
        }
        let options = Options::from_settings(&self.settings, subsystem);
        if options.path.as_os_str().is_empty() {
            return Err(crate::Error::settings(
                "SQLITE_PATH",
                format!(
                    "not set, although {subsystem} is on SQLite, and there is no home directory \
                     to put its file in: set it to a path"
                ),
            ));
        }
        let mut files = self.files.lock().await;
        if let Some(database) = files.get(&options.path) {
            return Ok(database.clone());
        }
        let path = options.path.clone();
        let database = Database::open(options).await?;
        files.insert(path, database.clone());
        Ok(database)
    }

    /// Returns the PostgreSQL database, opened once.
    ///
    /// # Errors
    /// Those of [`postgres::Database::open`](crate::postgres::Database::open).
    #[cfg(feature = "postgres")]
    pub async fn postgres(&self) -> crate::Result<crate::postgres::Database> {
        use crate::postgres::{Database, Options};
        let mut server = self.server.lock().await;
        if let Some(database) = &*server {
            return Ok(database.clone());
        }
        let database = Database::open(Options::from_settings(&self.settings)?).await?;
        Ok(server.insert(database).clone())
    }

    /// Returns the position up to which PostgreSQL has been written, for
    /// [`Freshness::After`](crate::replica::Freshness::After): whoever has replayed it sees every
    /// write that was answered before this call, by any store and any process.
    ///
    /// Where no subsystem is on PostgreSQL it is [`Lsn::default`](crate::replica::Lsn), before
    /// everything, and nothing is asked.
    ///
    /// # Errors
    /// Those of [`postgres::Database::open`](crate::postgres::Database::open) when nothing has
    /// opened it yet; backend failures.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub async fn write_position(&self) -> crate::Result<crate::replica::Lsn> {
        #[cfg(feature = "postgres")]
        if Subsystem::ALL.into_iter().any(|one| self.backend(one) == Backend::Postgres) {
            return self.postgres().await?.write_position().await;
        }
        Ok(crate::replica::Lsn::default())
    }

    /// Carries out every accepted write of the SQLite databases and closes them.
    pub async fn close(&self) {
        #[cfg(feature = "sqlite")]
        {
            let mut files = self.files.lock().await;
            for (_path, database) in files.drain() {
                database.close().await;
            }
            if let Some(database) = self.private.lock().await.take() {
                database.close().await;
            }
        }
    }
}
