//! Two servers, of which one follows the other.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use store_core::history::RunHistoryStore;
use store_core::postgres::Database;
use store_core::replica::Lsn;
use store_core::settings::SettingsBuilder;
use store_core::{Backend, Databases, ExecutionId, Settings, Subsystem};
use store_tests::samples;
use store_tests::server::{Server, Setup};
use tokio_postgres::Client;

/// How long a test waits for what has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any test.
const AS_LONG_AS_IT_TAKES: Duration = Duration::from_secs(600);

/// A primary and a standby that streams from it.
pub(crate) struct Cluster {
    pub(crate) primary: Server,
    pub(crate) standby: Server,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::of(Setup::default())
    }

    pub(crate) fn of(setup: Setup) -> Self {
        let primary = setup.start();
        let standby = primary.standby();
        Self { primary, standby }
    }

    /// Settings that put everything on the primary, and reads on the standby where they ask for it:
    /// they wait for it as long as it takes.
    pub(crate) fn settings(&self) -> SettingsBuilder {
        settings(&self.primary.url())
            .postgres_replica_dsn(&self.standby.url())
            .postgres_replica_wait(AS_LONG_AS_IT_TAKES)
    }

    /// Settings with both servers in the DSN: the one that accepts writes is used.
    pub(crate) fn settings_of_both(&self) -> SettingsBuilder {
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", self.primary.port(), self.standby.port());
        settings(&format!(
            "postgresql://postgres:postgres@{hosts}/postgres?target_session_attrs=read-write"
        ))
    }

    /// Lets the standby receive, and apply nothing.
    pub(crate) async fn pause_replay(&self) {
        self.on_standby("SELECT pg_wal_replay_pause()").await;
        let paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'";
        until("replay is paused", || is_so(&self.standby, paused)).await;
    }

    pub(crate) async fn resume_replay(&self) {
        self.on_standby("SELECT pg_wal_replay_resume()").await;
    }

    /// Waits until the standby has applied what was written so far.
    pub(crate) async fn caught_up(&self, databases: &Databases) {
        let position: Lsn = databases.write_position().await.unwrap();
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn");
        until("the standby has caught up", || is_so(&self.standby, &replayed)).await;
    }

    /// Returns how many connections of stores the standby has.
    pub(crate) async fn connections_to_standby(&self) -> i64 {
        let count = "SELECT count(*) FROM pg_stat_activity \
                     WHERE application_name = 'parallel-stores'";
        client(&self.standby).await.query_one(count, &[]).await.unwrap().get(0)
    }

    async fn on_standby(&self, statement: &str) {
        client(&self.standby).await.batch_execute(statement).await.unwrap();
    }
}

/// Run history, and the databases it is in.
pub(crate) struct Histories {
    pub(crate) databases: Databases,
    pub(crate) store: Arc<dyn RunHistoryStore>,
}

impl Histories {
    pub(crate) async fn open(settings: SettingsBuilder) -> Self {
        let databases = Databases::new(settings.build().unwrap());
        let store = store_history::open(&databases).await.unwrap();
        Self { databases, store }
    }

    pub(crate) async fn db(&self) -> Database {
        self.databases.postgres().await.unwrap()
    }

    /// Starts an execution and returns its id.
    pub(crate) async fn start(&self, name: &str) -> ExecutionId {
        self.store.start(samples::execution(name)).await.unwrap();
        samples::id(name)
    }

    pub(crate) async fn append(&self, id: &ExecutionId) {
        self.store.append_step(id, samples::step(json!("a step"))).await.unwrap();
    }

    /// Returns how many steps an execution has; none when it is not there.
    pub(crate) async fn steps(&self, id: &ExecutionId) -> Option<i64> {
        self.store.find(id).await.unwrap().map(|execution| execution.step_count)
    }
}

/// Settings that put everything on a server.
pub(crate) fn settings(dsn: &str) -> SettingsBuilder {
    Settings::builder()
        .backend(Backend::Postgres)
        .subsystem_backend(Subsystem::Vault, Backend::Postgres)
        .sqlite_path("unused.sqlite")
        .postgres_dsn(dsn)
}

/// Connects with the raw driver.
pub(crate) async fn client(server: &Server) -> Client {
    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls)
        .await
        .expect("the server answers");
    tokio::spawn(connection);
    client
}

/// Asks a server a question.
pub(crate) async fn is_so(server: &Server, question: &str) -> bool {
    client(server).await.query_one(question, &[]).await.unwrap().get(0)
}

/// Waits until something is true.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
