//! The primary dies under load, and its synchronous standby takes its place.

use std::time::{Duration, Instant};

use serde_json::json;
use store_core::Failure;
use store_core::postgres::Notice;
use store_tests::server::Setup;
use store_tests::{run, samples};

use crate::load::Load;
use crate::support::{Cluster, Histories, PATIENCE, client, settings, until};

/// Writes that are acknowledged before the primary dies, and again afterwards.
const ENOUGH: usize = 600;
const POOL_TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_failover_loses_no_acknowledged_write_doubles_none_and_ends_within_the_deadline() {
    run(async {
        let mut cluster = Cluster::of(Setup::default().synchronous());
        let settings = cluster.settings_of_both().postgres_pool_timeout(POOL_TIMEOUT);
        let load = Load::start(settings).await;
        load.acknowledges(ENOUGH).await;
        cluster.primary.kill();
        cluster.standby.promote();
        let promoted = Instant::now();
        load.acknowledges(ENOUGH).await;
        let took = promoted.elapsed();
        assert!(took < POOL_TIMEOUT, "callers recovered only after {took:?}");
        let health = load.databases().postgres().await.unwrap().health(PATIENCE, &[]).await;
        assert_eq!((health.writable, health.replica_lag), (Some(true), None));
        load.stop_and_check().await;
    });
}

#[test]
fn a_listener_moves_to_the_new_primary_and_is_told_that_it_may_have_missed_something() {
    run(async {
        let mut cluster = Cluster::start();
        let t = Histories::open(cluster.settings_of_both()).await;
        let mut listener = t.db().await.listen(&["news"]).await.unwrap();
        cluster.primary.kill();
        cluster.standby.promote();
        let heard = tokio::time::timeout(PATIENCE, listener.next()).await.unwrap();
        assert_eq!(heard, Some(Notice::Reconnected));
        client(&cluster.standby).await.batch_execute("NOTIFY news, 'hello'").await.unwrap();
        let heard = tokio::time::timeout(PATIENCE, listener.next()).await.unwrap();
        let hello = Notice::Notification { channel: "news".into(), payload: "hello".into() };
        assert_eq!(heard, Some(hello));
    });
}

#[test]
fn a_write_whose_synchronous_standby_is_gone_ends_as_unknown_and_is_carried_out() {
    run(async {
        let mut cluster = Cluster::of(Setup::default().synchronous());
        // The application gives up after 2 s in all.
        let settings = settings(&cluster.primary.url())
            .postgres_pool_timeout(Duration::from_secs(1))
            .postgres_statement_timeout(Duration::from_millis(250));
        let t = Histories::open(settings).await;
        let id = t.start("e").await;
        cluster.standby.stop();
        let step = || samples::keyed("once", json!("a step"));
        let append = tokio::time::timeout(PATIENCE, t.store.append_step(&id, step()));
        let error = append.await.expect("it ends").unwrap_err();
        let unknown = Some(Failure::Unavailable { outcome_unknown: true });
        assert_eq!(error.failure(), unknown, "{error}");
        assert_eq!(t.store.health().await.writable, Some(true));

        cluster.standby.start();
        until("writes are acknowledged again", async || {
            t.store.append_step(&id, step()).await.is_ok()
        })
        .await;
        assert_eq!(t.steps(&id).await, Some(1));
    });
}
