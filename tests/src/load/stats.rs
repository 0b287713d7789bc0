//! How long operations took, and how they failed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::Journal;

/// Each class of durations is this much longer than the one before.
const GROWTH: f64 = 1.05;

/// What is known about one operation.
#[derive(Debug, Clone, Default)]
pub(super) struct Operation {
    /// How many calls fell into each class of durations.
    classes: BTreeMap<i64, u64>,
    /// How many calls failed, by the word for the failure.
    pub(super) errors: BTreeMap<String, u64>,
    /// How many unknown outcomes a look at what is stored made known.
    pub(super) resolved: u64,
}

impl Operation {
    pub(super) fn count(&self) -> u64 {
        self.classes.values().sum()
    }

    /// The duration in milliseconds that a part of the calls does not exceed, within 5 %.
    pub(super) fn percentile(&self, part: f64) -> f64 {
        let total = self.count();
        let mut seen = 0;
        for (class, count) in &self.classes {
            seen += count;
            // Counts are far below 2^52.
            if seen as f64 >= part * total as f64 {
                return GROWTH.powf(*class as f64) / 1000.0;
            }
        }
        0.0
    }

    /// Adds what another process measured.
    pub(super) fn add(&mut self, fact: &Value) {
        let counts = |name: &str| fact[name].as_object().into_iter().flatten();
        for (class, count) in counts("classes") {
            let class = class.parse().expect("a class");
            *self.classes.entry(class).or_default() += count.as_u64().expect("a count");
        }
        for (kind, count) in counts("errors") {
            *self.errors.entry(kind.clone()).or_default() += count.as_u64().expect("a count");
        }
        self.resolved += fact["resolved"].as_u64().expect("a count");
    }
}

/// The measurements of one process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Stats(Arc<Mutex<BTreeMap<&'static str, Operation>>>);

impl Stats {
    pub(super) fn succeeded(&self, operation: &'static str, took: Duration) {
        let micros = took.as_secs_f64().mul_add(1e6, 1.0);
        // A class is a small number.
        let class = (micros.ln() / GROWTH.ln()).ceil() as i64;
        self.of(operation, |known| *known.classes.entry(class).or_default() += 1);
    }

    pub(super) fn failed(&self, operation: &'static str, kind: &str) {
        self.of(operation, |known| *known.errors.entry(kind.to_owned()).or_default() += 1);
    }

    pub(super) fn resolved(&self, operation: &'static str) {
        self.of(operation, |known| known.resolved += 1);
    }

    fn of(&self, operation: &'static str, change: impl FnOnce(&mut Operation)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(operation).or_default());
    }

    /// Writes everything that was measured so far: of one process the last such fact counts.
    pub(super) fn write(&self, process: &str, journal: &Journal) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, known) in all {
            let Operation { classes, errors, resolved } = known;
            let classes: BTreeMap<String, u64> =
                classes.into_iter().map(|(class, count)| (class.to_string(), count)).collect();
            let known = json!({"classes": classes, "errors": errors, "resolved": resolved});
            journal.write(&json!(["stats", process, name, known]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_five_percent() {
        let stats = Stats::default();
        for millis in 1..=100 {
            stats.succeeded("a", Duration::from_millis(millis));
        }
        let all = stats.0.lock().unwrap();
        for (part, millis) in [(0.5, 50.0), (0.95, 95.0), (0.99, 99.0)] {
            let measured = all["a"].percentile(part);
            assert!((millis..millis * 1.06).contains(&measured), "{part}: {measured}");
        }
    }
}
