use serde_json::Value;

use super::{Checkpoint, MetricPath};

/// Two checkpoints side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointComparison {
    /// The first one.
    pub base: Checkpoint,
    /// The second one.
    pub target: Checkpoint,
    /// The metrics that differ, by path.
    pub metrics: Vec<MetricChange>,
    /// Where the configurations differ: keys in the order of their bytes, elements of arrays by
    /// index, from the outside in.
    pub config: Vec<ConfigChange>,
}

/// A metric that differs. NaN does not differ from NaN, nor 0.0 from -0.0.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricChange {
    /// The metric.
    pub path: MetricPath,
    /// The number in the first checkpoint, if it has one.
    pub base: Option<f64>,
    /// The number in the second checkpoint, if it has one.
    pub target: Option<f64>,
}

/// The innermost place where two configurations differ. Numbers are compared by value.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigChange {
    /// The place, a JSON Pointer (RFC 6901), such as `/tools/0/name`.
    pub pointer: String,
    /// What the first checkpoint has there, if anything.
    pub base: Option<Value>,
    /// What the second checkpoint has there, if anything.
    pub target: Option<Value>,
}
