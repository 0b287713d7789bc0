//! Records of training checkpoints.

use serde_json::{Value, json};
use store_core::checkpoints::{
    Checkpoint, CheckpointFilter, CheckpointPrune, CheckpointPruneReport, Comparison, Goal,
    MetricCondition, MetricPath, Metrics, NewCheckpoint,
};
use store_core::{CheckpointId, PageRequest};

use super::everything;
use crate::fixture::Checkpoints;

/// The workflow of a checkpoint that says nothing else.
pub const TRAINING: &str = "training";

/// Reads metrics out of JSON.
pub fn metrics(value: Value) -> Metrics {
    Metrics::from_json(value).expect("valid metrics")
}

/// Reads the path of a metric.
pub fn metric(text: &str) -> MetricPath {
    MetricPath::new(text).expect("a valid path")
}

/// A checkpoint with nothing but its workflow.
pub fn checkpoint() -> NewCheckpoint {
    NewCheckpoint::new(TRAINING)
}

/// A checkpoint with these metrics.
pub fn measured(value: Value) -> NewCheckpoint {
    NewCheckpoint { metrics: metrics(value), ..checkpoint() }
}

/// A checkpoint with a given version.
pub fn at_version(version: i32) -> NewCheckpoint {
    NewCheckpoint { config_version: Some(version), ..checkpoint() }
}

/// A checkpoint that is the best so far.
pub fn best_checkpoint() -> NewCheckpoint {
    NewCheckpoint { is_best: true, ..checkpoint() }
}

/// A checkpoint that continues another one.
pub fn child_of(parent: &Checkpoint) -> NewCheckpoint {
    NewCheckpoint { parent_id: Some(parent.id), ..checkpoint() }
}

/// A checkpoint with every field that can be given, after `parent`.
pub fn full_checkpoint(parent: CheckpointId) -> NewCheckpoint {
    NewCheckpoint {
        workflow_id: "späße & more 🎉".into(),
        config_version: Some(7),
        runnable_config: json!({"configurable": everything(), "tags": ["a", "b"]}),
        metrics: metrics(json!({
            "accuracy": 0.93, "steps": 1200, "loss": {"train": 0.1, "test": {"$f64": "NaN"}},
            "peak": {"$f64": "Infinity"}, "low": {"$f64": "-Infinity"}, "genauigkeit für 日本": 1,
            "curve": [3, 2.5, 1e-9], "note": "späße", "flag": true, "none": null, "empty": {}
        })),
        metadata: everything(),
        artifact_url: Some("s3://bucket/späße/model.bin?x=1&y='2'#z".into()),
        is_best: true,
        parent_id: Some(parent),
    }
}

/// Records a checkpoint.
pub async fn recorded(t: &Checkpoints, new: NewCheckpoint) -> Checkpoint {
    t.store.record(new).await.expect("the checkpoint is recorded")
}

/// Records so many checkpoints with nothing but their workflow, and returns them, oldest first.
pub async fn recorded_many(t: &Checkpoints, count: usize) -> Vec<Checkpoint> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(recorded(t, checkpoint()).await);
    }
    all
}

/// Records a chain, each the parent of the next, and returns it, root first.
pub async fn recorded_chain(t: &Checkpoints, count: usize) -> Vec<Checkpoint> {
    let mut chain: Vec<Checkpoint> = Vec::with_capacity(count);
    for _ in 0..count {
        let new = chain.last().map_or_else(checkpoint, child_of);
        chain.push(recorded(t, new).await);
    }
    chain
}

/// The versions of a workflow that are stored, newest first.
pub async fn stored_versions(t: &Checkpoints) -> Vec<i32> {
    let page = t.store.list(TRAINING, &PageRequest::first(1000)).await;
    versions(&page.expect("they are listed").items)
}

/// The versions of checkpoints.
pub fn versions(checkpoints: &[Checkpoint]) -> Vec<i32> {
    checkpoints.iter().map(|checkpoint| checkpoint.config_version).collect()
}

/// The version of the checkpoint that is best by a metric.
pub async fn winner(t: &Checkpoints, path: &str, goal: Goal) -> Option<i32> {
    let best = t.store.best_by(TRAINING, &metric(path), goal).await;
    best.expect("it is looked up").map(|checkpoint| checkpoint.config_version)
}

/// A filter of one condition.
pub fn condition(path: &str, comparison: Comparison, value: f64) -> CheckpointFilter {
    let condition = MetricCondition { path: metric(path), comparison, value };
    CheckpointFilter { metrics: vec![condition], ..CheckpointFilter::default() }
}

/// The versions a filter means, newest first.
pub async fn queried(t: &Checkpoints, filter: &CheckpointFilter) -> Vec<i32> {
    let page = t.store.query(TRAINING, filter, &PageRequest::first(1000)).await;
    versions(&page.expect("they are queried").items)
}

/// A prune that keeps the newest of a workflow, and nothing that is not asked for.
pub fn keep_last(count: u32) -> CheckpointPrune {
    CheckpointPrune {
        keep_best: false,
        keep_referenced: false,
        ..CheckpointPrune::new(TRAINING, count)
    }
}

/// Prunes.
pub async fn prune_checkpoints(
    t: &Checkpoints,
    request: &CheckpointPrune,
) -> CheckpointPruneReport {
    t.store.prune(request).await.expect("it is pruned")
}
