//! The pool: how many, who is next, and what happens to connections that died in it.

use std::sync::Arc;
use std::time::Duration;

use store_core::postgres::{Conn, Database};
use store_core::{Databases, Failure};
use store_tests::fixture::postgres::{Place, url};
use store_tests::{fixture, run, samples};
use tokio::sync::Mutex;

use crate::support::{client, settings, until, value, with};

async fn pool_of_two(timeout: Duration) -> Database {
    let settings =
        settings(&url()).postgres_pool_max_size(2).postgres_pool_timeout(timeout).build().unwrap();
    Databases::new(settings).postgres().await.unwrap()
}

async fn take(db: &Database) -> Conn {
    db.conn("test").await.unwrap()
}

#[test]
fn a_full_pool_refuses_after_its_timeout_and_serves_again_after_a_release() {
    run(async {
        let db = pool_of_two(Duration::from_millis(300)).await;
        let held = [take(&db).await, take(&db).await];
        let error = db.conn("test").await.unwrap_err();
        let exhausted = Failure::PoolExhausted { size: 2, in_use: 2, waiting: 1 };
        assert_eq!(error.failure(), Some(exhausted), "{error}");
        let status = db.pool_status();
        assert_eq!((status.size, status.in_use, status.waiting), (2, 2, 0));
        assert_eq!(status.timeouts, 1);

        let [first, second] = held;
        drop(first);
        let mut third = take(&db).await;
        assert_eq!(value(&mut third, "SELECT 1").await.unwrap(), "1");
        drop((second, third));
        assert_eq!(db.pool_status().in_use, 0);
    });
}

#[test]
fn callers_get_connections_in_the_order_they_asked() {
    const CALLERS: u32 = 20;
    run(async {
        let db = pool_of_two(Duration::from_secs(20)).await;
        let (first, kept) = (take(&db).await, take(&db).await);
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut callers = Vec::new();
        for number in 0..CALLERS {
            callers.push(tokio::spawn({
                let (db, served) = (db.clone(), Arc::clone(&served));
                async move {
                    let _conn = take(&db).await;
                    served.lock().await.push(number);
                }
            }));
            until("the caller waits", || async { db.pool_status().waiting == number + 1 }).await;
        }
        // With one connection they are served one by one.
        drop(first);
        for caller in callers {
            caller.await.unwrap();
        }
        drop(kept);
        assert_eq!(*served.lock().await, (0..CALLERS).collect::<Vec<_>>());
    });
}

#[test]
fn a_caller_that_goes_away_while_it_waits_costs_no_connection() {
    run(async {
        let db = pool_of_two(Duration::from_secs(20)).await;
        let held = [take(&db).await, take(&db).await];
        let waiting = tokio::spawn({
            let db = db.clone();
            async move { drop(take(&db).await) }
        });
        until("the caller waits", || async { db.pool_status().waiting == 1 }).await;
        waiting.abort();
        until("nobody waits", || async { db.pool_status().waiting == 0 }).await;
        drop(held);
        let both = [take(&db).await, take(&db).await];
        assert_eq!(db.pool_status().in_use, 2);
        drop(both);
    });
}

#[test]
fn a_connection_that_was_killed_while_idle_is_replaced() {
    run(async {
        let settings = settings(&url()).postgres_pool_max_size(1).build().unwrap();
        let db = Databases::new(settings).postgres().await.unwrap();
        let backend = || async {
            let mut conn = take(&db).await;
            value(&mut conn, "SELECT pg_backend_pid()").await
        };
        let before = backend().await.unwrap();
        kill(&before).await;
        let after = db.read("test", backend).await.unwrap();
        assert_ne!(after, before);
    });
}

#[test]
fn a_write_after_the_connection_was_killed_while_idle_succeeds() {
    run(async {
        let place = Place::fresh(&store_history::postgres::SCHEMA).await;
        let application = place.schemas[0].clone();
        let dsn = with(&url(), &format!("application_name={application}"));
        let settings = settings(&dsn)
            .postgres_schema(application.clone())
            .postgres_pool_max_size(1)
            .build()
            .unwrap();
        let store = store_history::open(&Databases::new(settings)).await.unwrap();
        store.start(samples::execution("e")).await.unwrap();
        let client = client(&url()).await;
        for number in 0..10 {
            let query = "SELECT pid::text FROM pg_stat_activity WHERE application_name = $1";
            for row in client.query(query, &[&application]).await.unwrap() {
                kill(&row.get::<_, String>(0)).await;
            }
            // The end of the connection is on its way; a read is repeated if it comes too early.
            store.fetch(&samples::id("e")).await.unwrap();
            let step = samples::step(serde_json::json!(number));
            assert_eq!(store.append_step(&samples::id("e"), step).await.unwrap().index, number);
        }
        place.finish().await;
    });
}

/// Ends a session and waits until the server has forgotten it.
async fn kill(pid: &str) {
    let client = fixture::postgres::connect().await;
    client.execute("SELECT pg_terminate_backend($1::text::int)", &[&pid]).await.unwrap();
    until("the session ends", || async {
        let query = "SELECT FROM pg_stat_activity WHERE pid = $1::text::int";
        client.query(query, &[&pid]).await.unwrap().is_empty()
    })
    .await;
}
