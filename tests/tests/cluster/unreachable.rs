//! A replica that cannot be reached, or fails in the middle.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl as _;
use store_core::postgres::db_error;
use store_core::replica::{Freshness, from_replica};

use crate::counts::run_counted;
use crate::support::{Cluster, Histories, settings, until};

const WAIT: Duration = Duration::from_millis(200);
/// As long as a read would wait for the pool of the primary.
const FAR_TOO_LONG: Duration = Duration::from_secs(30);

#[test]
fn the_primary_answers_for_a_replica_that_is_gone_until_it_is_back() {
    run_counted(|counts| async move {
        let mut cluster = Cluster::start();
        let t = Histories::open(cluster.settings().postgres_replica_wait(WAIT)).await;
        let id = t.start("e").await;
        cluster.caught_up(&t.databases).await;
        let read = || from_replica(Freshness::Any, t.steps(&id));
        let answers_more_than = async |before: u64| {
            let answers = || async {
                assert_eq!(read().await, Some(0));
                counts.of("replica") > before
            };
            until("the replica answers", answers).await;
        };
        answers_more_than(0).await;
        cluster.standby.kill();
        let started = Instant::now();
        for _read in 0..20 {
            assert_eq!(read().await, Some(0));
        }
        assert!(started.elapsed() < FAR_TOO_LONG, "{:?}", started.elapsed());
        // The first may find its connection cut in the middle.
        assert!(counts.of("unreachable") + counts.of("failed") >= 20);
        cluster.standby.start();
        answers_more_than(counts.of("replica")).await;
    });
}

#[test]
fn a_store_opens_and_reads_without_its_replica() {
    run_counted(|counts| async move {
        let cluster = Cluster::start();
        let nobody = "postgresql://postgres:postgres@127.0.0.1:1/postgres";
        let settings = settings(&cluster.primary.url()).postgres_replica_dsn(nobody);
        let t = Histories::open(settings.postgres_replica_wait(WAIT)).await;
        let id = t.start("e").await;
        assert_eq!(from_replica(Freshness::Any, t.steps(&id)).await, Some(0));
        assert_eq!(counts.of("unreachable"), 1);
    });
}

#[test]
fn a_read_that_fails_on_the_replica_is_answered_by_the_primary() {
    run_counted(|counts| async move {
        let cluster = Cluster::start();
        let t = Histories::open(cluster.settings()).await;
        let db = t.db().await;
        let attempts = AtomicU32::new(0);
        // As an operation of a store does it.
        let read = store_core::observed_read!("history", "test", "postgres", async {
            db.read("test", || async {
                attempts.fetch_add(1, Ordering::Relaxed);
                let mut conn = db.conn("test").await?;
                let fails = "SELECT 1 / (NOT pg_is_in_recovery())::int";
                let run = diesel::sql_query(fails).execute(&mut conn).await;
                run.map(drop).map_err(db_error("test"))
            })
            .await
        });
        from_replica(Freshness::Any, read).await.unwrap();
        assert_eq!(attempts.into_inner(), 2);
        assert_eq!((counts.of("replica"), counts.of("failed")), (1, 1));
    });
}

#[test]
fn a_promoted_replica_answers_what_it_has_written_itself() {
    run_counted(|counts| async move {
        let cluster = Cluster::start();
        let t = Histories::open(cluster.settings()).await;
        t.start("e").await;
        cluster.caught_up(&t.databases).await;
        cluster.standby.promote();
        // The application has moved on to the new primary, which is still its replica as well.
        let moved = cluster.settings().postgres_dsn(&cluster.standby.url());
        let t = Histories::open(moved).await;
        let id = store_tests::samples::id("e");
        t.append(&id).await;
        let position = t.databases.write_position().await.unwrap();
        assert_eq!(from_replica(Freshness::After(position), t.steps(&id)).await, Some(1));
        assert_eq!((counts.of("replica"), counts.of("behind")), (1, 0));
    });
}
