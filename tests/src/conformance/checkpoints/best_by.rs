//! The checkpoint that is best by a metric.

use serde_json::{Value, json};
use store_core::checkpoints::{Goal, NewCheckpoint};

use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{TRAINING, checkpoint, measured, metric, metrics, recorded, winner};

/// Records checkpoints whose metric `m` has these values.
async fn with_values(t: &Checkpoints, values: impl IntoIterator<Item = Value>) {
    for value in values {
        recorded(t, measured(json!({ "m": value }))).await;
    }
}

/// The versions of the greatest and of the smallest value at a path.
async fn extremes(t: &Checkpoints, path: &str) -> (Option<i32>, Option<i32>) {
    (winner(t, path, Goal::Max).await, winner(t, path, Goal::Min).await)
}

behaviours! {
    emits checkpoints_best_by_tests from checkpoints::best_by;

    /// The greatest value wins for `Max`, the smallest for `Min`.
    async fn the_greatest_or_the_smallest_value_wins(t: &Checkpoints) {
        with_values(t, [json!(0.5), json!(-3), json!(0.75), json!(0)]).await;
        assert_eq!(extremes(t, "m").await, (Some(3), Some(2)));
    }

    /// What is found is the whole checkpoint.
    async fn what_is_best_is_the_whole_checkpoint(t: &Checkpoints) {
        let parent = recorded(t, NewCheckpoint::new("späße & more 🎉")).await;
        let full = recorded(t, crate::samples::full_checkpoint(parent.id)).await;
        let path = metric("/loss/train");
        let found = t.store.best_by(&full.workflow_id, &path, Goal::Min).await.unwrap();
        assert_eq!(found, Some(full));
    }

    /// Of equal values that of the later version wins, for both goals.
    async fn of_equal_values_the_later_version_wins(t: &Checkpoints) {
        with_values(t, [json!(1), json!(2), json!(1), json!(2.0), json!(1.5)]).await;
        assert_eq!(extremes(t, "m").await, (Some(4), Some(3)));
    }

    /// Ties go by the version, not by the time of recording.
    async fn ties_go_by_the_version(t: &Checkpoints) {
        for version in [5, 9, 2] {
            let config_version = Some(version);
            recorded(t, NewCheckpoint { config_version, ..measured(json!({"m": 1})) }).await;
        }
        assert_eq!(extremes(t, "m").await, (Some(9), Some(9)));
    }

    /// Zero and minus zero are equal.
    async fn zero_and_minus_zero_are_equal(t: &Checkpoints) {
        with_values(t, [json!(0.0), json!(-0.0), json!(0)]).await;
        assert_eq!(extremes(t, "m").await, (Some(3), Some(3)));
        with_values(t, [json!(-0.0)]).await;
        assert_eq!(extremes(t, "m").await, (Some(4), Some(4)));
    }

    /// What lacks the metric never wins.
    async fn what_lacks_the_metric_never_wins(t: &Checkpoints) {
        recorded(t, checkpoint()).await;
        recorded(t, measured(json!({"m": 1}))).await;
        recorded(t, measured(json!({"n": 100, "o": {"m": 7}}))).await;
        assert_eq!(extremes(t, "m").await, (Some(2), Some(2)));
        assert_eq!(extremes(t, "nothing").await, (None, None));
    }

    /// A workflow that is unknown has no best.
    async fn an_unknown_workflow_has_no_winner(t: &Checkpoints) {
        with_values(t, [json!(1)]).await;
        let best = t.store.best_by("unknown", &metric("m"), Goal::Max).await.unwrap();
        assert_eq!(best, None);
    }

    /// NaN never wins, not even alone.
    async fn nan_never_wins(t: &Checkpoints) {
        with_values(t, [json!({"$f64": "NaN"})]).await;
        assert_eq!(extremes(t, "m").await, (None, None));
        with_values(t, [json!(-1), json!({"$f64": "NaN"})]).await;
        assert_eq!(extremes(t, "m").await, (Some(2), Some(2)));
    }

    /// Infinities win over every number, and lose to every number.
    async fn infinities_are_beyond_every_number(t: &Checkpoints) {
        with_values(t, [json!(f64::MAX), json!(f64::MIN)]).await;
        assert_eq!(extremes(t, "m").await, (Some(1), Some(2)));
        with_values(t, [json!({"$f64": "Infinity"}), json!({"$f64": "-Infinity"})]).await;
        assert_eq!(extremes(t, "m").await, (Some(3), Some(4)));
        with_values(t, [json!(f64::MAX), json!({"$f64": "Infinity"})]).await;
        assert_eq!(extremes(t, "m").await, (Some(6), Some(4)));
    }

    /// The smallest differences of doubles decide.
    async fn the_smallest_differences_decide(t: &Checkpoints) {
        let (one, next) = (1.0_f64, f64::from_bits(1.0_f64.to_bits() + 1));
        with_values(t, [json!(next), json!(one), json!(5e-324), json!(-5e-324)]).await;
        assert_eq!(extremes(t, "m").await, (Some(1), Some(4)));
    }

    /// Integers count as doubles: those that differ beyond 53 bits are equal.
    async fn integers_are_compared_as_doubles(t: &Checkpoints) {
        with_values(t, [json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64)]).await;
        assert_eq!(extremes(t, "m").await, (Some(2), Some(2)));
        with_values(t, [json!(u64::MAX), json!(i64::MIN)]).await;
        assert_eq!(extremes(t, "m").await, (Some(3), Some(4)));
    }

    /// Strings, booleans, null, arrays and objects are no numbers.
    async fn what_is_no_number_never_wins(t: &Checkpoints) {
        let values = [json!("100"), json!(true), json!(null), json!([100]), json!({"x": 100})];
        with_values(t, values).await;
        assert_eq!(extremes(t, "m").await, (None, None));
        with_values(t, [json!(1)]).await;
        assert_eq!(extremes(t, "m").await, (Some(6), Some(6)));
    }

    /// A path leads into nested objects.
    async fn a_path_leads_into_nested_objects(t: &Checkpoints) {
        recorded(t, measured(json!({"test": {"loss": {"mean": 2}}, "loss": 9}))).await;
        recorded(t, measured(json!({"test": {"loss": {"mean": 1}}, "loss": 0}))).await;
        assert_eq!(extremes(t, "/test/loss/mean").await, (Some(1), Some(2)));
        assert_eq!(extremes(t, "/loss").await, (Some(1), Some(2)));
        assert_eq!(extremes(t, "loss").await, (Some(1), Some(2)));
        assert_eq!(extremes(t, "/test/loss").await, (None, None));
        assert_eq!(extremes(t, "/test/loss/mean/x").await, (None, None));
    }

    /// Numbers in arrays cannot be addressed.
    async fn numbers_in_arrays_are_not_addressed(t: &Checkpoints) {
        recorded(t, measured(json!({"m": [5, {"n": 6}]}))).await;
        for path in ["/m", "/m/0", "/m/1/n", "/m/-"] {
            assert_eq!(extremes(t, path).await, (None, None), "{path}");
        }
    }

    /// Any key can be addressed.
    async fn any_key_can_be_addressed(t: &Checkpoints) {
        let keys = [
            "a.b", "a b", "\"", "'", "''; DROP TABLE x --", "\\", "$", "$.a", "[0]", "0", "-1",
            "%", "_", "*", "?1", ":a", "{", "späße", "日本", "🎉", "e\u{301}", "\u{e9}", "A", "a",
        ];
        for key in keys {
            recorded(t, measured(json!({ key: 1, "nested": { key: 2 } }))).await;
        }
        for (number, key) in keys.into_iter().enumerate() {
            let version = i32::try_from(number + 1).ok();
            assert_eq!(extremes(t, &format!("/{key}")).await, (version, version), "{key}");
            assert_eq!(extremes(t, &format!("/nested/{key}")).await, (version, version), "{key}");
        }
    }

    /// Slash and tilde in a key are written `~1` and `~0`; the empty key is a key.
    async fn slash_and_tilde_in_a_key_are_escaped(t: &Checkpoints) {
        let cases = [
            (json!({"a/b": 1}), "/a~1b"),
            (json!({"a": {"b": 1}}), "/a/b"),
            (json!({"a~b": 1}), "/a~0b"),
            (json!({"~1": 1}), "/~01"),
            (json!({"/": 1}), "/~1"),
            (json!({"": 1}), "/"),
            (json!({"": {"": 1}}), "//"),
        ];
        for (value, _) in &cases {
            recorded(t, measured(value.clone())).await;
        }
        for (number, (value, path)) in cases.iter().enumerate() {
            let version = i32::try_from(number + 1).ok();
            assert_eq!(metrics(value.clone()).get(metric(path)), Some(1.0), "{path}");
            assert_eq!(extremes(t, path).await, (version, version), "{path}");
        }
    }

    /// A checkpoint that is deleted wins no more.
    async fn a_deleted_checkpoint_wins_no_more(t: &Checkpoints) {
        with_values(t, [json!(1), json!(3), json!(2)]).await;
        let best = t.store.best_by(TRAINING, &metric("m"), Goal::Max).await.unwrap().unwrap();
        assert_eq!(best.config_version, 2);
        t.store.delete(best.id, true).await.unwrap();
        assert_eq!(extremes(t, "m").await, (Some(3), Some(1)));
    }

    /// Workflows do not compete with each other.
    async fn workflows_do_not_compete(t: &Checkpoints) {
        with_values(t, [json!(1)]).await;
        let new = NewCheckpoint { metrics: metrics(json!({"m": 100})), ..NewCheckpoint::new("x") };
        recorded(t, new).await;
        assert_eq!(extremes(t, "m").await, (Some(1), Some(1)));
    }
}
