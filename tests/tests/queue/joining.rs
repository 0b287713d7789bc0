//! Jobs that are enqueued in a transaction of the application.

use std::sync::Arc;

use serde_json::json;
use store_core::json::JsonPolicy;
use store_core::queue::NewJob;
use store_core::{Error, Result, SystemClock};
use store_tests::fixture::{Place, Workflows};

const OPERATION: &str = "application";

/// Enqueues a job in a transaction that then ends with `end`.
async fn enqueue_and(t: &Workflows, new: NewJob, end: Result<()>) {
    let (json, clock) = (JsonPolicy::default(), Arc::new(SystemClock));
    match &t.place {
        #[cfg(feature = "sqlite")]
        Place::Sqlite(place) => {
            use store_workflow::sqlite::SqliteWorkflowRepository;
            let store = SqliteWorkflowRepository::new(place.db.clone(), json, clock, None);
            let expected = end.is_ok();
            let ended = place.db.write(OPERATION, move |conn| {
                store.enqueue_in(conn, vec![new.clone()])?;
                end.clone()
            });
            assert_eq!(ended.await.is_ok(), expected);
        }
        #[cfg(feature = "postgres")]
        Place::Postgres(place) => {
            use store_core::postgres::{begin, finish};
            use store_workflow::postgres::PostgresWorkflowRepository;
            let store = PostgresWorkflowRepository::new(place.db.clone(), json, clock, None);
            let mut conn = place.db.conn(OPERATION).await.unwrap();
            begin(OPERATION, &mut conn).await.unwrap();
            let id = new.id;
            store.enqueue_in(&mut conn, vec![new]).await.unwrap();
            assert!(t.store.find_job(id).await.unwrap().is_none(), "nobody else sees it yet");
            let expected = end.is_ok();
            assert_eq!(finish(OPERATION, &mut conn, end).await.is_ok(), expected);
        }
    }
}

/// A job that joins a transaction is there when it commits, and not when it is rolled back.
async fn a_job_that_joins_a_transaction_is_there_when_it_commits(t: &Workflows) {
    let (kept, undone) = (NewJob::new("k", json!(1)), NewJob::new("k", json!(2)));
    enqueue_and(t, kept.clone(), Ok(())).await;
    enqueue_and(t, undone.clone(), Err(Error::invalid("application", "changed its mind"))).await;
    assert_eq!(t.store.fetch_job(kept.id).await.unwrap().payload, json!(1));
    assert!(t.store.find_job(undone.id).await.unwrap().is_none());
}

on_both! {
    fixture:
    a_job_that_joins_a_transaction_is_there_when_it_commits,
}
