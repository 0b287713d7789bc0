//! Workers that are told of new jobs by the server, and what when they are not.

use std::sync::Arc;

use serde_json::json;
use store_core::queue::{JobState, NewJob};
use store_core::{Backend, Databases, Settings};
use store_tests::fixture::Place;
use store_tests::fixture::postgres::{connect, unique_schema, url, workflows};
use store_tests::run;
use store_workflow::worker::Worker;

use crate::support::{Queue, until};

/// While the connections that notifications come over are killed again and again, jobs that other
/// processes enqueue are carried out all the same.
#[test]
fn jobs_are_found_without_notifications() {
    run(async {
        let t = workflows("jobs_are_found_without_notifications").await;
        let place = match &t.place {
            Place::Postgres(place) => place,
            #[cfg(feature = "sqlite")]
            Place::Sqlite(_) => panic!("the fixture is one of PostgreSQL"),
        };
        let name = unique_schema();
        let listen_dsn = format!("{}?application_name={name}", url());
        let settings = Settings::builder()
            .backend(Backend::Postgres)
            .sqlite_path("unused.sqlite")
            .postgres_dsn(&url())
            .postgres_listen_dsn(&listen_dsn)
            .postgres_schema(&place.schemas[0])
            .build()
            .unwrap();
        let store = store_workflow::open(&Databases::new(settings)).await.unwrap();
        let worker =
            Worker::builder(Arc::clone(&store)).fallback(async |_| Ok(())).build().unwrap();
        let q = Queue::of(&t).await;
        worker.run(enqueue_while_listeners_are_killed(&q, &name)).await.unwrap();
        t.finish().await;
    });
}

async fn enqueue_while_listeners_are_killed(q: &Queue, listener: &str) {
    let client = connect().await;
    let kill = || async {
        let query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = $1";
        let killed = client.query(query, &[&listener]).await.unwrap().len();
        (killed > 0).then_some(killed)
    };
    for round in 0..5 {
        until("there is a listener", kill).await;
        let job = q.enqueue(NewJob::new("k", json!(round))).await;
        assert_eq!(q.ended(job).await.state, JobState::Succeeded);
    }
}
