//! What health says of a replica.

use std::time::Duration;

use store_core::{Databases, ReplicaHealth};
use store_tests::run;

use crate::support::{Cluster, Histories, settings, until};

#[test]
fn the_lag_of_the_replica_is_shown_and_it_is_not_needed_to_be_ready() {
    run(async {
        let mut cluster = Cluster::start();
        let t = Histories::open(cluster.settings()).await;
        let id = t.start("e").await;
        let replica = async || -> ReplicaHealth {
            let health = t.store.health().await;
            assert!(health.is_ready(), "{health:?}");
            assert_eq!(health.replica_lag, None, "the primary is no replica");
            health.replica.expect("the settings have one")
        };
        let has_caught_up = || async {
            let found = replica().await;
            found.reachable && found.lag == Some(Duration::ZERO) && found.problem.is_none()
        };
        until("it has caught up", has_caught_up).await;

        cluster.pause_replay().await;
        t.append(&id).await;
        let lags = || async { replica().await.lag.is_some_and(|lag| !lag.is_zero()) };
        until("it lags", lags).await;
        let first = replica().await.lag;
        until("it lags more and more", || async { replica().await.lag > first }).await;
        cluster.resume_replay().await;
        until("it has caught up again", has_caught_up).await;

        cluster.standby.stop();
        until("it is gone", || async { !replica().await.reachable }).await;
        assert!(replica().await.problem.is_some());
        cluster.standby.start();
        until("it is back", has_caught_up).await;
    });
}

#[test]
fn a_replica_without_a_primary_says_so() {
    run(async {
        let mut cluster = Cluster::start();
        let t = Histories::open(cluster.settings()).await;
        t.start("e").await;
        cluster.caught_up(&t.databases).await;
        cluster.primary.kill();
        let replica = async || t.store.health().await.replica.unwrap();
        let says = async |expected: &str| {
            replica().await.problem.is_some_and(|problem| problem.contains(expected))
        };
        until("nothing is received", || says("receives nothing")).await;
        // Everything that it received is applied, and yet it gets older.
        until("its age is known", || async { replica().await.lag.is_some() }).await;
        let first = replica().await.lag;
        until("it gets older", || async { replica().await.lag > first }).await;

        // Whoever is connected to the standby alone is told as well.
        let alone = Databases::new(settings(&cluster.standby.url()).build().unwrap());
        let health = alone.postgres().await.unwrap().health(Duration::from_secs(5), &[]).await;
        assert_eq!((health.writable, health.replica_lag.is_some()), (Some(false), true));

        cluster.standby.promote();
        until("it is a primary", || says("primary itself")).await;
    });
}
