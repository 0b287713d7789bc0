//! Slow statements: warned of by operation and text, never with their values.

use std::time::Duration;

use store_core::chatkit::{ChatKitStore, ItemSearch, ThreadFilter};
use store_core::history::RunHistoryStore;
use store_core::json::JsonPolicy;
use store_core::{PageRequest, Settings};
#[cfg(feature = "postgres")]
use store_tests::fixture::History;
use store_tests::samples::{self, alice, execution, id, step};

use crate::kept::{self, Fields};

/// What is bound in every statement here, and must not be seen anywhere.
const MARKER: &str = "marker-5e0c";

/// The warnings of slow statements of an operation.
fn warnings(backend: &str, operation: &str) -> Vec<Fields> {
    let is_warning = |event: &&Fields| {
        event["message"] == "slow query"
            && event["backend"] == backend
            && event["operation"] == operation
    };
    kept::kept(|kept| kept.events.iter().filter(is_warning).cloned().collect())
}

/// Asserts that statements of an operation were warned of, and returns their texts.
#[track_caller]
fn assert_warned(backend: &str, operation: &str) -> Vec<String> {
    let warnings = warnings(backend, operation);
    assert!(!warnings.is_empty(), "{backend} {operation} was not warned of");
    let text = |warning: &Fields| {
        assert_eq!(warning["level"], "WARN");
        warning["elapsed_ms"].parse::<u64>().unwrap();
        warning["sql"].clone()
    };
    warnings.iter().map(text).collect()
}

/// Asserts that no value was written down: in no span, no event and no label.
fn assert_no_values() {
    kept::kept(|kept| {
        let shown = format!("{kept:?}");
        let at = shown.find(MARKER).map(|at| &shown[at.saturating_sub(200)..at + 40]);
        assert_eq!(at, None, "a value was written down");
    });
}

/// Every way of running a statement, on one backend.
macro_rules! ways {
    ($backend:literal, $db:ident, $run:ident) => {{
        use diesel::sql_types::Text;
        use diesel::{IntoSql as _, QueryableByName};

        enum Fixed {}
        #[derive(QueryableByName)]
        struct Value {
            #[diesel(sql_type = Text)]
            value: String,
        }

        let value: String = $run!($db, "by_dsl", |conn| {
            diesel::select(MARKER.into_sql::<Text>()).get_result(conn)
        });
        assert_eq!(value, MARKER);
        let value: String = $run!($db, "by_statement", |conn| {
            Statement::<Fixed, Text>::new("SELECT ?", vec![Bind::Text(MARKER)]).get_result(conn)
        });
        assert_eq!(value, MARKER);
        let value: String = $run!($db, "by_composed", |conn| {
            Composed::<Text>::new("SELECT ? ".into(), vec![Bind::Text(MARKER)]).get_result(conn)
        });
        assert_eq!(value, MARKER);
        let value: Value = $run!($db, "by_sql_query", |conn| {
            diesel::sql_query(concat!("SELECT ", $backend, " AS value"))
                .bind::<Text, _>(MARKER)
                .get_result(conn)
        });
        assert_eq!(value.value, MARKER);
    }};
}

const WAYS: [&str; 4] = ["by_dsl", "by_statement", "by_composed", "by_sql_query"];

fn assert_all_ways_warned(backend: &str) {
    for way in WAYS {
        let texts = assert_warned(backend, &format!("database.{way}"));
        assert!(texts[0].starts_with("SELECT "), "{texts:?}");
    }
    assert_no_values();
}

/// Stores values, and looks for them, in ways that share statements and that compose them.
async fn story(history: &dyn RunHistoryStore, chats: &dyn ChatKitStore) {
    let name = |number: usize| format!("{MARKER}-{number}");
    for number in 0..2 {
        history.start(execution(&name(number))).await.unwrap();
    }
    let append = |number: usize| {
        let id = id(&name(number % 2));
        async move { history.append_step(&id, step(MARKER.into())).await.unwrap() }
    };
    futures_util::future::join_all((0..64).map(append)).await;
    let many = vec![step(MARKER.into()), step(MARKER.into())];
    history.append_steps(&id(&name(0)), many).await.unwrap();
    history.fetch_with_steps(&id(&name(1))).await.unwrap();

    let thread = samples::described(MARKER, serde_json::json!({ "of": MARKER }));
    let thread = chats.save_thread(&alice(), thread).await.unwrap();
    let item = samples::message("i", MARKER);
    chats.add_thread_item(&alice(), &thread.id, item).await.unwrap();
    let search = ItemSearch::in_thread(thread.id.clone(), MARKER);
    let found = chats.search_items(&alice(), &search, &PageRequest::default()).await.unwrap();
    assert_eq!(found.items.len(), 1);
    let metadata_contain = Some(serde_json::json!({ "of": MARKER }));
    let filter = ThreadFilter { metadata_contain, ..ThreadFilter::default() };
    let found = chats.filter_threads(&alice(), &filter, &PageRequest::default()).await.unwrap();
    assert_eq!(found.items.len(), 1);
}

