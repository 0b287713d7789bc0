//! Opening the state of graph runs.

use std::sync::Arc;

use store_core::checkpoints::graph::GraphCheckpointer;
use store_core::seal::KeyRing;
use store_core::{Backend, Databases, Result, Subsystem};

/// Opens the state of graph runs on the backend the settings name, with the key ring of the
/// settings.
///
/// Pending migrations are applied first, unless `AUTO_MIGRATE` is off: then they are an error.
/// Without `VAULT_KEY` and `VAULT_KEY_FILE` there is no key ring: then values are stored as they
/// are.
///
/// # Errors
/// `BackendNotCompiled` when that backend's Cargo feature is off; `Migration`; `Settings`; and
/// whatever opening the database fails with.
pub async fn open_graph(databases: &Databases) -> Result<Arc<dyn GraphCheckpointer>> {
    let keys = KeyRing::from_settings(databases.settings())?;
    open_graph_with(databases, keys).await
}

/// Opens the state of graph runs with a key ring of the caller's, or with none.
///
/// # Errors
/// Those of [`open_graph`].
pub async fn open_graph_with(
    databases: &Databases,
    keys: Option<KeyRing>,
) -> Result<Arc<dyn GraphCheckpointer>> {
    match databases.backend(Subsystem::Checkpoints) {
        #[cfg(feature = "sqlite")]
        Backend::Sqlite | Backend::Memory => {
            Ok(Arc::new(crate::sqlite::SqliteGraphCheckpointer::open(databases, keys).await?))
        }
        #[cfg(not(feature = "sqlite"))]
        Backend::Sqlite | Backend::Memory => {
            drop(keys);
            Err(store_core::Error::BackendNotCompiled { backend: "sqlite", feature: "sqlite" })
        }
        #[cfg(feature = "postgres")]
        Backend::Postgres => {
            Ok(Arc::new(crate::postgres::PostgresGraphCheckpointer::open(databases, keys).await?))
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
    fn opening_the_state_of_graphs_can_be_spawned() {
        fn spawnable<T: Send>(_future: &T) {}
        let databases = Databases::new(Settings::memory());
        spawnable(&super::open_graph(&databases));
    }
}
