//! Reads that ask for the replica, and reads that do not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use store_core::Databases;
use store_core::replica::{Freshness, Lsn, from_replica};
use store_tests::fixture::postgres::{Place, url};
use store_tests::{run, samples};

use crate::counts::run_counted;
use crate::support::{Cluster, Histories, settings, until};

const BRIEFLY: Duration = Duration::from_millis(100);

#[test]
fn only_a_read_that_asks_for_the_replica_is_answered_by_it() {
    run(async {
        let cluster = Cluster::start();
        let t = Histories::open(cluster.settings()).await;
        let id = t.start("e").await;
        cluster.caught_up(&t.databases).await;
        cluster.pause_replay().await;
        t.append(&id).await;
        assert_eq!(t.steps(&id).await, Some(1), "the primary knows the step");
        assert_eq!(cluster.connections_to_standby().await, 0, "nobody has asked for the replica");

        assert_eq!(from_replica(Freshness::Any, t.steps(&id)).await, Some(0));
        assert!(cluster.connections_to_standby().await > 0);
        assert_eq!(t.steps(&id).await, Some(1), "after the scope the primary is back");
        let primary = from_replica(Freshness::Any, async { tokio::spawn(find(&t)).await.unwrap() });
        assert_eq!(primary.await, Some(1), "a task of its own is outside of the scope");
    });
}

fn find(t: &Histories) -> impl Future<Output = Option<i64>> + use<> {
    let store = Arc::clone(&t.store);
    async move { store.find(&samples::id("e")).await.unwrap().map(|e| e.step_count) }
}

#[test]
fn every_write_is_read_back_while_the_replica_stops_and_goes() {
    run_counted(|counts| async move {
        let cluster = Cluster::start();
        let t = Histories::open(cluster.settings().postgres_replica_wait(BRIEFLY)).await;
        let id = t.start("e").await;
        let read_back = || async {
            let position = t.databases.write_position().await.unwrap();
            from_replica(Freshness::After(position), t.steps(&id)).await
        };
        let answers = || async {
            read_back().await;
            counts.of("replica") > 0
        };
        until("the replica answers", answers).await;
        for written in 1..=30 {
            match written % 10 {
                1 => cluster.pause_replay().await,
                6 => cluster.resume_replay().await,
                _ => {}
            }
            t.append(&id).await;
            assert_eq!(read_back().await, Some(written));
        }
        assert!(counts.of("behind") > 0, "the primary answered while replay was paused");
        let before = counts.of("replica");
        let answers = || async {
            assert_eq!(read_back().await, Some(30));
            counts.of("replica") > before
        };
        until("the replica answers once it has caught up", answers).await;
    });
}

#[test]
fn a_read_waits_for_the_replica_to_reach_a_position() {
    run_counted(|counts| async move {
        let cluster = Cluster::start();
        let t = Histories::open(cluster.settings()).await;
        let id = t.start("e").await;
        cluster.caught_up(&t.databases).await;
        cluster.pause_replay().await;
        t.append(&id).await;
        // As another process would get it.
        let position = t.databases.write_position().await.unwrap().to_string();
        let position: Lsn = position.parse().unwrap();
        let read = from_replica(Freshness::After(position), t.steps(&id));
        let (read, ()) = tokio::join!(read, cluster.resume_replay());
        assert_eq!(read, Some(1));
        assert_eq!((counts.of("replica"), counts.of("behind")), (1, 0));
    });
}

#[test]
fn without_a_replica_the_same_code_reads_the_only_database_there_is() {
    run(async {
        let place = Place::fresh(&store_history::postgres::SCHEMA).await;
        let postgres = settings(&url()).postgres_schema(&place.schemas[0]).build().unwrap();
        let all = [
            Databases::new(postgres),
            #[cfg(feature = "sqlite")]
            Databases::new(store_core::Settings::memory()),
        ];
        for databases in all {
            let store = store_history::open(&databases).await.unwrap();
            let id = samples::id("e");
            store.start(samples::execution("e")).await.unwrap();
            store.append_step(&id, samples::step(json!(1))).await.unwrap();
            let position = databases.write_position().await.unwrap();
            for freshness in [Freshness::Any, Freshness::After(position)] {
                let read = from_replica(freshness, store.fetch(&id)).await.unwrap();
                assert_eq!(read.step_count, 1);
            }
            assert!(store.health().await.replica.is_none());
        }
        place.finish().await;
    });
}
