//! Comparing two checkpoints.

use serde_json::{Value, json};
use store_core::checkpoints::{Checkpoint, CheckpointComparison, MetricChange, NewCheckpoint};
use store_core::{CheckpointId, Error};

use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{checkpoint, full_checkpoint, measured, recorded};

/// Records two checkpoints and compares them.
async fn compared(
    t: &Checkpoints,
    base: NewCheckpoint,
    target: NewCheckpoint,
) -> CheckpointComparison {
    let (base, target) = (recorded(t, base).await, recorded(t, target).await);
    t.store.compare(base.id, target.id).await.unwrap()
}

/// What differs between two documents of metrics: path, first, second.
async fn metrics_of(
    t: &Checkpoints,
    base: Value,
    target: Value,
) -> Vec<(String, Option<f64>, Option<f64>)> {
    let compared = compared(t, measured(base), measured(target)).await;
    let change = |change: MetricChange| (change.path.to_string(), change.base, change.target);
    compared.metrics.into_iter().map(change).collect()
}

/// What differs between two configurations: pointer, first, second.
async fn config_of(
    t: &Checkpoints,
    base: Value,
    target: Value,
) -> Vec<(String, Option<Value>, Option<Value>)> {
    let new = |runnable_config| NewCheckpoint { runnable_config, ..checkpoint() };
    let compared = compared(t, new(base), new(target)).await;
    compared.config.into_iter().map(|change| (change.pointer, change.base, change.target)).collect()
}

fn entry<T>(path: &str, base: Option<T>, target: Option<T>) -> (String, Option<T>, Option<T>) {
    (path.to_owned(), base, target)
}

