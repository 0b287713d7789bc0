//! What every connection is set to.

use std::time::Duration;

use store_core::postgres::Database;
use store_core::settings::SettingsBuilder;
use store_core::{Databases, Error, PageRequest};
use store_tests::fixture::postgres::{Place, url};
use store_tests::server::Setup;
use store_tests::{run, samples};

use crate::support::{open, settings, value, with};

/// Names that break in one way or another unless they are quoted and escaped.
const SCHEMAS: [&str; 4] = ["My \"Schema\"", "back\\slash \\ two", "it's", "späße 🎉"];

async fn database(builder: SettingsBuilder) -> Database {
    Databases::new(builder.build().unwrap()).postgres().await.unwrap()
}

async fn setting(db: &Database, name: &str) -> String {
    let mut conn = db.conn("test").await.unwrap();
    value(&mut conn, &format!("SELECT current_setting('{name}')")).await.unwrap()
}

#[test]
fn every_session_has_the_timeouts_of_the_settings() {
    run(async {
        let builder = settings(&url())
            .postgres_statement_timeout(Duration::from_millis(7001))
            .postgres_lock_timeout(Duration::from_secs(8))
            .postgres_idle_in_transaction_timeout(Duration::from_secs(90));
        let db = database(builder).await;
        assert_eq!(setting(&db, "statement_timeout").await, "7001ms");
        assert_eq!(setting(&db, "lock_timeout").await, "8s");
        assert_eq!(setting(&db, "idle_in_transaction_session_timeout").await, "90s");
    });
}

#[test]
fn every_session_is_in_utc_and_has_a_name() {
    run(async {
        let db = open(&url()).await;
        assert_eq!(setting(&db, "TimeZone").await, "UTC");
        assert_eq!(setting(&db, "application_name").await, "parallel-stores");
        assert_eq!(setting(&db, "client_encoding").await, "UTF8");
        let named = open(&with(&url(), "application_name=my%20agent")).await;
        assert_eq!(setting(&named, "application_name").await, "my agent");
    });
}

#[test]
fn options_of_the_dsn_are_kept_beside_the_settings() {
    run(async {
        let dsn = with(&url(), "options=-c%20work_mem%3D77MB%20-c%20search_path%3Dpg_catalog");
        let db = open(&dsn).await;
        assert_eq!(setting(&db, "work_mem").await, "77MB");
        assert_eq!(setting(&db, "search_path").await, "pg_catalog");
        assert_eq!(setting(&db, "statement_timeout").await, "30s");
    });
}

#[test]
fn a_schema_may_have_any_name() {
    run(async {
        let server = Setup::default().start();
        for schema in SCHEMAS {
            let builder = settings(&server.url()).postgres_schema(schema);
            let databases = Databases::new(builder.build().unwrap());
            let store = store_history::open(&databases).await.unwrap();
            store.start(samples::execution("e")).await.unwrap();
            let db = databases.postgres().await.unwrap();
            let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
            assert_eq!(setting(&db, "search_path").await, quoted);
            let mut conn = db.conn("test").await.unwrap();
            let current = value(&mut conn, "SELECT current_schema()").await.unwrap();
            assert_eq!(current, schema);
            let place = "SELECT nspname FROM pg_namespace JOIN pg_class \
                         ON relnamespace = pg_namespace.oid \
                         WHERE pg_class.oid = 'history_executions'::regclass";
            assert_eq!(value(&mut conn, place).await.unwrap(), schema);
        }
    });
}

/// In a `search_path` this stands for the user, quoted or not: tables would be in another schema.
#[test]
fn a_schema_that_the_search_path_reads_as_something_else_is_refused() {
    let error = settings(&url()).postgres_schema("$user").build().unwrap_err();
    assert!(matches!(error, Error::Settings { .. }), "{error}");
}

#[test]
fn without_a_statement_cache_the_store_works_and_the_server_keeps_no_statements() {
    run(async {
        let place = Place::fresh(&store_history::postgres::SCHEMA).await;
        let mut kept = Vec::new();
        for cache in [false, true] {
            let builder = settings(&url())
                .postgres_schema(&place.schemas[0])
                .postgres_pool_max_size(1)
                .postgres_statement_cache(cache);
            let databases = Databases::new(builder.build().unwrap());
            let store = store_history::open(&databases).await.unwrap();
            let name = format!("cache {cache}");
            let id = samples::id(&name);
            store.start(samples::execution(&name)).await.unwrap();
            for index in 0..5 {
                let step = samples::step(samples::everything());
                assert_eq!(store.append_step(&id, step).await.unwrap().index, index);
            }
            let steps = store.steps(&id, &PageRequest::default()).await.unwrap().items;
            assert_eq!(steps.len(), 5);
            let db = databases.postgres().await.unwrap();
            let mut conn = db.conn("test").await.unwrap();
            // Put together, so that the query does not count itself.
            let count = "SELECT count(*) FROM pg_prepared_statements \
                         WHERE statement LIKE '%history_' || 'steps%'";
            kept.push(value(&mut conn, count).await.unwrap().parse::<u32>().unwrap());
        }
        let [without, with] = kept[..] else { panic!("{kept:?}") };
        assert_eq!(without, 0);
        assert!(with >= 2, "appending and listing are two statements, {with} are kept");
        place.finish().await;
    });
}
