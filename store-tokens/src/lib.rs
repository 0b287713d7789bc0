#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod format;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod import;
mod manager;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rules;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::sync::Arc;

use store_core::tokens::ServiceTokenRepository;
use store_core::{Backend, Databases, Result, Subsystem};

pub use manager::{
    AuthenticationRequest, CacheSettings, NewToken, Rotation, ServiceTokenManager,
    ServiceTokenManagerBuilder,
};

/// Opens the service tokens on the backend the settings name.
///
/// Pending migrations are applied first, unless `AUTO_MIGRATE` is off: then they are an error.
///
/// # Errors
/// `BackendNotCompiled` when that backend's Cargo feature is off; `Migration`; `Settings`; and
/// whatever opening the database fails with.
pub async fn open(databases: &Databases) -> Result<Arc<dyn ServiceTokenRepository>> {
    match databases.backend(Subsystem::Tokens) {
        #[cfg(feature = "sqlite")]
        Backend::Sqlite | Backend::Memory => {
            Ok(Arc::new(sqlite::SqliteServiceTokenRepository::open(databases).await?))
        }
        #[cfg(not(feature = "sqlite"))]
        Backend::Sqlite | Backend::Memory => {
            Err(store_core::Error::BackendNotCompiled { backend: "sqlite", feature: "sqlite" })
        }
        #[cfg(feature = "postgres")]
        Backend::Postgres => {
            Ok(Arc::new(postgres::PostgresServiceTokenRepository::open(databases).await?))
        }
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
