//! The state of a graph run that is put and fetched: ten channels, of which one changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use store_core::checkpoints::graph::{
    ChannelValue, GraphCheckpoint, GraphCheckpointer, GraphConfig,
};
use store_core::{GraphCheckpointId, ThreadId};

use crate::common::Result;

/// The channels of a state …
pub(crate) const CHANNELS: u64 = 10;
/// … and the bytes of each.
const BYTES: usize = 10 * 1024;
/// The threads that callers put into; each thread has at most one caller in turn.
const THREADS: usize = 100;
/// The thread that is fetched.
pub(crate) const FETCHED: &str = "fetched";
pub(crate) const TYPE_TAG: &str = "text";

/// Numbers the steps of all threads of a side.
#[derive(Debug, Default)]
pub(crate) struct Steps(AtomicU64);

/// What one put brings.
pub(crate) struct Step {
    pub(crate) thread: String,
    pub(crate) id: GraphCheckpointId,
    pub(crate) channel: String,
    pub(crate) version: String,
    /// All channels with their versions; the others have those of the first step.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) bytes: Vec<u8>,
}

impl Steps {
    /// Makes the next step of a caller's thread.
    pub(crate) fn next(&self, side: &str, caller: usize) -> Step {
        // The first step has the number 0.
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        let (channel, version) = (channel(number % CHANNELS), number.to_string());
        let mut versions = first_versions();
        versions.insert(channel.clone(), version.clone());
        let bytes = bytes(number);
        let thread = thread(side, caller % THREADS);
        Step { thread, id: GraphCheckpointId::mint(), channel, version, versions, bytes }
    }
}

/// Puts the first step of all threads, of both sides.
pub(crate) async fn seed(graph: &Arc<dyn GraphCheckpointer>) -> Result<()> {
    let threads = ["store", "raw"].map(|side| (0..THREADS).map(move |nth| thread(side, nth)));
    for name in threads.into_iter().flatten().chain([FETCHED.to_owned()]) {
        let values =
            (0..CHANNELS).map(|at| (channel(at), ChannelValue::new(TYPE_TAG, bytes(at)))).collect();
        let mut checkpoint = GraphCheckpoint::new(GraphCheckpointId::mint());
        checkpoint.channel_versions = first_versions();
        let config = GraphConfig::new(ThreadId::new(name)?);
        graph.put(&config, checkpoint, values, metadata()).await?;
    }
    Ok(())
}

/// Puts a step through the store.
pub(crate) async fn put(graph: &dyn GraphCheckpointer, step: Step) -> Result<()> {
    let config = GraphConfig::new(ThreadId::new(step.thread)?);
    let mut checkpoint = GraphCheckpoint::new(step.id);
    checkpoint.channel_versions = step.versions;
    let values = BTreeMap::from([(step.channel, ChannelValue::new(TYPE_TAG, step.bytes))]);
    Ok(graph.put(&config, checkpoint, values, metadata()).await?)
}

/// What every step says about itself.
pub(crate) fn metadata() -> Value {
    json!({ "source": "loop", "step": 7 })
}

fn thread(side: &str, nth: usize) -> String {
    format!("put-{side}-{nth}")
}

fn channel(at: u64) -> String {
    format!("channel-{at}")
}

fn first_versions() -> BTreeMap<String, String> {
    (0..CHANNELS).map(|at| (channel(at), "0".to_owned())).collect()
}

fn bytes(number: u64) -> Vec<u8> {
    format!("{number} is what it is at; ").bytes().cycle().take(BYTES).collect()
}
