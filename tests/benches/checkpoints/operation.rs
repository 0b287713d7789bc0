//! What is measured, and the data it is measured on.

use std::sync::Arc;

use serde_json::{Value, json};
use store_core::checkpoints::{CheckpointStore, Metrics, NewCheckpoint};
use tokio::task::JoinSet;

use crate::common::Result;
use crate::common::args::Measured;

/// An operation of the store. Reads come first, while the tables are small and the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The checkpoint of 10,000 with the greatest accuracy.
    BestBy,
    /// A checkpoint with five metrics and a configuration of 1 KiB, in one of at most 16
    /// workflows.
    Record,
    /// The latest state of a graph run: ten channels of 10 KiB.
    GraphGet,
    /// The next state of it, in which one channel has changed.
    GraphPut,
}

impl Measured for Operation {
    const ALL: &'static [Self] = &[Self::BestBy, Self::GraphGet, Self::Record, Self::GraphPut];

    fn name(self) -> &'static str {
        match self {
            Self::BestBy => "best_by",
            Self::Record => "record",
            Self::GraphGet => "graph get",
            Self::GraphPut => "graph put",
        }
    }
}

/// The workflow of the checkpoints that are ranked.
pub(crate) const RANKED: &str = "ranked";
/// The metric they are ranked by.
pub(crate) const METRIC: &str = "/accuracy";
/// How many there are.
const RANKED_COUNT: u64 = 10_000;
/// Those who record them at once: SQLite commits for all that wait.
const RECORDERS: u64 = 100;
/// The workflows callers record in.
const RECORDED: usize = 16;

/// Fills empty tables.
pub(crate) async fn seed(store: &Arc<dyn CheckpointStore>) -> Result<()> {
    let mut recorders = JoinSet::new();
    for recorder in 0..RECORDERS {
        let store = Arc::clone(store);
        recorders.spawn(async move {
            for nth in 0..RANKED_COUNT / RECORDERS {
                // Spread over the whole range, so that the greatest is anywhere.
                let rank = (nth * RECORDERS + recorder) * 7919 % RANKED_COUNT;
                store.record(checkpoint(RANKED, rank)?).await?;
            }
            Ok::<_, store_core::Error>(())
        });
    }
    while let Some(recorder) = recorders.join_next().await {
        recorder??;
    }
    Ok(())
}

/// A checkpoint as `record` records it.
pub(crate) fn checkpoint(workflow: &str, rank: u64) -> store_core::Result<NewCheckpoint> {
    let metrics = Metrics::from_json(metrics(rank))?;
    let (runnable_config, metadata) = (config(), metadata());
    Ok(NewCheckpoint { runnable_config, metrics, metadata, ..NewCheckpoint::new(workflow) })
}

/// The five metrics of a checkpoint.
pub(crate) fn metrics(rank: u64) -> Value {
    let numbers = numbers(rank);
    json!({
        "accuracy": numbers[0].1, "f1": numbers[1].1, "loss": numbers[2].1,
        "validation": { "accuracy": numbers[3].1, "loss": numbers[4].1 },
    })
}

/// The same by path.
pub(crate) fn numbers(rank: u64) -> [(&'static str, f64); 5] {
    #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
    let share = rank as f64 / RANKED_COUNT as f64;
    [
        (METRIC, share),
        ("/f1", share * 0.9),
        ("/loss", 1.0 - share),
        ("/validation/accuracy", share * 0.8),
        ("/validation/loss", 1.5 - share),
    ]
}

/// A configuration of 1 KiB.
pub(crate) fn config() -> Value {
    let around = json!({ "prompt": "", "temperature": 0.2 }).to_string().len();
    let words = "the quick brown fox jumps over the lazy dog ".repeat(30);
    json!({ "prompt": &words[..1024 - around], "temperature": 0.2 })
}

pub(crate) fn metadata() -> Value {
    json!({ "trainer": "nightly", "seed": 7 })
}

/// The workflow that a side records in. The sides share tables, not rows.
pub(crate) fn recorded(side: &str, caller: usize) -> String {
    format!("recorded-{side}-{}", caller % RECORDED)
}
