//! Querying by what metrics are.

use serde_json::{Value, json};
use store_core::checkpoints::{CheckpointFilter, Comparison, MetricCondition, NewCheckpoint};
use store_core::{Order, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{
    TRAINING, checkpoint, condition, measured, metric, metrics, queried, recorded, versions,
};

const ALL: [Comparison; 6] = [
    Comparison::Lt,
    Comparison::Le,
    Comparison::Eq,
    Comparison::Ne,
    Comparison::Ge,
    Comparison::Gt,
];

/// The verdict that doubles give.
fn holds(comparison: Comparison, metric: f64, value: f64) -> bool {
    match comparison {
        Comparison::Lt => metric < value,
        Comparison::Le => metric <= value,
        Comparison::Eq => metric == value,
        Comparison::Ne => metric != value && !metric.is_nan(),
        Comparison::Ge => metric >= value,
        Comparison::Gt => metric > value,
    }
}

/// Every kind of double.
fn doubles() -> Vec<f64> {
    vec![
        f64::NEG_INFINITY,
        f64::MIN,
        -1e16,
        -1.5,
        -1.0,
        -5e-324,
        -0.0,
        0.0,
        5e-324,
        0.1,
        0.30000000000000004,
        0.3,
        1.0,
        1.5,
        9_007_199_254_740_992.0,
        1e300,
        f64::MAX,
        f64::INFINITY,
    ]
}

behaviours! {
    emits checkpoints_conditions_tests from checkpoints::conditions;

    /// Each comparison gives the verdict of doubles, for every pair of them.
    async fn every_comparison_is_that_of_doubles(t: &Checkpoints) {
        let mut stored = Vec::new();
        for value in doubles().into_iter().chain([f64::NAN]) {
            let metrics = metrics(json!({})).with("m", value).unwrap();
            let new = NewCheckpoint { metrics, ..checkpoint() };
            stored.push((recorded(t, new).await.config_version, value));
        }
        stored.reverse();
        for comparison in ALL {
            for value in doubles() {
                let expected: Vec<i32> = stored
                    .iter()
                    .filter(|(_, metric)| holds(comparison, *metric, value))
                    .map(|(version, _)| *version)
                    .collect();
                let found = queried(t, &condition("m", comparison, value)).await;
                assert_eq!(found, expected, "{comparison} {value:e}");
            }
        }
    }

    /// A missing metric, and one that is no number, meets no condition.
    async fn a_missing_metric_meets_no_condition(t: &Checkpoints) {
        recorded(t, checkpoint()).await;
        for value in [json!("1"), json!(null), json!(true), json!([1]), json!({"x": 1})] {
            recorded(t, measured(json!({ "m": value }))).await;
        }
        recorded(t, measured(json!({"m": {"$f64": "NaN"}}))).await;
        for comparison in ALL {
            for value in doubles() {
                let found = queried(t, &condition("m", comparison, value)).await;
                assert!(found.is_empty(), "{comparison} {value:e}: {found:?}");
            }
        }
    }

    /// Integers compare as doubles.
    async fn integers_compare_as_doubles(t: &Checkpoints) {
        let values = [json!(1), json!(9_007_199_254_740_993_i64), json!(u64::MAX), json!(i64::MIN)];
        for value in values {
            recorded(t, measured(json!({ "m": value }))).await;
        }
        let equal = async |value: f64| queried(t, &condition("m", Comparison::Eq, value)).await;
        assert_eq!(equal(1.0).await, [1]);
        assert_eq!(equal(9_007_199_254_740_992.0).await, [2]);
        assert_eq!(equal(18_446_744_073_709_551_615.0).await, [3]);
        assert_eq!(equal(-9_223_372_036_854_775_808.0).await, [4]);
    }

    /// Several conditions hold together, on one metric and on several.
    async fn several_conditions_hold_together(t: &Checkpoints) {
        for n in 0..6 {
            recorded(t, measured(json!({"a": n, "nested": {"b": n % 3}}))).await;
        }
        let none = CheckpointFilter::default;
        let (a, b) = (metric("a"), metric("/nested/b"));
        let between =
            none().with(a.clone(), Comparison::Gt, 1.0).with(a.clone(), Comparison::Le, 4.0);
        assert_eq!(queried(t, &between).await, [5, 4, 3]);
        let both = between.clone().with(b.clone(), Comparison::Ne, 1.0);
        assert_eq!(queried(t, &both).await, [4, 3]);
        let never = between.with(a.clone(), Comparison::Lt, 1.0);
        assert!(queried(t, &never).await.is_empty());
        let missing = none().with(a.clone(), Comparison::Ge, 0.0).with(metric("c"), Comparison::Ne, 0.0);
        assert!(queried(t, &missing).await.is_empty());
        let twice = none().with(b.clone(), Comparison::Eq, 2.0).with(b, Comparison::Eq, 2.0);
        assert_eq!(queried(t, &twice).await, [6, 3]);
        let sixteen = (0..16).fold(none(), |filter, n| {
            filter.with(a.clone(), Comparison::Ne, f64::from(n % 5))
        });
        assert_eq!(queried(t, &sixteen).await, [6]);
    }

    /// No condition means all checkpoints of the workflow.
    async fn no_condition_means_all(t: &Checkpoints) {
        for _ in 0..3 {
            recorded(t, checkpoint()).await;
        }
        recorded(t, NewCheckpoint::new("other")).await;
        assert_eq!(queried(t, &CheckpointFilter::default()).await, [3, 2, 1]);
        let page = t.store.query("unknown", &CheckpointFilter::default(), &Default::default()).await;
        assert!(page.unwrap().items.is_empty());
    }

    /// Conditions and containment hold together.
    async fn conditions_and_containment_hold_together(t: &Checkpoints) {
        for n in 0..8 {
            let metadata = json!({"even": n % 2 == 0, "tags": [n % 3]});
            recorded(t, NewCheckpoint { metadata, ..measured(json!({"a": n, "kind": n % 4})) }).await;
        }
        let filter = CheckpointFilter {
            metrics_contain: Some(json!({"kind": 2})),
            metadata_contain: Some(json!({"even": true})),
            ..condition("a", Comparison::Ge, 3.0)
        };
        assert_eq!(queried(t, &filter).await, [7]);
        let none = CheckpointFilter { metadata_contain: Some(json!({"tags": [2]})), ..filter };
        assert!(queried(t, &none).await.is_empty());
    }

    /// Pages of a query follow each other without gap or overlap, in both orders.
    async fn pages_of_a_query_have_no_gap_and_no_overlap(t: &Checkpoints) {
        for n in 0..20 {
            recorded(t, measured(json!({"a": n % 2, "b": n}))).await;
        }
        let filter = condition("a", Comparison::Eq, 1.0).with(metric("b"), Comparison::Ge, 3.0);
        let mut expected: Vec<i32> = (2..=10).map(|n| n * 2).collect();
        for order in [Order::Asc, Order::Desc] {
            for limit in [1, 2, 3, 8, 9, 10] {
                let mut found = Vec::new();
                let mut request = Some(PageRequest::first(limit).ordered(order));
                while let Some(next) = request.take() {
                    let page = t.store.query(TRAINING, &filter, &next).await.unwrap();
                    assert!(page.items.len() <= limit as usize);
                    found.extend(versions(&page.items));
                    request = page.next.map(|cursor| next.after(cursor));
                }
                assert_eq!(found, expected, "limit {limit}");
            }
            expected.reverse();
        }
    }

    /// What is queried is the whole checkpoint.
    async fn what_is_queried_is_the_whole_checkpoint(t: &Checkpoints) {
        let parent = recorded(t, NewCheckpoint::new("späße & more 🎉")).await;
        let full = recorded(t, crate::samples::full_checkpoint(parent.id)).await;
        let filter = condition("/peak", Comparison::Eq, f64::INFINITY);
        let page = t.store.query(&full.workflow_id, &filter, &Default::default()).await.unwrap();
        assert_eq!(page.items, [full]);
    }

    /// A NaN to compare with, and more than 16 conditions, are `Invalid`.
    async fn a_nan_and_too_many_conditions_are_invalid(t: &Checkpoints) {
        recorded(t, measured(json!({"m": 1}))).await;
        let page = PageRequest::default();
        for comparison in ALL {
            let filter = condition("m", comparison, f64::NAN);
            assert_invalid(t.store.query(TRAINING, &filter, &page).await, "metrics");
        }
        let path = metric("m");
        let one = MetricCondition { path, comparison: Comparison::Ge, value: 0.0 };
        let metrics = vec![one; 17];
        let filter = CheckpointFilter { metrics, ..CheckpointFilter::default() };
        assert_invalid(t.store.query(TRAINING, &filter, &page).await, "metrics");
    }

    /// Something to contain that is not an object is `Invalid`.
    async fn something_to_contain_that_is_no_object_is_invalid(t: &Checkpoints) {
        let page = PageRequest::default();
        let none = CheckpointFilter::default;
        for bad in [json!(null), json!(1), json!("x"), json!([]), json!([{}])] {
            let filter = CheckpointFilter { metrics_contain: Some(bad.clone()), ..none() };
            assert_invalid(t.store.query(TRAINING, &filter, &page).await, "metrics_contain");
            let filter = CheckpointFilter { metadata_contain: Some(bad), ..none() };
            assert_invalid(t.store.query(TRAINING, &filter, &page).await, "metadata_contain");
        }
        let nul: Value = json!({"a": ["x\0"]});
        let filter = CheckpointFilter { metadata_contain: Some(nul), ..none() };
        assert_invalid(t.store.query(TRAINING, &filter, &page).await, "metadata_contain");
    }
}
