//! Metrics as they are kept: numbers JSON has, numbers it lacks, and everything else.

use serde_json::{Value, json};
use store_core::checkpoints::{Goal, Metrics, NewCheckpoint};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{TRAINING, checkpoint, measured, metrics, recorded, winner};

/// Records metrics and reads them back.
async fn round_trip(t: &Checkpoints, given: Metrics) -> Metrics {
    let recorded = recorded(t, NewCheckpoint { metrics: given, ..checkpoint() }).await;
    let read = t.store.fetch(recorded.id).await.unwrap();
    assert_eq!(read, recorded, "what is returned is what is read back");
    read.metrics
}

/// Asserts that a double comes back bit by bit.
async fn assert_kept(t: &Checkpoints, value: f64) {
    let given = Metrics::new().with("m", value).unwrap();
    let read = round_trip(t, given).await.get("m").unwrap();
    let same = read.to_bits() == value.to_bits() || (read.is_nan() && value.is_nan());
    assert!(same, "{value:e} came back as {read:e}");
}

behaviours! {
    emits checkpoints_metrics_tests from checkpoints::metrics;

    /// Every double comes back as it was; minus zero as zero.
    async fn every_double_round_trips(t: &Checkpoints) {
        let values = [
            0.0, 1.0, -1.0, 0.1, 0.30000000000000004, 1.5, 1e15, 1e16, -1e18, 1e20, 1e300,
            5e-324, f64::MIN_POSITIVE, f64::EPSILON, f64::MAX, f64::MIN, 123_456_789.123_456_79,
            f64::from_bits(1.0_f64.to_bits() + 1), 9_007_199_254_740_992.0,
        ];
        for value in values {
            assert_kept(t, value).await;
        }
        let zero = round_trip(t, Metrics::new().with("m", -0.0).unwrap()).await;
        assert_eq!(zero.get("m"), Some(0.0));
    }

    /// NaN and the infinities come back, each as itself.
    async fn numbers_json_lacks_round_trip(t: &Checkpoints) {
        for value in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_kept(t, value).await;
        }
        let given = metrics(json!({
            "a": {"$f64": "NaN"}, "b": {"c": {"$f64": "Infinity"}}, "d": {"$f64": "-Infinity"},
            "list": [{"$f64": "NaN"}, [{"$f64": "Infinity"}]],
        }));
        let read = round_trip(t, given.clone()).await;
        assert_eq!(read, given);
        assert!(read.get("a").unwrap().is_nan());
        assert_eq!((read.get("/b/c"), read.get("d")), (Some(f64::INFINITY), Some(f64::NEG_INFINITY)));
    }

    /// Integers come back exactly, beyond 53 bits as well.
    async fn integers_round_trip_exactly(t: &Checkpoints) {
        let given = json!({"a": 9_007_199_254_740_993_i64, "b": u64::MAX, "c": i64::MIN, "d": 1});
        assert_eq!(round_trip(t, metrics(given.clone())).await.as_json(), &given);
    }

    /// What is no number is kept as it is.
    async fn what_is_no_number_is_kept(t: &Checkpoints) {
        let given = json!({
            "text": "0.9", "späße": "日本 🎉", "yes": true, "none": null, "empty": {}, "list": [],
            "curve": [1, 2.5, {"x": 3, "deep": [null]}], "": {"": "x"}, "a/b": {"~": [0]},
        });
        assert_eq!(round_trip(t, metrics(given.clone())).await.as_json(), &given);
    }

    /// A thousand numbers are kept, and each can be asked for.
    async fn a_thousand_numbers_are_kept(t: &Checkpoints) {
        let numbers = (0..1000).map(|n| (format!("metric {n}"), json!(n))).collect();
        let given = metrics(Value::Object(numbers));
        let read = round_trip(t, given.clone()).await;
        assert_eq!(read, given);
        assert_eq!(read.numbers().count(), 1000);
        for n in [0, 500, 999] {
            assert_eq!(winner(t, &format!("metric {n}"), Goal::Max).await, Some(1));
        }
    }

    /// A path of 512 bytes can be asked for, with letters of more than one byte.
    async fn a_path_of_512_bytes_can_be_asked_for(t: &Checkpoints) {
        let key = "ä".repeat(255);
        recorded(t, measured(json!({ "x": 1, &key: 7 }))).await;
        assert_eq!(winner(t, &format!("/{key}"), Goal::Min).await, Some(1));
        let (half, other) = ("k".repeat(255), "l".repeat(255));
        recorded(t, measured(json!({ &half: { &other: 7 } }))).await;
        let path = format!("/{half}/{other}");
        assert_eq!(path.len(), 512);
        assert_eq!(winner(t, &path, Goal::Min).await, Some(2));
    }

    /// Numbers that would go into an array, or that are malformed, cannot be made.
    async fn malformed_metrics_cannot_be_made(t: &Checkpoints) {
        let bad = [
            json!(null), json!([1]), json!("x"), json!(1), json!({"$f64": "NaN"}),
            json!({"a": {"$f64": "nan"}}), json!({"a": {"$f64": "inf"}}), json!({"a": {"$f64": 1}}),
            json!({"a": {"$f64": null}}), json!({"a": {"$f64": "NaN", "x": 1}}),
            json!({"a": [{"$f64": "+Infinity"}]}),
        ];
        for bad in bad {
            assert_invalid(Metrics::from_json(bad), "metrics");
        }
        assert!(t.store.list(TRAINING, &Default::default()).await.unwrap().items.is_empty());
    }
}
