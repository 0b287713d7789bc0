//! States, put together from the parts that one statement returns.

use std::collections::{BTreeMap, HashMap};

use store_core::checkpoints::graph::{ChannelValue, GraphState, PendingWrite};
use store_core::{Error, Message, Result, TaskId};

use super::GraphContext;
use super::blob::{Address, Blob};

/// A row of what a statement returns. `position` is that of the checkpoint on the page.
pub(crate) enum Part {
    /// A checkpoint without values and writes, and whether another one follows the page.
    Checkpoint { position: i64, state: Box<GraphState>, followed: bool },
    /// The value of a channel.
    Value { position: i64, channel: String, address: Address },
    /// A write.
    Write { position: i64, write: Written, address: Address },
    /// What is stored at an address: once, however often it is referred to.
    Blob(Blob),
}

/// A write without its value.
pub(crate) struct Written {
    pub(crate) task_id: TaskId,
    pub(crate) task_path: String,
    pub(crate) index: i32,
    pub(crate) channel: String,
}

/// Puts the parts together: the states in the order of the page, and whether there are more.
pub(crate) fn assembled(cx: &GraphContext, parts: Vec<Part>) -> Result<(Vec<GraphState>, bool)> {
    let mut states: BTreeMap<i64, Box<GraphState>> = BTreeMap::new();
    let mut contents: HashMap<Address, ChannelValue> = HashMap::new();
    let (mut values, mut writes, mut last) = (Vec::new(), Vec::new(), (0, false));
    for part in parts {
        match part {
            Part::Checkpoint { position, state, followed } => {
                last = last.max((position, followed));
                states.insert(position, state);
            }
            Part::Value { position, channel, address } => values.push((position, channel, address)),
            Part::Write { position, write, address } => writes.push((position, write, address)),
            Part::Blob(blob) => {
                contents.insert(blob.address, blob.into_value(cx.keys.as_ref())?);
            }
        }
    }
    let mut references: HashMap<Address, usize> = HashMap::new();
    let named = values.iter().map(|(_, _, address)| address);
    for address in named.chain(writes.iter().map(|(_, _, address)| address)) {
        *references.entry(*address).or_default() += 1;
    }
    // Values are large: the last that refers to one takes it, the others have copies.
    let mut content = |table, address: &Address| {
        let missing = || Message("refers to a value that is not there".into());
        let missing = || Error::corrupt(table, "address", hex::encode(address), missing());
        let left = references.get_mut(address).ok_or_else(missing)?;
        *left -= 1;
        let found =
            if *left == 0 { contents.remove(address) } else { contents.get(address).cloned() };
        found.ok_or_else(missing)
    };
    for (position, channel, address) in values {
        if let Some(state) = states.get_mut(&position) {
            state.values.insert(channel, content("graph_values", &address)?);
        }
    }
    for (position, Written { task_id, task_path, index, channel }, address) in writes {
        let value = content("graph_writes", &address)?;
        if let Some(state) = states.get_mut(&position) {
            let write = PendingWrite { task_id, task_path, index, channel, value };
            state.pending_writes.push(write);
        }
    }
    let ordered = |mut state: Box<GraphState>| {
        let key = |w: &PendingWrite| (w.task_path.clone(), w.task_id.clone(), w.index);
        state.pending_writes.sort_by_cached_key(key);
        *state
    };
    Ok((states.into_values().map(ordered).collect(), last.1))
}
