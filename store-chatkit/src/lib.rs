#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod import;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rules;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod uploads;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use rules::{Limits, SearchWords};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use uploads::{FileRemoval, UploadDirectory};

use std::sync::Arc;

use store_core::chatkit::ChatKitStore;
use store_core::{Backend, Databases, Result, Subsystem};

/// Opens the store of conversations on the backend the settings name.
///
/// Pending migrations are applied first, unless `AUTO_MIGRATE` is off: then they are an error.
///
/// # Errors
/// `BackendNotCompiled` when that backend's Cargo feature is off; `Migration`; `Settings`; and
/// whatever opening the database fails with.
pub async fn open(databases: &Databases) -> Result<Arc<dyn ChatKitStore>> {
    match databases.backend(Subsystem::Chatkit) {
        #[cfg(feature = "sqlite")]
        Backend::Sqlite | Backend::Memory => {
            Ok(Arc::new(sqlite::SqliteChatKitStore::open(databases).await?))
        }
        #[cfg(not(feature = "sqlite"))]
        Backend::Sqlite | Backend::Memory => {
            Err(store_core::Error::BackendNotCompiled { backend: "sqlite", feature: "sqlite" })
        }
        #[cfg(feature = "postgres")]
        Backend::Postgres => Ok(Arc::new(postgres::PostgresChatKitStore::open(databases).await?)),
        #[cfg(not(feature = "postgres"))]
        Backend::Postgres => {
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
