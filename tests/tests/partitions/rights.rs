//! An application that may only read and write, and the role that owns the tables.

use store_core::history::{MaintenanceRequest, RunHistoryStore as _};
use store_core::history::{PruneRequest, Retention};
use store_core::postgres::{Database, Options};
use store_core::{Backend, Error, ManualClock, Settings};
use store_history::postgres::{PartitionRequest, PostgresRunHistoryStore, SCHEMA};
use store_tests::fixture::noon;
use store_tests::run;
use store_tests::samples::{at, execution, id, keyed};
use store_tests::server::{Server, Setup};

use crate::support::store;

const ROLES: &str = "
CREATE ROLE app LOGIN PASSWORD 'app';
CREATE ROLE migrator LOGIN PASSWORD 'migrator';
GRANT CREATE ON DATABASE postgres TO migrator;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator GRANT USAGE ON SCHEMAS TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
";

async fn opened(server: &Server, migrator: bool, clock: &ManualClock) -> PostgresRunHistoryStore {
    let dsn = |role| format!("postgresql://{role}:{role}@127.0.0.1:{}/postgres", server.port());
    let mut settings = Settings::builder()
        .backend(Backend::Postgres)
        .sqlite_path("unused.sqlite")
        .postgres_dsn(&dsn("app"))
        .postgres_schema("history");
    if migrator {
        settings = settings.migrator_dsn(&dsn("migrator"));
    }
    let options = Options::from_settings(&settings.build().unwrap()).unwrap();
    let db = Database::open(options).await.unwrap();
    db.migrate(&SCHEMA).await.unwrap();
    store(&db, clock)
}

fn assert_refused(error: &Error) {
    assert!(matches!(error, Error::Settings { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("MIGRATOR_DSN") && text.contains("the role migrator"), "{text}");
}

/// One server for all of it: a private one costs a second or two.
#[test]
fn the_owner_changes_partitions_and_the_application_uses_them() {
    run(async {
        let server = Setup::default().start();
        let (client, connection) =
            tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(ROLES).await.unwrap();
        let clock = ManualClock::new(noon());
        let both = opened(&server, true, &clock).await;
        let alone = opened(&server, false, &clock).await;

        let request = PartitionRequest::default();
        assert_refused(&alone.partition_steps(&request).await.unwrap_err());
        assert!(!both.partition_steps(&request).await.unwrap().already);
        for (name, instant) in
            [("march", "2026-03-05T00:00:00Z"), ("april", "2026-04-05T00:00:00Z")]
        {
            clock.set(at(instant));
            alone.start(execution(name)).await.unwrap();
            alone.append_step(&id(name), keyed("k", serde_json::json!(1))).await.unwrap();
            alone.succeed(&id(name)).await.unwrap();
            assert_eq!(alone.fetch_with_steps(&id(name)).await.unwrap().steps.len(), 1);
        }

        let maintain = MaintenanceRequest { months_ahead: 2 };
        assert_eq!(alone.maintain(&maintain).await.unwrap().partitions, [""; 0]);
        clock.set(at("2026-05-05T00:00:00Z"));
        assert_refused(&alone.maintain(&maintain).await.unwrap_err());
        assert_eq!(both.maintain(&maintain).await.unwrap().partitions, ["history_steps_2026_07"]);

        let there = "SELECT to_regclass('history.history_steps_2026_03') IS NOT NULL, \
                     to_regclass('history.history_steps_2026_04') IS NOT NULL";
        let prune = |cutoff| PruneRequest::new(Retention::OlderThan(at(cutoff)));
        let report = alone.prune(&prune("2026-04-01T00:00:00Z")).await.unwrap();
        assert_eq!((report.executions, report.steps), (1, 1));
        let row = client.query_one(there, &[]).await.unwrap();
        assert_eq!((row.get(0), row.get(1)), (true, true), "it deletes what it may not drop");
        let report = both.prune(&prune("2026-05-01T00:00:00Z")).await.unwrap();
        assert_eq!((report.executions, report.steps), (1, 1));
        let row = client.query_one(there, &[]).await.unwrap();
        assert_eq!((row.get(0), row.get(1)), (false, false));
    });
}
