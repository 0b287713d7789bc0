//! What a conversion is asked for.

use std::fmt;
use std::path::PathBuf;

use store_core::json::JsonPolicy;
use store_core::{OwnerId, SecretString, Timestamp};
use store_vault::keys::ProvidedKeys;

/// A database that Orcheo wrote.
pub enum Source {
    /// One of its SQLite files.
    Sqlite(PathBuf),
    /// Its PostgreSQL schema: the first of the connection's search path.
    Postgres {
        /// A connection nobody else uses meanwhile. Its task runs on the runtime of the caller.
        client: Box<tokio_postgres::Client>,
        /// What the report calls it; without a password.
        name: String,
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Source {
    /// Returns what the report calls it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres { name, .. } => name.clone(),
        }
    }
}

/// How databases of Orcheo are converted.
#[derive(Debug, Clone)]
pub struct ConvertOptions {
    /// Whose the chat threads and attachments become: Orcheo knows no owners.
    pub chat_owner: OwnerId,
    /// The instant that counts as now: schedules that never fired go on from here, and keys are
    /// registered at it. The same one gives the same rows.
    pub now: Timestamp,
    /// Sets rows that break a rule aside in `_migrate_quarantine` instead of writing nothing.
    pub quarantine: bool,
    /// Puts a job into the queue for every run that is pending. Otherwise pending runs stay as they
    /// are, like runs of Orcheo whose task was lost.
    pub enqueue_pending: bool,
    /// The passphrase of the old vault, `ORCHEO_VAULT_ENCRYPTION_KEY`. Needed when there are
    /// credentials.
    pub old_vault_key: Option<SecretString>,
    /// The keys of the new vault; they seal secrets of webhooks, too. Needed when there are
    /// credentials; without them secrets of webhooks are stored as they are.
    pub keys: Option<ProvidedKeys>,
    /// The JSON policy of the stores that will read the target.
    pub json: JsonPolicy,
}

impl ConvertOptions {
    /// Takes what has no default.
    #[must_use]
    pub fn new(chat_owner: OwnerId, now: Timestamp) -> Self {
        Self {
            chat_owner,
            now,
            quarantine: false,
            enqueue_pending: false,
            old_vault_key: None,
            keys: None,
            json: JsonPolicy::default(),
        }
    }
}
