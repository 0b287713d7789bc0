//! Statements the server ends: too slow, locked out, deadlocked, read only.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use store_core::postgres::{Database, db_error};
use store_core::{Databases, Failure, Result};
use store_tests::fixture::postgres::{Place, connect, url};
use store_tests::{run, samples};

use crate::support::{settings, value, with};

const SHORT: Duration = Duration::from_millis(200);

async fn execute(conn: &mut AsyncPgConnection, statements: &str) -> Result<()> {
    conn.batch_execute(statements).await.map_err(db_error("execute"))
}

/// A fresh schema with a table of two rows, and a database over it.
async fn two_rows(lock_timeout: Duration) -> (Place, Database) {
    let place = Place::fresh(&store_history::postgres::SCHEMA).await;
    let schema = &place.schemas[0];
    connect()
        .await
        .batch_execute(&format!(
            "CREATE TABLE \"{schema}\".rows (id int PRIMARY KEY, n int NOT NULL); \
             INSERT INTO \"{schema}\".rows VALUES (1, 0), (2, 0)"
        ))
        .await
        .unwrap();
    let settings = settings(&url())
        .postgres_schema(schema)
        .postgres_lock_timeout(lock_timeout)
        .build()
        .unwrap();
    let db = Databases::new(settings).postgres().await.unwrap();
    (place, db)
}

#[test]
fn a_statement_that_takes_too_long_times_out() {
    run(async {
        let settings = settings(&url()).postgres_statement_timeout(SHORT).build().unwrap();
        let db = Databases::new(settings).postgres().await.unwrap();
        let mut conn = db.conn("test").await.unwrap();
        let error = value(&mut conn, "SELECT pg_sleep(60)").await.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::Timeout), "{error}");
        assert!(error.to_string().contains("statement timeout"), "{error}");
        assert_eq!(value(&mut conn, "SELECT 1").await.unwrap(), "1");
    });
}

#[test]
fn a_statement_that_waits_too_long_for_a_lock_times_out() {
    run(async {
        let (place, db) = two_rows(SHORT).await;
        let (mut holder, mut waiter) =
            (db.conn("test").await.unwrap(), db.conn("test").await.unwrap());
        let update = "UPDATE rows SET n = n + 1 WHERE id = 1";
        execute(&mut holder, &format!("BEGIN; {update}")).await.unwrap();
        let error = execute(&mut waiter, update).await.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::Timeout), "{error}");
        assert!(error.to_string().contains("lock timeout"), "{error}");
        execute(&mut holder, "COMMIT").await.unwrap();
        execute(&mut waiter, update).await.unwrap();
        drop((holder, waiter));
        place.finish().await;
    });
}

#[test]
fn one_of_two_deadlocked_transactions_fails_and_the_other_goes_on() {
    run(async {
        let (place, db) = two_rows(Duration::from_secs(30)).await;
        let (mut left, mut right) =
            (db.conn("test").await.unwrap(), db.conn("test").await.unwrap());
        let update = |id: u32| format!("UPDATE rows SET n = n + 1 WHERE id = {id}");
        execute(&mut left, &format!("BEGIN; {}", update(1))).await.unwrap();
        execute(&mut right, &format!("BEGIN; {}", update(2))).await.unwrap();
        let finish = async |conn: &mut AsyncPgConnection, id: u32| {
            let outcome = execute(conn, &update(id)).await;
            execute(conn, "COMMIT").await.unwrap();
            outcome
        };
        let (left, right) = tokio::join!(finish(&mut left, 2), finish(&mut right, 1));
        let failures: Vec<_> =
            [left, right].into_iter().filter_map(|outcome| outcome.err()?.failure()).collect();
        assert_eq!(failures, [Failure::Deadlock]);
        let mut conn = db.conn("test").await.unwrap();
        let sum = value(&mut conn, "SELECT string_agg(n::text, ',') FROM rows").await.unwrap();
        assert_eq!(sum, "1,1");
        drop(conn);
        place.finish().await;
    });
}

#[test]
fn a_write_in_a_read_only_session_is_refused_as_read_only() {
    run(async {
        let place = Place::fresh(&store_history::postgres::SCHEMA).await;
        let dsn = with(&url(), "options=-c%20default_transaction_read_only%3Don");
        let settings = settings(&dsn).postgres_schema(&place.schemas[0]).build().unwrap();
        let store = store_history::open(&Databases::new(settings)).await.unwrap();
        let error = store.start(samples::execution("e")).await.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::ReadOnly), "{error}");
        let found = store.find(&samples::id("e")).await.unwrap();
        assert_eq!(found, None);
        place.finish().await;
    });
}
