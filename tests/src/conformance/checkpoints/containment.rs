//! Querying by what metrics and metadata contain: the verdicts of PostgreSQL on both backends.

use serde_json::{Value, json};
use store_core::checkpoints::{CheckpointFilter, NewCheckpoint};
use store_core::json::contains;

use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{checkpoint, everything, metrics, queried, recorded};

/// Documents that are metrics as well as metadata.
fn documents() -> Vec<Value> {
    vec![
        json!({}),
        json!({"a": 1}),
        json!({"a": 1.0, "b": null}),
        json!({"a": "1", "b": {"c": 1}}),
        json!({"a": null}),
        json!({"a": [1, 2, 3]}),
        json!({"a": [1, [2, 3], {"b": 1}]}),
        json!({"a": {"b": {"c": 1, "d": [true, false]}}}),
        json!({"a": {}}),
        json!({"a": []}),
        json!({"A": 1, "späße": "日本 🎉", "it's": "\"q\"", "a.b": 1, "a/b": 2, "": 3}),
        json!({"a": true}),
        json!({"a": {"$f64": "NaN"}, "n": {"$f64": "Infinity"}}),
        json!({"a": 9_007_199_254_740_993_i64}),
        json!({"a": 0.1, "b": 1e300}),
        json!({"a": "e\u{301}"}),
    ]
}

/// What to look for.
fn wanted() -> Vec<Value> {
    let mut wanted = vec![
        json!({"a": 0}),
        json!({"b": null}),
        json!({"a": [2]}),
        json!({"a": [3, 1, 1]}),
        json!({"a": [[3]]}),
        json!({"a": [{"b": 1.0}]}),
        json!({"a": [{}]}),
        json!({"a": {"b": {}}}),
        json!({"a": {"b": {"d": [false]}}}),
        json!({"b": {"c": 1}}),
        json!({"c": 1}),
        json!({"a": false}),
        json!({"a": "\u{e9}"}),
        json!({"a": 9_007_199_254_740_992_i64}),
        json!({"n": {"$f64": "Infinity"}}),
        json!({"n": {}}),
        json!({"a": 1, "b": null}),
        json!({"späße": "日本 🎉"}),
        json!({"späße": "日本"}),
    ];
    wanted.extend(documents());
    wanted
}

/// The versions of the documents that contain something, newest first.
fn expected(wanted: &Value) -> Vec<i32> {
    let documents = documents();
    let with = (1..).zip(&documents).filter(|(_, document)| contains(document, wanted));
    let mut versions: Vec<i32> = with.map(|(version, _)| version).collect();
    versions.reverse();
    versions
}

behaviours! {
    emits checkpoints_containment_tests from checkpoints::containment;

    /// Metadata is found by everything it contains, and by nothing else.
    async fn metadata_is_found_by_what_it_contains(t: &Checkpoints) {
        for metadata in documents() {
            recorded(t, NewCheckpoint { metadata, ..checkpoint() }).await;
        }
        for wanted in wanted() {
            let metadata_contain = Some(wanted.clone());
            let filter = CheckpointFilter { metadata_contain, ..CheckpointFilter::default() };
            assert_eq!(queried(t, &filter).await, expected(&wanted), "{wanted}");
        }
    }

    /// Metrics are found by everything they contain, and by nothing else.
    async fn metrics_are_found_by_what_they_contain(t: &Checkpoints) {
        for document in documents() {
            recorded(t, NewCheckpoint { metrics: metrics(document), ..checkpoint() }).await;
        }
        for wanted in wanted() {
            let metrics_contain = Some(wanted.clone());
            let filter = CheckpointFilter { metrics_contain, ..CheckpointFilter::default() };
            assert_eq!(queried(t, &filter).await, expected(&wanted), "{wanted}");
        }
    }

    /// The two containments look at their own document.
    async fn metrics_and_metadata_are_not_mixed_up(t: &Checkpoints) {
        let new = NewCheckpoint {
            metrics: metrics(json!({"x": 1})),
            metadata: json!({"y": 1}),
            ..checkpoint()
        };
        recorded(t, new).await;
        let filter = |metrics: Value, metadata: Value| CheckpointFilter {
            metrics_contain: Some(metrics),
            metadata_contain: Some(metadata),
            ..CheckpointFilter::default()
        };
        assert_eq!(queried(t, &filter(json!({"x": 1}), json!({"y": 1}))).await, [1]);
        assert!(queried(t, &filter(json!({"y": 1}), json!({}))).await.is_empty());
        assert!(queried(t, &filter(json!({}), json!({"x": 1}))).await.is_empty());
    }

    /// A document with everything contains itself and each of its parts.
    async fn a_document_contains_itself_and_its_parts(t: &Checkpoints) {
        recorded(t, NewCheckpoint { metadata: everything(), ..checkpoint() }).await;
        let parts = everything().as_object().unwrap().clone();
        let parts = parts.into_iter().map(|(key, value)| json!({ key: value }));
        for wanted in parts.chain([everything(), json!({})]) {
            let metadata_contain = Some(wanted.clone());
            let filter = CheckpointFilter { metadata_contain, ..CheckpointFilter::default() };
            assert_eq!(queried(t, &filter).await, [1], "{wanted}");
        }
    }

    /// The table has the columns that other programs read, with the JSON that was given.
    async fn the_table_has_the_columns_that_others_read(t: &Checkpoints) {
        let metrics = metrics(json!({"accuracy": 0.5, "loss": {"$f64": "NaN"}}));
        let new = NewCheckpoint { metrics, is_best: true, ..checkpoint() };
        let checkpoint = recorded(t, new).await;
        let columns = "id, workflow_id, config_version, runnable_config, metrics, metadata, \
                       artifact_url, is_best, created_at";
        let rows = t.place.rows(&format!("SELECT {columns} FROM agentensor_checkpoints")).await;
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(row[..3], [checkpoint.id.to_string(), checkpoint.workflow_id, "1".into()]);
        let parsed: Value = serde_json::from_str(&row[4]).unwrap();
        assert_eq!(&parsed, checkpoint.metrics.as_json());
        assert_eq!([row[3].as_str(), &row[5], &row[6]], ["{}", "{}", "NULL"]);
        assert!(["1", "t"].contains(&row[7].as_str()), "{row:?}");
    }
}
