//! `deploy/grafana/dashboard.json`.

use std::collections::BTreeSet;

use serde_json::Value;
use store_core::observe::METRICS;

use crate::{at, text};

fn panels() -> Vec<Value> {
    let dashboard: Value =
        serde_json::from_str(&crate::read("deploy/grafana/dashboard.json")).unwrap();
    at(&dashboard, "/panels").as_array().unwrap().clone()
}

/// The queries of the panels, with values for what Grafana fills in.
fn queries() -> Vec<String> {
    let panels = panels();
    let targets = panels.iter().filter_map(|panel| panel.get("targets")?.as_array()).flatten();
    let filled = |target: &Value| {
        text(target, "/expr").replace("$__rate_interval", "5m").replace("$instance", ".*")
    };
    targets.map(filled).collect()
}

#[test]
fn every_panel_asks_for_what_is_recorded() {
    assert!(queries().len() > 10);
    for query in queries() {
        crate::promql::assert_answerable(&query);
    }
}

#[test]
fn every_metric_is_in_a_panel() {
    let queries = queries().join("\n");
    for metric in METRICS {
        assert!(queries.contains(metric.name), "{} is in no panel", metric.name);
    }
}

#[test]
fn panels_have_numbers_and_places_of_their_own() {
    let (mut numbers, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels() {
        let number = |pointer: &str| at(&panel, pointer).as_u64().unwrap();
        assert!(numbers.insert(number("/id")), "{panel}");
        for x in number("/gridPos/x")..number("/gridPos/x") + number("/gridPos/w") {
            for y in number("/gridPos/y")..number("/gridPos/y") + number("/gridPos/h") {
                assert!(x < 24 && places.insert((x, y)), "{}", text(&panel, "/title"));
            }
        }
    }
}
