//! The state of a graph run for each caller, saved step by step.

use std::collections::BTreeMap;

use serde_json::json;
use store_core::checkpoints::graph::{
    ChannelValue, GraphCheckpoint, GraphConfig, GraphFilter, GraphPrune, GraphWrite,
};
use store_core::{GraphCheckpointId, PageRequest, Result, TaskId, ThreadId};

use super::caller::{Caller, again};
use super::verify::Findings;

/// Checkpoints that a prune keeps.
const KEPT: usize = 20;

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let store = &caller.stores().graph;
    let thread = ThreadId::new(format!("graph-{}", caller.name))?;
    let mut parent = None;
    let mut number = 0;
    while caller.goes_on() {
        number += 1;
        let id = GraphCheckpointId::mint();
        let mut config = GraphConfig::new(thread.clone());
        config.parent_id = parent;
        let mut checkpoint = GraphCheckpoint::new(id);
        let values = values(number);
        for (channel, version) in [("messages", number), ("constant", 1)] {
            checkpoint.channel_versions.insert(channel.to_owned(), version.to_string());
        }
        let metadata = json!({"step": number});
        // The same put again changes nothing.
        let call = || store.put(&config, checkpoint.clone(), values.clone(), metadata.clone());
        caller.settle("graph_put", call, again).await?;
        caller.acknowledged(&json!(["graph", thread, id, number]));
        let task = TaskId::new("task")?;
        let writes = vec![GraphWrite { index: 0, channel: "out".into(), value: text(number) }];
        let reference = config.checkpoint(id);
        let call = || store.put_writes(&reference, &task, "", writes.clone());
        caller.settle("graph_put_writes", call, again).await?;
        if number % 50 == 0 {
            let request = GraphPrune::new(thread.clone(), KEPT as u32);
            caller.settle("graph_prune", || store.prune(&request), again).await?;
        }
        parent = Some(id);
    }
    Ok(())
}

/// Two channels: one that changes with each step, and one that never does.
fn values(number: u64) -> BTreeMap<String, ChannelValue> {
    let constant = ChannelValue::new("text", "x".repeat(4096));
    [("messages".to_owned(), text(number)), ("constant".to_owned(), constant)].into()
}

fn text(number: u64) -> ChannelValue {
    ChannelValue::new("text", format!("step {number}").repeat(50))
}

/// The newest checkpoints of each thread are those that were acknowledged, with all their values.
pub(super) async fn verify(found: &Findings) -> Result<()> {
    for (name, facts) in found.by_first("graph") {
        let thread = ThreadId::new(name.clone())?;
        let page = PageRequest::first(2 * KEPT as u32);
        let page = found.stores.graph.list(&thread, &GraphFilter::default(), &page).await?;
        let mut steps = BTreeMap::new();
        for state in page.items {
            let number = state.metadata["step"].as_u64().expect("a number");
            found.check(state.values == values(number), || {
                format!("{name}: step {number} has lost values")
            });
            steps.insert(state.checkpoint.id.to_string(), number);
        }
        for fact in facts.iter().rev().take(KEPT) {
            let id = fact[2].as_str().expect("an id");
            let number = fact[3].as_u64();
            found.check(steps.get(id).copied() == number, || format!("{name}: {id} is lost"));
        }
    }
    Ok(())
}
