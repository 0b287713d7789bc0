//! What a query asks for: metrics that are recorded, by labels that they have.

use std::convert::Infallible;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use store_core::observe::{METRICS, Metric, MetricKind, OUTCOMES};

/// Labels that Prometheus adds to everything it scrapes.
const SCRAPED: [&str; 2] = ["instance", "job"];

/// Asserts that a query can be answered by what the stores record.
#[track_caller]
pub(crate) fn assert_answerable(query: &str) {
    let parsed = parse(query).unwrap_or_else(|error| panic!("{query}\n{error}"));
    let mut asked = Asked::default();
    let Ok(_whole) = walk_expr(&mut asked, &parsed);
    assert!(!asked.selectors.is_empty(), "it asks for nothing: {query}");
    let mut labels = SCRAPED.map(str::to_owned).to_vec();
    for selector in &asked.selectors {
        let name = selector.name.as_deref().unwrap_or_default();
        let of_metric = labels_of(name);
        let of_metric = of_metric.unwrap_or_else(|| panic!("nothing records {name}: {query}"));
        for matcher in &selector.matchers.matchers {
            let known = of_metric.contains(&matcher.name) || SCRAPED.contains(&&*matcher.name);
            assert!(known, "{name} has no label {}: {query}", matcher.name);
            assert_possible(matcher, query);
        }
        labels.extend(of_metric);
    }
    for label in &asked.grouped {
        assert!(labels.contains(label), "nothing has the label {label}: {query}");
    }
}

/// The labels of a metric as Prometheus knows it, with the parts of a histogram.
fn labels_of(name: &str) -> Option<Vec<String>> {
    if name == "up" {
        return Some(Vec::new());
    }
    let metric = |name: &str, is: fn(&Metric) -> bool| {
        METRICS.iter().find(|metric| metric.name == name && is(metric))
    };
    let owned = |metric: &Metric| metric.labels.iter().map(|label| (*label).to_owned());
    if let Some(metric) = metric(name, |metric| metric.kind != MetricKind::Histogram) {
        return Some(owned(metric).collect());
    }
    let (of, part) = name.rsplit_once('_')?;
    let metric = metric(of, |metric| metric.kind == MetricKind::Histogram)?;
    match part {
        "bucket" => Some(owned(metric).chain(["le".to_owned()]).collect()),
        "sum" | "count" => Some(owned(metric).collect()),
        _ => None,
    }
}

/// An outcome that is asked for has to be one that there is.
fn assert_possible(matcher: &Matcher, query: &str) {
    if matcher.name == "outcome" {
        assert!(matches!(matcher.op, MatchOp::Equal | MatchOp::Re(_)), "{query}");
        for outcome in matcher.value.split('|') {
            assert!(OUTCOMES.contains(&outcome), "there is no outcome {outcome}: {query}");
        }
    }
}

/// What is asked for in a query.
#[derive(Default)]
struct Asked {
    selectors: Vec<VectorSelector>,
    grouped: Vec<String>,
}

impl ExprVisitor for Asked {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        match expression {
            Expr::VectorSelector(selector) => self.selectors.push(selector.clone()),
            Expr::MatrixSelector(selector) => self.selectors.push(selector.vs.clone()),
            Expr::Aggregate(aggregate) => {
                let labels = aggregate.modifier.iter().flat_map(|by| by.labels().labels.clone());
                self.grouped.extend(labels);
            }
            _ => {}
        }
        Ok(true)
    }
}

#[test]
fn a_query_for_what_is_not_recorded_is_found() {
    let wrong = [
        "store_pools_size",
        "store_pool_size{queue=\"a\"}",
        "sum by (queue) (store_pool_size)",
        "rate(store_operation_duration_seconds[5m])",
        "rate(store_operation_duration_seconds_count{outcome=\"good\"}[5m])",
        "1 + 1",
        "sum by (",
    ];
    for query in wrong {
        let judged = std::panic::catch_unwind(|| assert_answerable(query));
        assert!(judged.is_err(), "{query}");
    }
    assert_answerable("sum by (backend, job) (store_pool_size{instance=\"a\"})");
}
