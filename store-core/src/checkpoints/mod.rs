//! Checkpoints: what training left behind on its way, and how good it was.
//!
//! The contract of both implementations is written here, once; `store-checkpoints` implements it.

mod checkpoint;
mod compare;
mod filter;
pub mod graph;
mod metrics;
mod path;
mod retention;
mod store;

pub use checkpoint::{Checkpoint, NewCheckpoint};
pub use compare::{CheckpointComparison, ConfigChange, MetricChange};
pub use filter::{CheckpointFilter, Comparison, Goal, MetricCondition};
pub use metrics::Metrics;
pub use path::MetricPath;
pub use retention::{CheckpointPrune, CheckpointPruneReport};
pub use store::CheckpointStore;
