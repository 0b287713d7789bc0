//! Every store on either side: a file, or a schema.

use std::path::PathBuf;
use std::sync::Arc;

use store_core::json::JsonPolicy;
use store_core::migrations::Schema as Migrations;
use store_core::{Clock, ManualClock};
use store_tests::fixture::graph::keys;
use store_tests::fixture::{
    Chats, Checkpoints, Graphs, History, Place, Tokens, Vaults, Workflows, noon, postgres, sqlite,
};

use super::support::{Schema, file_url};

/// Where stores are.
#[derive(Debug, Clone)]
pub(crate) enum Home {
    /// A file.
    File(PathBuf),
    /// A schema of the server for tests, by its name.
    Schema(String),
}

/// Both schemas of a store's crate.
type Both = (&'static Migrations, &'static Migrations);

const WORKFLOW: Both = (&store_workflow::sqlite::SCHEMA, &store_workflow::postgres::SCHEMA);
const HISTORY: Both = (&store_history::sqlite::SCHEMA, &store_history::postgres::SCHEMA);
const TOKENS: Both = (&store_tokens::sqlite::SCHEMA, &store_tokens::postgres::SCHEMA);
const CHECKPOINTS: Both =
    (&store_checkpoints::sqlite::SCHEMA, &store_checkpoints::postgres::SCHEMA);
const CHATKIT: Both = (&store_chatkit::sqlite::SCHEMA, &store_chatkit::postgres::SCHEMA);
const VAULT: Both = (&store_vault::sqlite::SCHEMA, &store_vault::postgres::SCHEMA);

/// The schemas of all stores.
pub(crate) const ALL: [Both; 6] = [WORKFLOW, HISTORY, TOKENS, CHECKPOINTS, CHATKIT, VAULT];

impl Home {
    /// Names it as a location.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(path) => file_url(path),
            Self::Schema(name) => Schema { name: name.clone() }.url(),
        }
    }

    /// Opens it with the tables of a crate.
    pub(crate) async fn place(&self, (on_sqlite, on_postgres): Both) -> Place {
        match self {
            Self::File(path) => {
                let options = store_core::sqlite::Options::new(path);
                let db = store_core::sqlite::Database::open(options).await.unwrap();
                db.migrate(on_sqlite).await.unwrap();
                // The files of a fixture lie in its directory; this one lies elsewhere.
                Place::Sqlite(sqlite::Place { directory: tempfile::tempdir().unwrap(), db })
            }
            Self::Schema(name) => {
                let options = postgres::options(name);
                let db = store_core::postgres::Database::open(options).await.unwrap();
                db.migrate(on_postgres).await.unwrap();
                Place::Postgres(postgres::Place { schemas: vec![name.clone()], db })
            }
        }
    }

    /// Opens workflows and the queue.
    pub(crate) async fn workflows(&self) -> Workflows {
        let (place, clock) = (self.place(WORKFLOW).await, ManualClock::new(noon()));
        let keys = Some(store_tests::fixture::workflow_keys());
        let store = match &place {
            Place::Sqlite(place) => sqlite::repository(&place.db, &clock, keys),
            Place::Postgres(place) => postgres::repository(&place.db, &clock, keys),
        };
        Workflows { store, clock, place }
    }

    /// Opens run history.
    pub(crate) async fn history(&self) -> History {
        let (place, clock) = (self.place(HISTORY).await, ManualClock::new(noon()));
        let store = match &place {
            Place::Sqlite(place) => sqlite::store(&place.db, &clock),
            Place::Postgres(place) => postgres::store(&place.db, &clock),
        };
        History { store, clock, place }
    }

    /// Opens service tokens.
    pub(crate) async fn tokens(&self) -> Tokens {
        let (place, clock) = (self.place(TOKENS).await, ManualClock::new(noon()));
        let store = match &place {
            Place::Sqlite(place) => sqlite::token_repository(&place.db, &clock),
            Place::Postgres(place) => postgres::token_repository(&place.db, &clock),
        };
        Tokens { store, clock, place }
    }

    /// Opens training checkpoints.
    pub(crate) async fn checkpoints(&self) -> Checkpoints {
        use store_checkpoints::{postgres::PostgresCheckpointStore, sqlite::SqliteCheckpointStore};

        let (place, clock) = (self.place(CHECKPOINTS).await, ManualClock::new(noon()));
        let (json, time) = (JsonPolicy::default(), seam(&clock));
        let store = match &place {
            Place::Sqlite(place) => {
                Arc::new(SqliteCheckpointStore::new(place.db.clone(), json, time)) as _
            }
            Place::Postgres(place) => {
                Arc::new(PostgresCheckpointStore::new(place.db.clone(), json, time)) as _
            }
        };
        Checkpoints { store, clock, place }
    }

    /// Opens graph state, which seals.
    pub(crate) async fn graphs(&self) -> Graphs {
        use store_checkpoints::{
            postgres::PostgresGraphCheckpointer, sqlite::SqliteGraphCheckpointer,
        };

        let (place, clock) = (self.place(CHECKPOINTS).await, ManualClock::new(noon()));
        let (json, time, keys) = (JsonPolicy::default(), seam(&clock), Some(keys(1)));
        let store = match &place {
            Place::Sqlite(place) => {
                Arc::new(SqliteGraphCheckpointer::new(place.db.clone(), json, time, keys)) as _
            }
            Place::Postgres(place) => {
                Arc::new(PostgresGraphCheckpointer::new(place.db.clone(), json, time, keys)) as _
            }
        };
        Graphs::over(store, clock, place)
    }

    /// Opens conversations.
    pub(crate) async fn chats(&self) -> Chats {
        use store_chatkit::{Limits, postgres::PostgresChatKitStore, sqlite::SqliteChatKitStore};

        let (place, clock) = (self.place(CHATKIT).await, ManualClock::new(noon()));
        let (json, limits, time) = (JsonPolicy::default(), Limits::default(), seam(&clock));
        let store = match &place {
            Place::Sqlite(place) => {
                Arc::new(SqliteChatKitStore::new(place.db.clone(), json, limits, time)) as _
            }
            Place::Postgres(place) => {
                Arc::new(PostgresChatKitStore::new(place.db.clone(), json, limits, time)) as _
            }
        };
        Chats { store, clock, place }
    }

    /// Opens the vault with the key it was made with.
    pub(crate) async fn vault(&self) -> Vaults {
        use store_vault::{postgres::PostgresCredentialVault, sqlite::SqliteCredentialVault};

        let (place, clock) = (self.place(VAULT).await, ManualClock::new(noon()));
        let (json, time, keys) = (JsonPolicy::default(), seam(&clock), keys(1));
        let store = match &place {
            Place::Sqlite(place) => {
                let vault = SqliteCredentialVault::new(place.db.clone(), json, time, &keys);
                Arc::new(vault.await.expect("it opens with the same key")) as _
            }
            Place::Postgres(place) => {
                let vault = PostgresCredentialVault::new(place.db.clone(), json, time, &keys);
                Arc::new(vault.await.expect("it opens with the same key")) as _
            }
        };
        Vaults { store, clock, place }
    }
}

fn seam(clock: &ManualClock) -> Arc<dyn Clock> {
    Arc::new(clock.clone())
}
