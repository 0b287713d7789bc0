#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod graph;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod import;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rules;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use graph::{open_graph, open_graph_with};

use std::sync::Arc;

use store_core::checkpoints::CheckpointStore;
use store_core::{Backend, Databases, Result, Subsystem};

/// Opens the checkpoints of training on the backend the settings name.
///
/// Pending migrations are applied first, unless `AUTO_MIGRATE` is off: then they are an error.
///
/// # Errors
/// `BackendNotCompiled` when that backend's Cargo feature is off; `Migration`; `Settings`; and
/// whatever opening the database fails with.
pub async fn open(databases: &Databases) -> Result<Arc<dyn CheckpointStore>> {
    match databases.backend(Subsystem::Checkpoints) {
        #[cfg(feature = "sqlite")]
        Backend::Sqlite | Backend::Memory => {
            Ok(Arc::new(sqlite::SqliteCheckpointStore::open(databases).await?))
        }
        #[cfg(not(feature = "sqlite"))]
        Backend::Sqlite | Backend::Memory => {
            Err(store_core::Error::BackendNotCompiled { backend: "sqlite", feature: "sqlite" })
        }
        #[cfg(feature = "postgres")]
        Backend::Postgres => {
            Ok(Arc::new(postgres::PostgresCheckpointStore::open(databases).await?))
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
