//! Checkpoints of a few workflows, recorded by all processes.

use std::collections::HashMap;

use serde_json::{Value, json};
use store_core::checkpoints::{Checkpoint, CheckpointFilter, Metrics, NewCheckpoint};
use store_core::{Order, PageRequest, Result};

use super::caller::Caller;
use super::verify::Findings;

/// The number of workflows.
const WORKFLOWS: u64 = 4;

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let store = &caller.stores().checkpoints;
    while caller.goes_on() {
        let workflow = format!("training-{}", caller.draw(WORKFLOWS));
        let key = caller.fresh();
        let new = NewCheckpoint {
            // What accuracy it has does not matter.
            metrics: Metrics::new().with("accuracy", caller.draw(1000) as f64 / 1000.0)?,
            metadata: json!({"key": key}),
            is_best: caller.draw(10) == 0,
            ..NewCheckpoint::new(workflow.clone())
        };
        let filter =
            CheckpointFilter { metadata_contain: Some(json!({"key": key})), ..Default::default() };
        let look = async || {
            let page = store.query(&workflow, &filter, &PageRequest::first(1)).await?;
            Ok(page.items.into_iter().next())
        };
        let checkpoint: Checkpoint =
            caller.settle("checkpoint_record", || store.record(new.clone()), look).await?;
        caller.acknowledged(&json!(["checkpoint", workflow, checkpoint.config_version, key]));
        if caller.draw(4) == 0 {
            caller.read("checkpoint_latest", || store.latest(&workflow)).await?;
        }
    }
    Ok(())
}

/// Versions have no gaps and are those that were acknowledged; one checkpoint at most is the best.
pub(super) async fn verify(found: &Findings) -> Result<()> {
    let acknowledged = found.by_first("checkpoint");
    for workflow in (0..WORKFLOWS).map(|number| format!("training-{number}")) {
        let mut versions: HashMap<i32, Value> = HashMap::new();
        let mut best = 0;
        let mut request = Some(PageRequest::first(1000).ordered(Order::Asc));
        while let Some(next) = request.take() {
            let page = found.stores.checkpoints.list(&workflow, &next).await?;
            for checkpoint in page.items {
                let (version, expected) = (checkpoint.config_version, versions.len() + 1);
                found.check(usize::try_from(version) == Ok(expected), || {
                    format!("{workflow}: version {version} at {expected}")
                });
                best += u32::from(checkpoint.is_best);
                versions.insert(version, checkpoint.metadata["key"].clone());
            }
            request = page.next.map(|cursor| next.after(cursor));
        }
        found.check(best <= 1, || format!("{workflow}: {best} are the best"));
        for fact in acknowledged.get(&workflow).into_iter().flatten() {
            let version = fact[2].as_i64().and_then(|version| i32::try_from(version).ok());
            let key = version.and_then(|version| versions.get(&version));
            found.check(key == Some(&fact[3]), || format!("{workflow}: {} is lost", fact[3]));
        }
    }
    Ok(())
}
