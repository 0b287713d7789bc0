//! Health: unreachable is a value, and it never takes longer than its deadline.

use std::time::{Duration, Instant};

use store_core::postgres::Database;
use store_core::{Databases, Health};
use store_history::postgres::SCHEMA;
use store_tests::fixture::postgres::{Place, url};
use store_tests::run;
use store_tests::server::Setup;

use crate::support::{open, settings};

const DEADLINE: Duration = Duration::from_secs(1);
/// What a busy machine adds.
const SLACK: Duration = Duration::from_secs(2);

async fn health(db: &Database) -> Health {
    let started = Instant::now();
    let health = db.health(DEADLINE, &[&SCHEMA]).await;
    let took = started.elapsed();
    assert!(took < DEADLINE + SLACK, "it took {took:?}");
    health
}

#[test]
fn a_server_that_answers_is_reachable_writable_and_ready() {
    run(async {
        let place = Place::fresh(&store_history::postgres::SCHEMA).await;
        let health = health(&place.db).await;
        assert!(health.is_ready(), "{health:?}");
        assert_eq!((health.reachable, health.writable), (true, Some(true)));
        assert_eq!((health.problem, health.replica_lag), (None, None));
        assert!(health.server_version.is_some() && health.round_trip.is_some());
        assert!(health.migrations[0].pending.is_empty());
        place.finish().await;
    });
}

#[test]
fn a_server_that_is_gone_is_unreachable_within_the_deadline() {
    run(async {
        let mut server = Setup::default().start();
        // One pool gives up before the deadline and knows why, one would still try.
        let causes = [(200, "Connection refused"), (30_000, "deadline")];
        let mut pools = Vec::new();
        for (millis, cause) in causes {
            let timeout = Duration::from_millis(millis);
            let settings = settings(&server.url()).postgres_pool_timeout(timeout).build().unwrap();
            pools.push((Databases::new(settings).postgres().await.unwrap(), cause));
        }
        server.stop();
        for (db, cause) in &pools {
            let health = health(db).await;
            assert_eq!((health.reachable, health.writable), (false, None));
            let problem = health.problem.unwrap();
            assert!(problem.contains(cause), "{problem}");
        }
        server.start();
        for (db, _cause) in &pools {
            crate::support::until("it is back", || async { health(db).await.reachable }).await;
        }
    });
}

#[test]
fn a_pool_without_a_free_connection_is_reported_within_the_deadline() {
    run(async {
        let settings = settings(&url()).postgres_pool_max_size(1).build().unwrap();
        let db = Databases::new(settings).postgres().await.unwrap();
        let held = db.conn("test").await.unwrap();
        let busy = health(&db).await;
        assert!(!busy.reachable && busy.problem.is_some(), "{busy:?}");
        assert_eq!(busy.pool.in_use, 1);
        drop(held);
        assert!(health(&db).await.reachable);
    });
}

#[test]
fn a_read_only_server_is_reachable_and_not_writable() {
    run(async {
        let server = Setup::default().setting("default_transaction_read_only", "on").start();
        let health = health(&open(&server.url()).await).await;
        assert_eq!((health.reachable, health.writable), (true, Some(false)));
        assert!(!health.is_ready());
    });
}
