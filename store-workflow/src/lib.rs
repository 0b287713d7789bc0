#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod import;
pub mod locking;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rules;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod waiting;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod worker;

use std::sync::Arc;

use store_core::seal::KeyRing;
use store_core::workflow::WorkflowStore;
use store_core::{Backend, Databases, Result, Subsystem};

/// Opens workflows, queue and what belongs to them on the backend the settings name, with the key
/// ring of the settings.
///
/// Pending migrations are applied first, unless `AUTO_MIGRATE` is off: then they are an error.
/// Nothing is read into memory. Without `VAULT_KEY` and `VAULT_KEY_FILE` there is no key ring:
/// then secrets of webhooks are stored as they are.
///
/// # Errors
/// `BackendNotCompiled` when that backend's Cargo feature is off; `Migration`; `Settings`; and
/// whatever opening the database fails with.
pub async fn open(databases: &Databases) -> Result<Arc<dyn WorkflowStore>> {
    let keys = KeyRing::from_settings(databases.settings())?;
    open_with(databases, keys).await
}

/// Opens the workflows with a key ring of the caller's, or with none.
///
/// # Errors
/// Those of [`open`].
pub async fn open_with(
    databases: &Databases,
    keys: Option<KeyRing>,
) -> Result<Arc<dyn WorkflowStore>> {
    match databases.backend(Subsystem::Workflow) {
        #[cfg(feature = "sqlite")]
        Backend::Sqlite | Backend::Memory => {
            Ok(Arc::new(sqlite::SqliteWorkflowRepository::open(databases, keys).await?))
        }
        #[cfg(not(feature = "sqlite"))]
        Backend::Sqlite | Backend::Memory => {
            drop(keys);
            Err(store_core::Error::BackendNotCompiled { backend: "sqlite", feature: "sqlite" })
        }
        #[cfg(feature = "postgres")]
        Backend::Postgres => {
            Ok(Arc::new(postgres::PostgresWorkflowRepository::open(databases, keys).await?))
        }
        #[cfg(not(feature = "postgres"))]
        Backend::Postgres => {
            drop(keys);
            Err(store_core::Error::BackendNotCompiled { backend: "postgres", feature: "postgres" })
        }
    }
}

#[cfg(test)]
mod tests {
    use store_core::{Databases, Settings};

    /// An application opens its stores in whatever task it likes.
    #[test]
    fn opening_a_store_can_be_spawned() {
        fn spawnable<T: Send>(_future: &T) {}
        let databases = Databases::new(Settings::memory());
        spawnable(&super::open(&databases));
    }
}
