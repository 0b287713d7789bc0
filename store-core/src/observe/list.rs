//! Every metric there is.

use metrics::Unit;

/// A metric that the stores record through the [`metrics`] facade.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it is measured in.
    pub unit: Unit,
    /// What it says.
    pub help: &'static str,
    /// Bounds that suit a histogram, for recorders that want some; nothing for other kinds.
    pub buckets: &'static [f64],
}

/// Kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// A distribution.
    Histogram,
}

/// From half a millisecond to half a minute, with the limits of the alerts among them.
const DURATIONS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Up to the most writes that share a commit.
const BATCH_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Every metric that the stores record, by name.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "store_operation_duration_seconds",
        kind: MetricKind::Histogram,
        labels: &["subsystem", "operation", "backend", "outcome"],
        unit: Unit::Seconds,
        help: "How long operations of the stores took, waiting included. The outcome is ok or the \
               kind of the error.",
        buckets: DURATIONS,
    },
    Metric {
        name: "store_operation_retries_total",
        kind: MetricKind::Counter,
        labels: &["subsystem", "operation", "backend"],
        unit: Unit::Count,
        help: "How often a part of an operation was run again after a failure that passes.",
        buckets: &[],
    },
    Metric {
        name: "store_pool_in_use",
        kind: MetricKind::Gauge,
        labels: &["backend"],
        unit: Unit::Count,
        help: "Connections of this process's pools that are in use.",
        buckets: &[],
    },
    Metric {
        name: "store_pool_size",
        kind: MetricKind::Gauge,
        labels: &["backend"],
        unit: Unit::Count,
        help: "Connections that this process's pools may have.",
        buckets: &[],
    },
    Metric {
        name: "store_pool_timeouts_total",
        kind: MetricKind::Counter,
        labels: &["backend"],
        unit: Unit::Count,
        help: "Callers that no connection became free for in time.",
        buckets: &[],
    },
    Metric {
        name: "store_pool_waiting",
        kind: MetricKind::Gauge,
        labels: &["backend"],
        unit: Unit::Count,
        help: "Callers that wait for a connection of this process's pools.",
        buckets: &[],
    },
    Metric {
        name: "store_queue_depth",
        kind: MetricKind::Gauge,
        labels: &["queue", "state"],
        unit: Unit::Count,
        help: "Unfinished jobs of a queue by their state, as of the last queue_stats.",
        buckets: &[],
    },
    Metric {
        name: "store_queue_oldest_seconds",
        kind: MetricKind::Gauge,
        labels: &["queue"],
        unit: Unit::Seconds,
        help: "For how long the oldest job that can be claimed has waited, as of the last \
               queue_stats.",
        buckets: &[],
    },
    Metric {
        name: "store_replica_reads_total",
        kind: MetricKind::Counter,
        labels: &["outcome"],
        unit: Unit::Count,
        help: "Reads that asked for a replica: replica, or why the primary answered.",
        buckets: &[],
    },
    Metric {
        name: "store_sqlite_commit_batch_size",
        kind: MetricKind::Histogram,
        labels: &[],
        unit: Unit::Count,
        help: "How many writes of callers one commit of the SQLite writer carried.",
        buckets: BATCH_SIZES,
    },
];

/// What the label `outcome` can hold: `ok`, or [what failed](crate::Error::outcome).
pub const OUTCOMES: &[&str] = &[
    "ok",
    "not_found",
    "conflict",
    "invalid",
    "invalid_state",
    "lease_lost",
    "denied",
    "tampered",
    "corrupt",
    "settings",
    "backend_not_compiled",
    "migration",
    "busy",
    "serialization",
    "deadlock",
    "timeout",
    "pool_exhausted",
    "unavailable",
    "outcome_unknown",
    "read_only",
    "disk_full",
    "other",
];

/// Describes every metric to the recorder that is installed: call it once, after installing one.
pub fn describe() {
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter => {
                metrics::describe_counter!(metric.name, metric.unit, metric.help);
            }
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            MetricKind::Histogram => {
                metrics::describe_histogram!(metric.name, metric.unit, metric.help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The texts in a function of a source.
    fn texts<'a>(source: &'a str, function: &str) -> impl Iterator<Item = &'a str> {
        let body = source.split(function).nth(1).unwrap();
        let body = body.split("\n    }\n").next().unwrap();
        body.split('"').skip(1).step_by(2)
    }

    #[test]
    fn every_outcome_is_listed() {
        let errors = texts(include_str!("../error/mod.rs"), "pub const fn outcome(&self)");
        let failures = texts(include_str!("../error/failure.rs"), "pub const fn as_str(self)");
        let said: BTreeSet<&str> = errors.chain(failures).chain(["ok"]).collect();
        assert_eq!(said, OUTCOMES.iter().copied().collect());
    }

    #[test]
    fn metrics_are_listed_once_by_name_and_named_as_prometheus_wants() {
        assert!(METRICS.is_sorted_by(|one, next| one.name < next.name));
        for metric in METRICS {
            let is_total = metric.name.ends_with("_total");
            assert_eq!(is_total, metric.kind == MetricKind::Counter, "{}", metric.name);
            let has_unit = metric.name.ends_with("_seconds");
            assert_eq!(has_unit, metric.unit == Unit::Seconds, "{}", metric.name);
            let has_buckets = !metric.buckets.is_empty();
            assert_eq!(has_buckets, metric.kind == MetricKind::Histogram, "{}", metric.name);
        }
    }
}