/// Asserts that the story was warned of, and returns what appended steps.
fn assert_story_warned(backend: &str) -> Vec<String> {
    let operations = [
        "history.start",
        "history.append_steps",
        "history.fetch_with_steps",
        "chatkit.save_thread",
        "chatkit.add_thread_item",
        "chatkit.search_items",
        "chatkit.filter_threads",
        "database.migrate",
    ];
    for operation in operations {
        assert_warned(backend, operation);
    }
    assert_no_values();
    assert_warned(backend, "history.append_step")
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::{RunQueryDsl as _, SqliteConnection};
    use store_core::Subsystem;
    use store_core::sqlite::{Bind, Composed, Database, Options, Statement, db_error};

    use super::*;

    macro_rules! run {
        ($db:ident, $operation:literal, |$conn:ident| $query:expr) => {{
            let query = |$conn: &mut SqliteConnection| $query.map_err(db_error($operation));
            let written = $db.write($operation, query).await.unwrap();
            drop(written);
            $db.read($operation, query).await.unwrap()
        }};
    }

    /// Opens a file for which every statement is slow.
    async fn open(path: &std::path::Path) -> Database {
        let mut options = Options::new(path.to_path_buf());
        options.slow_query = Duration::ZERO;
        Database::open(options).await.unwrap()
    }

    #[test]
    fn a_slow_statement_is_named_and_shown_without_its_values() {
        kept::keep();
        store_tests::run(async {
            let directory = tempfile::tempdir().unwrap();
            let db = open(&directory.path().join("slow.sqlite")).await;
            ways!("?", db, run);
            assert_all_ways_warned("sqlite");

            db.migrate(&store_history::sqlite::SCHEMA).await.unwrap();
            db.migrate(&store_chatkit::sqlite::SCHEMA).await.unwrap();
            let clock = || std::sync::Arc::new(store_core::SystemClock);
            let (json, limits) = (JsonPolicy::default(), store_chatkit::Limits::default());
            let history =
                store_history::sqlite::SqliteRunHistoryStore::new(db.clone(), json, clock());
            let chats = store_chatkit::sqlite::SqliteChatKitStore::new(db, json, limits, clock());
            story(&history, &chats).await;
            assert_story_warned("sqlite");
        });
    }

    #[test]
    fn what_is_slow_is_a_setting() {
        kept::keep();
        store_tests::run(async {
            let directory = tempfile::tempdir().unwrap();
            for (limit, operation, warned) in [("1", "slow", 1), ("60000", "fast", 0)] {
                let path = directory.path().join(operation).display().to_string();
                let vars = [("STORE_SQLITE_PATH", &*path), ("STORE_SLOW_QUERY_MS", limit)];
                let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
                let settings = Settings::from_vars("STORE", vars).unwrap();
                let options = Options::from_settings(&settings, Subsystem::History);
                let db = Database::open(options).await.unwrap();
                let count = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                             WHERE i < 300000) SELECT count(*) FROM n";
                let counted = db.read(operation, move |conn| {
                    diesel::sql_query(count).execute(conn).map_err(db_error("count"))
                });
                counted.await.unwrap();
                let warnings = warnings("sqlite", &format!("database.{operation}"));
                assert_eq!(warnings.len(), warned, "{warnings:?}");
            }
        });
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel_async::RunQueryDsl as _;
    use store_core::postgres::{Bind, Composed, Database, Options, Statement, db_error};
    use store_tests::fixture::Place;

    use super::*;

    macro_rules! run {
        ($db:ident, $operation:literal, |$conn:ident| $query:expr) => {{
            let attempt = || async {
                let mut conn = $db.conn($operation).await?;
                let $conn = &mut *conn;
                $query.await.map_err(db_error($operation))
            };
            $db.read($operation, attempt).await.unwrap()
        }};
    }

    /// Opens the schema of a fixture as a database for which every statement is slow.
    #[allow(
        irrefutable_let_patterns,
        clippy::allow_attributes,
        reason = "with one backend there is one place"
    )]
    async fn open(t: &History) -> Database {
        let Place::Postgres(place) = &t.place else { panic!("it is on PostgreSQL") };
        let mut options = store_tests::fixture::postgres::options(&place.schemas[0]);
        options.slow_query = Duration::ZERO;
        Database::open(options).await.unwrap()
    }

    #[test]
    fn a_slow_statement_is_named_and_shown_without_its_values() {
        kept::keep();
        store_tests::run(async {
            let t = store_tests::fixture::postgres::history("slow").await;
            let db = open(&t).await;
            ways!("$1", db, run);
            assert_all_ways_warned("postgres");

            db.migrate(&store_chatkit::postgres::SCHEMA).await.unwrap();
            let clock = || std::sync::Arc::new(store_core::SystemClock);
            let (json, limits) = (JsonPolicy::default(), store_chatkit::Limits::default());
            let history =
                store_history::postgres::PostgresRunHistoryStore::new(db.clone(), json, clock());
            let chats =
                store_chatkit::postgres::PostgresChatKitStore::new(db, json, limits, clock());
            story(&history, &chats).await;
            let appended = assert_story_warned("postgres");
            let shared = appended.iter().any(|sql| sql.contains("unnest("));
            assert!(shared, "a statement that callers share has their operation: {appended:?}");
            t.finish().await;
        });
    }

    #[test]
    fn what_is_slow_is_a_setting() {
        kept::keep();
        store_tests::run(async {
            for (limit, operation, warned) in [("1", "slow", 1), ("60000", "fast", 0)] {
                let url = store_tests::fixture::postgres::url();
                let vars = [("STORE_POSTGRES_DSN", &*url), ("STORE_SLOW_QUERY_MS", limit)];
                let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
                let settings = Settings::from_vars("STORE", vars).unwrap();
                let db = Database::open(Options::from_settings(&settings).unwrap()).await.unwrap();
                let slept = db.read(operation, || async {
                    let mut conn = db.conn(operation).await?;
                    let sleep = diesel::sql_query("SELECT pg_sleep(0.01)");
                    sleep.execute(&mut *conn).await.map_err(db_error("sleep"))
                });
                slept.await.unwrap();
                let warnings = warnings("postgres", &format!("database.{operation}"));
                assert_eq!(warnings.len(), warned, "{warnings:?}");
            }
        });
    }
}