behaviours! {
    emits checkpoints_comparing_tests from checkpoints::comparing;

    /// A comparison has both checkpoints, whole and in the order asked for.
    async fn a_comparison_has_both_checkpoints(t: &Checkpoints) {
        let base = recorded(t, NewCheckpoint::new("späße & more 🎉")).await;
        let target = recorded(t, full_checkpoint(base.id)).await;
        let target = t.store.fetch(target.id).await.unwrap();
        let there = t.store.compare(base.id, target.id).await.unwrap();
        assert_eq!((&there.base, &there.target), (&base, &target));
        let back = t.store.compare(target.id, base.id).await.unwrap();
        assert_eq!((&back.base, &back.target), (&target, &base));
        for (one, other) in there.metrics.iter().zip(&back.metrics) {
            assert_eq!(one.path, other.path);
            assert_eq!(format!("{:?}{:?}", one.base, one.target), format!("{:?}{:?}", other.target, other.base));
        }
        assert_eq!(there.metrics.len(), back.metrics.len());
        for (one, other) in there.config.iter().zip(&back.config) {
            assert_eq!((&one.base, &one.target), (&other.target, &other.base));
        }
    }

    /// With itself a checkpoint has no changes, NaN included.
    async fn with_itself_a_checkpoint_has_no_changes(t: &Checkpoints) {
        let parent = recorded(t, NewCheckpoint::new("späße & more 🎉")).await;
        let full = recorded(t, full_checkpoint(parent.id)).await;
        let compared = t.store.compare(full.id, full.id).await.unwrap();
        assert_eq!((&compared.base, &compared.target), (&full, &full));
        assert!(compared.metrics.is_empty(), "{:?}", compared.metrics);
        assert!(compared.config.is_empty(), "{:?}", compared.config);
    }

    /// Checkpoints of two workflows can be compared.
    async fn checkpoints_of_two_workflows_can_be_compared(t: &Checkpoints) {
        let base = recorded(t, checkpoint()).await;
        let target = recorded(t, NewCheckpoint::new("other")).await;
        let compared = t.store.compare(base.id, target.id).await.unwrap();
        assert_eq!((compared.base, compared.target), (base, target));
        assert!(compared.metrics.is_empty() && compared.config.is_empty());
    }

    /// An unknown checkpoint is named; of two the first.
    async fn an_unknown_checkpoint_is_named(t: &Checkpoints) {
        let Checkpoint { id, .. } = recorded(t, checkpoint()).await;
        let (one, two) = (CheckpointId::mint(), CheckpointId::mint());
        for (base, target, named) in [(one, id, one), (id, two, two), (one, two, one)] {
            let error = t.store.compare(base, target).await.unwrap_err();
            let Error::NotFound { id, .. } = &error else { panic!("{error}") };
            assert_eq!(*id, named.to_string());
        }
    }

    /// Metrics that were added, lost or changed are listed by path with both values.
    async fn changed_metrics_are_listed_by_path(t: &Checkpoints) {
        let base = json!({"same": 1, "lost": 2, "changed": 3, "deep": {"x": 1, "y": 2}, "a/b": 1});
        let target = json!({"same": 1.0, "new": 5, "changed": 4, "deep": {"x": 1, "y": 3}, "a/b": 2});
        let expected = [
            entry("/a~1b", Some(1.0), Some(2.0)),
            entry("/changed", Some(3.0), Some(4.0)),
            entry("/deep/y", Some(2.0), Some(3.0)),
            entry("/lost", Some(2.0), None),
            entry("/new", None, Some(5.0)),
        ];
        let mut found = metrics_of(t, base, target).await;
        found.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(found, expected);
    }

    /// NaN and infinities differ from numbers, not from themselves; zeros do not differ.
    async fn numbers_json_lacks_are_compared(t: &Checkpoints) {
        let base = json!({
            "a": {"$f64": "NaN"}, "b": {"$f64": "Infinity"}, "c": {"$f64": "NaN"}, "d": 0.0,
            "e": {"$f64": "-Infinity"}, "f": 1,
        });
        let target = json!({
            "a": {"$f64": "NaN"}, "b": {"$f64": "-Infinity"}, "c": 1, "d": -0.0,
            "e": {"$f64": "-Infinity"}, "f": {"$f64": "NaN"},
        });
        let found = metrics_of(t, base, target).await;
        let paths: Vec<_> = found.iter().map(|(path, ..)| path.as_str()).collect();
        assert_eq!(paths, ["/b", "/c", "/f"]);
        assert_eq!((found[0].1, found[0].2), (Some(f64::INFINITY), Some(f64::NEG_INFINITY)));
        assert!(found[1].1.unwrap().is_nan() && found[2].2.unwrap().is_nan());
        assert_eq!((found[1].2, found[2].1), (Some(1.0), Some(1.0)));
    }

    /// What is no number is no change of a metric; what becomes one is.
    async fn only_numbers_are_changes_of_metrics(t: &Checkpoints) {
        let base = json!({"text": "a", "list": [1], "turns": "x", "was": 2, "deep": {"n": 1}});
        let target = json!({"text": "b", "list": [2], "turns": 1, "was": null, "deep": 7});
        let mut found = metrics_of(t, base, target).await;
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [
            entry("/deep", None, Some(7.0)),
            entry("/deep/n", Some(1.0), None),
            entry("/turns", None, Some(1.0)),
            entry("/was", Some(2.0), None),
        ];
        assert_eq!(found, expected);
    }

    /// Configurations are compared from the outside in, to the innermost place.
    async fn configurations_are_compared_to_the_innermost_place(t: &Checkpoints) {
        let base = json!({
            "same": {"a": [1, {"b": 2}]}, "lost": {"x": 1}, "changed": {"deep": {"y": 1, "z": [1, 2, 3]}},
            "kind": {"a": 1}, "a/b": {"~": 1},
        });
        let target = json!({
            "same": {"a": [1.0, {"b": 2}]}, "new": [1], "changed": {"deep": {"y": 2, "z": [1, 5]}},
            "kind": [1], "a/b": {"~": 2},
        });
        let expected = [
            entry("/a~1b/~0", Some(json!(1)), Some(json!(2))),
            entry("/changed/deep/y", Some(json!(1)), Some(json!(2))),
            entry("/changed/deep/z/1", Some(json!(2)), Some(json!(5))),
            entry("/changed/deep/z/2", Some(json!(3)), None),
            entry("/kind", Some(json!({"a": 1})), Some(json!([1]))),
            entry("/lost", Some(json!({"x": 1})), None),
            entry("/new", None, Some(json!([1]))),
        ];
        assert_eq!(config_of(t, base, target).await, expected);
    }

    /// Keys are ordered by their bytes, elements by their index.
    async fn keys_are_ordered_by_bytes_and_elements_by_index(t: &Checkpoints) {
        let list = |x: i32| Value::Array((0..12).map(|n| json!(n * x)).collect());
        let document = |x: i32| json!({"ä": x, "b": x, "B": x, "a": list(x), "": x, "日": x, "10": x, "9": x});
        let pointers: Vec<_> =
            config_of(t, document(1), document(2)).await.into_iter().map(|(pointer, ..)| pointer).collect();
        let mut expected = vec!["/".to_owned(), "/10".into(), "/9".into(), "/B".into()];
        expected.extend((1..12).map(|n| format!("/a/{n}")));
        expected.extend(["/b".to_owned(), "/ä".into(), "/日".into()]);
        assert_eq!(pointers, expected);
    }

    /// A null is something: it differs from what is not there.
    async fn a_null_differs_from_what_is_not_there(t: &Checkpoints) {
        let found = config_of(t, json!({"a": null}), json!({})).await;
        assert_eq!(found, [entry("/a", Some(json!(null)), None)]);
        let found = config_of(t, json!({"a": [null]}), json!({"a": [null, null]})).await;
        assert_eq!(found, [entry("/a/1", None, Some(json!(null)))]);
    }
}
