//! Checkpoints of graph runs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store_core::checkpoints::graph::{
    ChannelValue, CheckpointRef, GraphCheckpoint, GraphCheckpointer, GraphConfig, GraphFilter,
    GraphState, GraphWrite,
};
use store_core::{GraphCheckpointId, PageRequest, Result, ThreadId};

use super::{everything, task_id};
use crate::fixture::{Graphs, noon};

/// Makes the id of a thread.
pub fn thread(name: &str) -> ThreadId {
    ThreadId::new(name).expect("a valid thread id")
}

/// The UUIDv7 of a checkpoint; a greater number is a later one.
pub fn checkpoint_id(number: u64) -> GraphCheckpointId {
    uuid(7, number)
}

/// A UUID of any version; a greater number is a later one.
pub fn uuid(version: u8, number: u64) -> GraphCheckpointId {
    let (high, low) = (number >> 16, number & 0xffff);
    let text = format!("{high:08x}-{low:04x}-{version:x}000-8000-000000000000");
    text.parse().expect("a UUID")
}

/// A value of the type `text`.
pub fn text_value(text: &str) -> ChannelValue {
    ChannelValue::new("text", text)
}

/// A checkpoint as a runtime puts it: where, what, with which values.
#[derive(Debug, Clone)]
pub struct GraphStep {
    /// Where it is put.
    pub config: GraphConfig,
    /// The checkpoint.
    pub checkpoint: GraphCheckpoint,
    /// The values given with it.
    pub values: BTreeMap<String, ChannelValue>,
    /// What is said about it.
    pub metadata: Value,
}

/// A checkpoint without channels in the root namespace; its metadata is its number.
pub fn graph_step(name: &str, number: u64) -> GraphStep {
    GraphStep {
        config: GraphConfig::new(thread(name)),
        checkpoint: GraphCheckpoint::new(checkpoint_id(number)),
        values: BTreeMap::new(),
        metadata: json!({ "step": number }),
    }
}

impl GraphStep {
    /// Puts it into a namespace.
    #[must_use]
    pub fn ns(self, checkpoint_ns: &str) -> Self {
        Self { config: self.config.in_namespace(checkpoint_ns), ..self }
    }

    /// Gives it another id.
    #[must_use]
    pub fn id(mut self, id: GraphCheckpointId) -> Self {
        self.checkpoint.id = id;
        self
    }

    /// Makes it follow a checkpoint of the same thread.
    #[must_use]
    pub fn after(self, number: u64) -> Self {
        Self { config: self.config.after(checkpoint_id(number)), ..self }
    }

    /// Has a channel at a version, without giving a value.
    #[must_use]
    pub fn channel(mut self, name: &str, version: &str) -> Self {
        self.checkpoint.channel_versions.insert(name.to_owned(), version.to_owned());
        self
    }

    /// Has a channel at a version, and gives its value.
    #[must_use]
    pub fn value(self, name: &str, version: &str, text: &str) -> Self {
        self.typed(name, version, text_value(text))
    }

    /// Has a channel at a version, and gives its value, of any type.
    #[must_use]
    pub fn typed(self, name: &str, version: &str, value: ChannelValue) -> Self {
        let mut step = self.channel(name, version);
        step.values.insert(name.to_owned(), value);
        step
    }

    /// Says something else about it.
    #[must_use]
    pub fn metadata(self, metadata: Value) -> Self {
        Self { metadata, ..self }
    }

    /// Says that it belongs to a run.
    #[must_use]
    pub fn run(self, run_id: &str) -> Self {
        self.metadata(json!({ "run_id": run_id }))
    }

    /// Puts it.
    ///
    /// # Errors
    /// Those of the checkpointer.
    pub async fn try_put(self, store: &dyn GraphCheckpointer) -> Result<()> {
        store.put(&self.config, self.checkpoint, self.values, self.metadata).await
    }

    /// Puts it, and returns how it has to read if all its values were given.
    pub async fn put(self, t: &Graphs) -> GraphState {
        let expected = self.expected();
        self.try_put(t.store.as_ref()).await.expect("the checkpoint is put");
        expected
    }

    /// How it has to read at noon, if all its values were given.
    pub fn expected(&self) -> GraphState {
        GraphState {
            config: self.config.clone(),
            checkpoint: self.checkpoint.clone(),
            values: self.values.clone(),
            metadata: self.metadata.clone(),
            pending_writes: Vec::new(),
            created_at: noon(),
        }
    }

    /// Names the checkpoint.
    pub fn reference(&self) -> CheckpointRef {
        self.config.checkpoint(self.checkpoint.id)
    }
}

/// A checkpoint with something in every field.
pub fn full_graph_step(name: &str, number: u64) -> GraphStep {
    let mut step = graph_step(name, number)
        .ns("parent:späße|child:1")
        .after(number - 1)
        .value("messages", "00000000000000000000000000000002.0.5", "späße 🎉")
        .typed("日本", "v'1\"", ChannelValue::new("msgpack", [0, 255, 128, 10]))
        .typed("empty", "1", ChannelValue::new("null", []))
        .metadata(everything());
    step.checkpoint.versions_seen =
        json!({"node": {"messages": "1"}, "__input__": {}, "späße": {"日本": 3}});
    step.checkpoint.extra = json!({"v": 4, "ts": "2026-03-02T12:00:00+00:00", "all": everything()});
    step
}

/// A write to a channel at an index, of text.
pub fn graph_write(index: i32, channel: &str, text: &str) -> GraphWrite {
    GraphWrite { index, channel: channel.to_owned(), value: text_value(text) }
}

/// Puts the writes of a task.
pub async fn put_writes(
    t: &Graphs,
    reference: &CheckpointRef,
    task: &str,
    path: &str,
    writes: Vec<GraphWrite>,
) {
    let answer = t.store.put_writes(reference, &task_id(task), path, writes).await;
    answer.expect("the writes are put");
}

/// Reads one checkpoint of the root namespace.
pub async fn graph_state(t: &Graphs, name: &str, number: u64) -> GraphState {
    let state = t.store.fetch(&thread(name), "", Some(checkpoint_id(number))).await;
    state.expect("it is read").expect("it is there")
}

/// Reads the latest checkpoint of the root namespace.
pub async fn latest_state(t: &Graphs, name: &str) -> Option<GraphState> {
    t.store.fetch(&thread(name), "", None).await.expect("it is read")
}

/// All checkpoints of a thread that a filter means, newest first.
pub async fn graph_states(t: &Graphs, name: &str, filter: &GraphFilter) -> Vec<GraphState> {
    let mut all = Vec::new();
    let mut request = Some(PageRequest::first(1000));
    while let Some(next) = request.take() {
        let page = t.store.list(&thread(name), filter, &next).await.expect("they are listed");
        all.extend(page.items);
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

/// All checkpoints of a thread, newest first.
pub async fn all_states(t: &Graphs, name: &str) -> Vec<GraphState> {
    graph_states(t, name, &GraphFilter::default()).await
}

/// The numbers of checkpoints, from what [`graph_step`] says about them.
pub fn step_numbers(states: &[GraphState]) -> Vec<u64> {
    states.iter().map(|state| state.metadata["step"].as_u64().expect("a number")).collect()
}

/// The writes of a checkpoint, as (task, index, channel, text).
pub fn written(state: &GraphState) -> Vec<(String, i32, String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let writes = state.pending_writes.iter();
    writes
        .map(|write| {
            let task = write.task_id.as_str().to_owned();
            (task, write.index, write.channel.clone(), text(&write.value.bytes))
        })
        .collect()
}
