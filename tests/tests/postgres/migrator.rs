//! Who migrates: nobody when that is switched off, a role with more rights when there is one.

use store_core::{Databases, Error, MigrationError};
use store_tests::fixture::postgres::{connect, unique_schema, url};
use store_tests::server::{Server, Setup};
use store_tests::{run, samples};

use crate::support::{client, settings};

/// An application that may use what the migrator makes, and make nothing itself.
const ROLES: &str = "
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE ROLE app LOGIN PASSWORD 'app';
CREATE ROLE migrator LOGIN PASSWORD 'migrator';
GRANT CREATE ON DATABASE postgres TO migrator;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator GRANT USAGE ON SCHEMAS TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
";

fn dsn(server: &Server, role: &str) -> String {
    format!("postgresql://{role}:{role}@127.0.0.1:{}/postgres", server.port())
}

#[test]
fn with_auto_migrate_off_an_empty_schema_is_refused_and_left_alone() {
    run(async {
        let schema = unique_schema();
        let settings =
            settings(&url()).postgres_schema(&schema).auto_migrate(false).build().unwrap();
        let error = store_history::open(&Databases::new(settings)).await.unwrap_err();
        let Error::Migration { crate_name, reason: MigrationError::Pending { names } } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(*crate_name, "store-history");
        assert_eq!(names[0], "2026-11-21-000012_create_history");
        assert!(error.to_string().contains(&names[0]), "{error}");
        let made = "SELECT FROM pg_namespace WHERE nspname = $1";
        assert!(connect().await.query(made, &[&schema]).await.unwrap().is_empty());
    });
}

#[test]
fn with_auto_migrate_off_a_migrated_schema_opens() {
    run(async {
        let place =
            store_tests::fixture::postgres::Place::fresh(&store_history::postgres::SCHEMA).await;
        let settings = settings(&url())
            .postgres_schema(&place.schemas[0])
            .auto_migrate(false)
            .build()
            .unwrap();
        let store = store_history::open(&Databases::new(settings)).await.unwrap();
        store.start(samples::execution("e")).await.unwrap();
        place.finish().await;
    });
}

#[test]
fn the_migrators_dsn_migrates_for_a_role_that_may_not() {
    run(async {
        let server = Setup::default().start();
        client(&server.url()).await.batch_execute(ROLES).await.unwrap();
        let app = || settings(&dsn(&server, "app")).postgres_schema("history");

        let alone = Databases::new(app().build().unwrap());
        let error = store_history::open(&alone).await.unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{error}");

        let both = app().migrator_dsn(&dsn(&server, "migrator")).build().unwrap();
        let store = store_history::open(&Databases::new(both)).await.unwrap();
        store.start(samples::execution("e")).await.unwrap();
        let step = samples::step(samples::everything());
        store.append_step(&samples::id("e"), step).await.unwrap();

        // What is migrated needs the migrator no longer.
        let again = store_history::open(&alone).await.unwrap();
        assert_eq!(again.fetch(&samples::id("e")).await.unwrap().step_count, 1);
        let owner = "SELECT tableowner::text FROM pg_tables WHERE tablename = 'history_steps'";
        let row = client(&server.url()).await.query_one(owner, &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), "migrator");
    });
}

#[test]
fn a_schema_that_was_made_for_the_migrator_is_enough() {
    run(async {
        let server = Setup::default().start();
        let client = client(&server.url()).await;
        client.batch_execute(ROLES).await.unwrap();
        // No right to make schemas: the administrator made this one.
        let given = "REVOKE CREATE ON DATABASE postgres FROM migrator; \
                     CREATE SCHEMA history AUTHORIZATION migrator; \
                     GRANT USAGE ON SCHEMA history TO app";
        client.batch_execute(given).await.unwrap();
        let settings = settings(&dsn(&server, "app"))
            .postgres_schema("history")
            .migrator_dsn(&dsn(&server, "migrator"))
            .build()
            .unwrap();
        let store = store_history::open(&Databases::new(settings)).await.unwrap();
        store.start(samples::execution("e")).await.unwrap();
    });
}
