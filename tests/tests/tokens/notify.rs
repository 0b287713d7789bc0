//! Caches that are told of changes by the server, and what when they are not.

use std::sync::Arc;
use std::time::Duration;

use store_core::{Backend, Databases, Settings};
use store_tests::fixture::Place;
use store_tests::fixture::postgres::{connect, tokens, unique_schema, url};
use store_tests::run;
use store_tokens::{AuthenticationRequest, CacheSettings, ServiceTokenManager};

use crate::support::{Installation, minted, origin, until};

const HOUR: Duration = Duration::from_secs(3600);

fn cache() -> CacheSettings {
    CacheSettings { max_age: HOUR, ..CacheSettings::default() }
}

/// A token that is revoked here is refused by another process that has it in its cache.
#[test]
fn a_revocation_reaches_the_cache_of_another_process() {
    run(async {
        let fixture = tokens("a_revocation_reaches_the_cache_of_another_process").await;
        let t = Installation::of(&fixture).await;
        let (text, token) = minted(&t.manager()).await;
        let mut process = t.process(&["watch"]);
        process.read(&text).await;
        for _ in 0..3 {
            process.tells("in").await;
            process.read("again").await;
        }
        process.tells("in").await;
        t.store.revoke(&token.identifier, None, false, &origin()).await.unwrap();
        let mut answer = Vec::new();
        while answer != ["out"] {
            process.read("again").await;
            answer = process.next().await.expect("it goes on");
        }
        process.end().await;
        fixture.finish().await;
    });
}

/// A token that is revoked while the connection that notifications come over is gone is refused
/// once it is back.
#[test]
fn a_revocation_reaches_a_cache_that_could_not_hear_it() {
    run(async {
        let fixture = tokens("a_revocation_reaches_a_cache_that_could_not_hear_it").await;
        let t = Installation::of(&fixture).await;
        let name = unique_schema();
        let manager = ServiceTokenManager::builder(heard_as(&fixture.place, &name).await)
            .cache(cache())
            .build()
            .unwrap();
        let anyone = AuthenticationRequest::default();
        for _ in 0..5 {
            let (text, token) = minted(&manager).await;
            until("there is a listener", async || killed(&name).await > 0).await;
            manager.authenticate(&text, &anyone).await.unwrap();
            t.store.revoke(&token.identifier, None, false, &origin()).await.unwrap();
            let refused = async || manager.authenticate(&text, &anyone).await.is_err();
            until("it is refused", refused).await;
        }
        manager.close().await.unwrap();
        fixture.finish().await;
    });
}

/// Opens the storage so that its listener can be told from other connections.
async fn heard_as(
    place: &Place,
    name: &str,
) -> Arc<dyn store_core::tokens::ServiceTokenRepository> {
    let place = match place {
        Place::Postgres(place) => place,
        #[cfg(feature = "sqlite")]
        Place::Sqlite(_) => panic!("the fixture is one of PostgreSQL"),
    };
    let settings = Settings::builder()
        .backend(Backend::Postgres)
        .sqlite_path("unused.sqlite")
        .postgres_dsn(&url())
        .postgres_listen_dsn(&format!("{}?application_name={name}", url()))
        .postgres_schema(&place.schemas[0])
        .build()
        .unwrap();
    store_tokens::open(&Databases::new(settings)).await.unwrap()
}

/// Kills the connections of that name, and returns how many there were.
async fn killed(name: &str) -> usize {
    let query =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
    connect().await.query(query, &[&name]).await.unwrap().len()
}
