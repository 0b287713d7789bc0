use serde_json::Value;

use super::MetricPath;
use crate::words::words;

/// Which checkpoints are wanted. All conditions must hold; none means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CheckpointFilter {
    /// What metrics must be: at most 16 conditions.
    pub metrics: Vec<MetricCondition>,
    /// An object that the metrics contain, as PostgreSQL's `@>`.
    pub metrics_contain: Option<Value>,
    /// An object that the metadata contains, as PostgreSQL's `@>`.
    pub metadata_contain: Option<Value>,
}

impl CheckpointFilter {
    /// The most conditions on metrics.
    pub const MAX_CONDITIONS: usize = 16;

    /// Asks in addition that a metric compares as said.
    #[must_use]
    pub fn with(mut self, path: MetricPath, comparison: Comparison, value: f64) -> Self {
        self.metrics.push(MetricCondition { path, comparison, value });
        self
    }
}

/// What one metric must be, compared as `f64`.
///
/// A checkpoint without this metric, or with NaN there, meets no condition, `Ne` included.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricCondition {
    /// The metric.
    pub path: MetricPath,
    /// How it compares to the value.
    pub comparison: Comparison,
    /// The value: anything but NaN. The two zeros are equal.
    pub value: f64,
}

words! {
    /// How a metric compares to a value.
    pub enum Comparison of "comparison" {
        /// It is less.
        Lt = "lt",
        /// It is less or equal.
        Le = "le",
        /// It is equal.
        Eq = "eq",
        /// It is there and not equal.
        Ne = "ne",
        /// It is greater or equal.
        Ge = "ge",
        /// It is greater.
        Gt = "gt",
    }
}

words! {
    /// Which end of a metric is the better one.
    pub enum Goal of "goal" {
        /// The greatest wins, as with accuracy.
        Max = "max",
        /// The least wins, as with loss.
        Min = "min",
    }
}
