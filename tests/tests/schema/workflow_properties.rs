//! Random sequences of operations on workflows and runs: both backends and the model answer the
//! same.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store_core::Clock as _;
use store_tests::fixture::{Workflows, noon};
use store_tests::model::workflow::{Model, Operation, Session};

use crate::workflow_sequences::sequence;

/// Fixtures of every backend that is compiled in.
async fn fixtures() -> Vec<Workflows> {
    vec![
        #[cfg(feature = "sqlite")]
        store_tests::fixture::sqlite::workflows("").await,
        #[cfg(feature = "postgres")]
        store_tests::fixture::postgres::workflows("").await,
    ]
}

/// Removes what the case before left behind.
async fn clear(t: &Workflows) {
    let tables = ["workflows", "workflow_handles", "workflow_audit"];
    let deletes = tables.map(|table| format!("DELETE FROM {table};"));
    t.sql(&deletes.concat()).await;
}

async fn compare(stores: &[Workflows], operations: &[Operation]) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    let mut sessions = Vec::new();
    for fixture in stores {
        fixture.clock.set(noon());
        clear(fixture).await;
        sessions.push(Session::new(fixture.store.clone()));
    }
    for (place, operation) in operations.iter().enumerate() {
        let now = stores[0].clock.now();
        let expected = model.apply(operation, now);
        for (fixture, session) in stores.iter().zip(&mut sessions) {
            let answer = session.apply(operation).await;
            let backend = fixture.store.health().await.backend;
            prop_assert_eq!(answer, expected.clone(), "{}: {} {:?}", backend, place, operation);
            if let Operation::Advance(by) = operation {
                fixture.clock.advance(*by).unwrap();
            }
        }
    }
    Ok(())
}

/// Whatever is done in whatever order, every backend answers as the model does.
#[test]
fn every_backend_answers_for_workflows_as_the_model_does() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stores = runtime.block_on(fixtures());
    let config = Config { cases: 28, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&sequence(), |operations| runtime.block_on(compare(&stores, &operations)))
        .unwrap();
    runtime.block_on(async {
        for fixture in stores {
            fixture.finish().await;
        }
    });
}
