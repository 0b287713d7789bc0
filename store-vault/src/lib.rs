#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod import;
pub mod keys;
pub mod legacy;
#[cfg(feature = "postgres")]
pub mod postgres;
mod refresh;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rules;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::sync::Arc;

use store_core::vault::VaultStore;
use store_core::{Backend, Databases, Result, Subsystem};

pub use refresh::{RefreshOptions, with_refresh_lease};

use keys::KeyProvider;

/// Opens the vault on the backend the settings name, with the keys they name.
///
/// Pending migrations are applied first, unless `AUTO_MIGRATE` is off: then they are an error.
///
/// # Errors
/// Those of [`open_with`] and of [`keys::provider`].
pub async fn open(databases: &Databases) -> Result<Arc<dyn VaultStore>> {
    let keys = keys::provider(databases.settings())?;
    open_with(databases, &keys).await
}

/// Opens the vault on the backend the settings name, with keys from elsewhere.
///
/// Pending migrations are applied first, unless `AUTO_MIGRATE` is off: then they are an error.
///
/// # Errors
/// `BackendNotCompiled` when that backend's Cargo feature is off; `Migration`; `Settings`, also for
/// keys that do not open what the vault holds; and whatever opening the database fails with.
pub async fn open_with(
    databases: &Databases,
    keys: &dyn KeyProvider,
) -> Result<Arc<dyn VaultStore>> {
    match databases.backend(Subsystem::Vault) {
        #[cfg(feature = "sqlite")]
        Backend::Sqlite | Backend::Memory => {
            Ok(Arc::new(sqlite::SqliteCredentialVault::open(databases, keys).await?))
        }
        #[cfg(not(feature = "sqlite"))]
        Backend::Sqlite | Backend::Memory => {
            let _ = keys;
            Err(store_core::Error::BackendNotCompiled { backend: "sqlite", feature: "sqlite" })
        }
        #[cfg(feature = "postgres")]
        Backend::Postgres => {
            Ok(Arc::new(postgres::PostgresCredentialVault::open(databases, keys).await?))
        }
        #[cfg(not(feature = "postgres"))]
        Backend::Postgres => {
            let _ = keys;
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
