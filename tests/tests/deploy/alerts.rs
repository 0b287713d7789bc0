//! `deploy/prometheus/`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{at, text, yaml};

fn rules() -> Vec<Value> {
    let alerts = yaml::document("deploy/prometheus/alerts.yml");
    let groups = at(&alerts, "/groups").as_array().unwrap();
    groups.iter().flat_map(|group| at(group, "/rules").as_array().unwrap().clone()).collect()
}

#[test]
fn every_alert_asks_for_what_is_recorded_and_says_what_is_wrong() {
    let mut names = BTreeSet::new();
    for rule in rules() {
        let name = text(&rule, "/alert");
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        crate::promql::assert_answerable(text(&rule, "/expr"));
        assert!(["warning", "critical"].contains(&text(&rule, "/labels/severity")), "{name}");
        assert!(!text(&rule, "/annotations/summary").is_empty(), "{name}");
        assert!(!text(&rule, "/annotations/description").is_empty(), "{name}");
    }
    assert!(names.len() >= 5, "{names:?}");
}

#[test]
fn every_alert_is_in_the_guide() {
    let guide = crate::read("docs/monitoring.md");
    for rule in rules() {
        let name = text(&rule, "/alert");
        assert!(guide.contains(&format!("`{name}`")), "{name} is not in docs/monitoring.md");
    }
}

#[test]
fn every_metric_is_in_the_guide() {
    let guide = crate::read("docs/monitoring.md");
    for metric in store_core::observe::METRICS {
        assert!(guide.contains(&format!("`{}", metric.name)), "{}", metric.name);
    }
}

#[test]
fn prometheus_reads_the_alerts_and_scrapes_the_application_of_the_containers() {
    let prometheus = yaml::document("deploy/prometheus/prometheus.yml");
    for file in at(&prometheus, "/rule_files").as_array().unwrap() {
        assert!(crate::file("deploy/prometheus").join(file.as_str().unwrap()).exists(), "{file}");
    }
    let compose = yaml::document("deploy/docker-compose.yml");
    let port = at(&compose, "/services/app/expose/0").as_str().unwrap();
    let target = text(&prometheus, "/scrape_configs/0/static_configs/0/targets/0");
    assert_eq!(target, format!("app:{port}"));
    let down = rules().into_iter().find(|rule| text(rule, "/alert") == "StoreTargetDown").unwrap();
    let job = text(&prometheus, "/scrape_configs/0/job_name");
    assert!(text(&down, "/expr").contains(&format!("job=\"{job}\"")));
}
