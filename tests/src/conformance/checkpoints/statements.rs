//! How many statements an operation sends.

use serde_json::json;
use store_core::PageRequest;
use store_core::checkpoints::{CheckpointFilter, Goal, NewCheckpoint};

use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{
    TRAINING, at_version, checkpoint, condition, measured, metric, recorded, recorded_chain,
};

behaviours! {
    emits checkpoints_statements_tests from checkpoints::statements;

    /// On PostgreSQL recording without the mark is one statement, however many metrics there are.
    async fn recording_is_one_statement(t: &Checkpoints) {
        let parent = recorded(t, checkpoint()).await;
        let numbers = (0..1000).map(|n| (format!("m{n}"), json!(n))).collect();
        let many = measured(serde_json::Value::Object(numbers));
        let new = [
            checkpoint(),
            measured(json!({"a": 1, "b": {"c": {"$f64": "Infinity"}}})),
            at_version(77),
            NewCheckpoint { parent_id: Some(parent.id), ..checkpoint() },
            NewCheckpoint::new("new"),
            many,
        ];
        for new in new {
            let before = t.statements();
            recorded(t, new).await;
            if !t.place.is_sqlite() {
                assert_eq!(t.statements() - before, 1);
            }
        }
    }

    /// What is bad is said without a statement.
    async fn what_is_bad_is_said_without_a_statement(t: &Checkpoints) {
        let before = t.statements();
        t.store.record(at_version(0)).await.unwrap_err();
        t.store.list("", &PageRequest::default()).await.unwrap_err();
        let filter = condition("m", store_core::checkpoints::Comparison::Eq, f64::NAN);
        t.store.query(TRAINING, &filter, &PageRequest::default()).await.unwrap_err();
        t.store.list(TRAINING, &PageRequest::first(0)).await.unwrap_err();
        assert_eq!(t.statements(), before);
    }

    /// A listing, a query, a line, a comparison and a look-up are one statement each.
    async fn what_is_read_is_read_by_one_statement(t: &Checkpoints) {
        let chain = recorded_chain(t, 20).await;
        for n in 0..10 {
            recorded(t, measured(json!({ "m": n }))).await;
        }
        let (first, last) = (chain[0].id, chain[19].id);
        let filter = CheckpointFilter {
            metadata_contain: Some(json!({})),
            ..condition("m", store_core::checkpoints::Comparison::Ge, 3.0)
        };
        let mut before = t.statements();
        let mut assert_one = |what: &str| {
            let after = t.statements();
            assert_eq!(after - before, 1, "{what}");
            before = after;
        };
        for limit in [1, 7, 1000] {
            let page = PageRequest::first(limit);
            t.store.list(TRAINING, &page).await.unwrap();
            assert_one("list");
            t.store.query(TRAINING, &filter, &page).await.unwrap();
            assert_one("query");
            t.store.lineage(last, &page).await.unwrap();
            assert_one("lineage");
        }
        t.store.best_by(TRAINING, &metric("m"), Goal::Max).await.unwrap();
        assert_one("best_by");
        t.store.compare(first, last).await.unwrap();
        assert_one("compare");
        t.store.best(TRAINING).await.unwrap();
        assert_one("best");
        t.store.latest(TRAINING).await.unwrap();
        assert_one("latest");
        t.store.fetch(first).await.unwrap();
        assert_one("fetch");
        t.store.find(first).await.unwrap();
        assert_one("find");
    }
}
