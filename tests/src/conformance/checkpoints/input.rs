//! Bad input: the same verdict and the same error on every backend, and nothing changed.

use serde_json::{Value, json};
use store_core::checkpoints::{
    CheckpointFilter, CheckpointPrune, Goal, MetricPath, Metrics, NewCheckpoint,
};
use store_core::{Error, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{TRAINING, best_checkpoint, checkpoint, metric, recorded, stored_versions};

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({"a": inner}),
    })
}

/// Texts that are no workflow.
fn bad_workflows() -> Vec<String> {
    let long = ["x".repeat(129), "ä".repeat(65)];
    let texts = ["", "a\0b", "\n", "a\u{7f}", "\u{85}"].map(str::to_owned);
    texts.into_iter().chain(long).collect()
}

behaviours! {
    emits checkpoints_input_tests from checkpoints::input;

    /// A bad field of a new checkpoint is `Invalid`, names it, and nothing is stored or unmarked.
    async fn a_bad_checkpoint_stores_nothing(t: &Checkpoints) {
        let best = recorded(t, best_checkpoint()).await;
        let base = best_checkpoint;
        let url = |url: &str| NewCheckpoint { artifact_url: Some(url.to_owned()), ..base() };
        let config = |runnable_config| NewCheckpoint { runnable_config, ..base() };
        let metadata = |metadata| NewCheckpoint { metadata, ..base() };
        let metrics = |json| NewCheckpoint { metrics: Metrics::from_json(json).unwrap(), ..base() };
        let long = "x".repeat(2049);
        let mut bad = vec![
            (url(""), "artifact_url"),
            (url("a\0"), "artifact_url"),
            (url("a\nb"), "artifact_url"),
            (url(&long), "artifact_url"),
            (config(json!([])), "runnable_config"),
            (config(json!(null)), "runnable_config"),
            (config(json!("x")), "runnable_config"),
            (config(json!({"a": ["\0"]})), "runnable_config"),
            (config(json!({"a\0": 1})), "runnable_config"),
            (config(json!({"a": nested(100)})), "runnable_config"),
            (metadata(json!([1])), "metadata"),
            (metadata(json!(1)), "metadata"),
            (metadata(json!({"a": {"b": "x\0"}})), "metadata"),
            (metadata(json!({"a": nested(100)})), "metadata"),
            (metadata(json!({"a": "x".repeat(16 * 1024 * 1024)})), "metadata"),
            (metrics(json!({"text": "x\0"})), "metrics"),
            (metrics(json!({"list": [{"a\0": 1}]})), "metrics"),
        ];
        for workflow_id in bad_workflows() {
            bad.push((NewCheckpoint { workflow_id, ..base() }, "workflow_id"));
        }
        for (bad, field) in bad {
            assert_invalid(t.store.record(bad).await, field);
        }
        assert_eq!(stored_versions(t).await, [1]);
        assert_eq!(t.store.best(TRAINING).await.unwrap(), Some(best));
        assert_eq!(t.count("SELECT COUNT(*) FROM agentensor_workflows").await, 1);
        assert_eq!(recorded(t, checkpoint()).await.config_version, 2);
    }

    /// NUL is named with its path.
    async fn nul_in_a_checkpoint_is_named_with_its_path(t: &Checkpoints) {
        let metadata = json!({"a": [1, {"b": "x\0"}]});
        let error = t.store.record(NewCheckpoint { metadata, ..checkpoint() }).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "metadata.a[1].b"), "{error}");
    }

    /// What just fits is kept: 128 bytes of workflow, 2048 of URL, 100 levels.
    async fn what_just_fits_is_kept(t: &Checkpoints) {
        for workflow_id in ["x".repeat(128), "ä".repeat(64), " ".into()] {
            let new = NewCheckpoint {
                workflow_id: workflow_id.clone(),
                artifact_url: Some("u".repeat(2048)),
                metadata: json!({"a": nested(99)}),
                runnable_config: json!({"a": nested(99)}),
                ..checkpoint()
            };
            let recorded = recorded(t, new).await;
            assert_eq!(t.store.latest(&workflow_id).await.unwrap(), Some(recorded));
        }
    }

    /// Hostile texts are only texts.
    async fn hostile_texts_are_only_texts(t: &Checkpoints) {
        let names = ["'; DROP TABLE agentensor_checkpoints; --", "%", "_", "\"x\"", "$1", "?1", "{}"];
        for name in names {
            let new = NewCheckpoint {
                artifact_url: Some(name.into()),
                metadata: json!({ name: name }),
                metrics: Metrics::from_json(json!({ name: 1 })).unwrap(),
                ..NewCheckpoint::new(name)
            };
            let recorded = recorded(t, new).await;
            assert_eq!(t.store.fetch(recorded.id).await.unwrap(), recorded);
        }
        for name in names {
            let found = t.store.best_by(name, &metric(name), Goal::Max).await.unwrap().unwrap();
            assert_eq!(found.workflow_id, name);
        }
    }

    /// What is no workflow is `Invalid` to everything that takes one.
    async fn what_is_no_workflow_is_invalid(t: &Checkpoints) {
        let page = PageRequest::default();
        for bad in bad_workflows() {
            assert_invalid(t.store.latest(&bad).await, "workflow_id");
            assert_invalid(t.store.best(&bad).await, "workflow_id");
            assert_invalid(t.store.list(&bad, &page).await, "workflow_id");
            let answer = t.store.best_by(&bad, &metric("m"), Goal::Max).await;
            assert_invalid(answer, "workflow_id");
            let answer = t.store.query(&bad, &CheckpointFilter::default(), &page).await;
            assert_invalid(answer, "workflow_id");
            let answer = t.store.prune(&CheckpointPrune::new(bad, 1)).await;
            assert_invalid(answer, "workflow_id");
        }
    }

    /// What is no path of a metric cannot be made.
    async fn what_is_no_path_cannot_be_made(_t: &Checkpoints) {
        let long = "x".repeat(512);
        for bad in ["", "/~", "/~2", "a~", "/a/~x/b", "a\0", &long, "/$f64", "/a/$f64"] {
            assert_invalid(MetricPath::new(bad), "path");
        }
        assert_eq!(MetricPath::new(&long[1..]).unwrap().as_str().len(), 512);
    }

    /// More than a thousand numbers cannot be made, nor recorded.
    async fn more_than_a_thousand_numbers_cannot_be_made(t: &Checkpoints) {
        let numbers = |count: u32| Value::Object((0..count).map(|n| (format!("m{n}"), json!(n))).collect());
        assert_invalid(Metrics::from_json(numbers(1001)), "metrics");
        let mut most = Metrics::from_json(numbers(1000)).unwrap();
        assert_invalid(most.set("one more", 1.0), "metrics");
        // What is no number does not count, nor what is in an array.
        let mut more = most.as_json().clone();
        more["list"] = json!(vec![1; 1000]);
        more["text"] = json!("1");
        let metrics = Metrics::from_json(more).unwrap();
        recorded(t, NewCheckpoint { metrics, ..checkpoint() }).await;
    }
}
