//! Rows as they are stored, and how they become parts of states.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{
    BigInt, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use store_core::checkpoints::graph::{GraphCheckpoint, GraphConfig, GraphState};
use store_core::json::JsonPolicy;
use store_core::{Error, Message, Result, TaskId, ThreadId, Timestamp};
use uuid::Uuid;

use crate::rules::graph::assembly::{Part, Written};
use crate::rules::graph::blob::{Address, Blob};

/// A blob, in the order of its columns. Without `Debug`: it may not be sealed.
#[derive(Queryable)]
pub(super) struct BlobRow {
    address: Vec<u8>,
    type_tag: String,
    size: i64,
    sealed: bool,
    bytes: Vec<u8>,
}

impl BlobRow {
    pub(super) fn into_blob(self) -> Result<Blob> {
        let Self { type_tag, size, sealed, bytes, .. } = self;
        Ok(Blob { address: address(self.address)?, type_tag, size, sealed, bytes })
    }
}

/// The columns of `PartRow`, in its order.
pub(super) type PartSql = (
    Integer,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Integer>,
    Nullable<SqlUuid>,
    Nullable<SqlUuid>,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Nullable<Timestamptz>,
    Nullable<Bool>,
    Nullable<Binary>,
    Nullable<BigInt>,
    Nullable<Bool>,
    Nullable<Binary>,
);

/// A row of the statement that reads checkpoints. Without `Debug`, like a blob.
#[derive(Queryable)]
pub(super) struct PartRow {
    part: i32,
    position: Option<i64>,
    /// The namespace, the channel, or the type tag.
    name: Option<String>,
    task_id: Option<String>,
    task_path: Option<String>,
    idx: Option<i32>,
    checkpoint_id: Option<Uuid>,
    parent_id: Option<Uuid>,
    channel_versions: Option<Value>,
    versions_seen: Option<Value>,
    extra: Option<Value>,
    metadata: Option<Value>,
    created_at: Option<DateTime<Utc>>,
    followed: Option<bool>,
    address: Option<Vec<u8>>,
    size: Option<i64>,
    sealed: Option<bool>,
    bytes: Option<Vec<u8>>,
}

impl PartRow {
    pub(super) fn into_part(self, json: &JsonPolicy, thread_id: &ThreadId) -> Result<Part> {
        match self.part {
            0 => self.into_checkpoint(json, thread_id),
            1 => Ok(Part::Value {
                position: given("position", self.position)?,
                channel: given("channel", self.name)?,
                address: address(given("address", self.address)?)?,
            }),
            2 => self.into_write(),
            _ => Ok(Part::Blob(Blob {
                address: address(given("address", self.address)?)?,
                type_tag: given("type_tag", self.name)?,
                size: given("size", self.size)?,
                sealed: given("sealed", self.sealed)?,
                bytes: given("bytes", self.bytes)?,
            })),
        }
    }

    fn into_checkpoint(self, json: &JsonPolicy, thread_id: &ThreadId) -> Result<Part> {
        let id = given("checkpoint_id", self.checkpoint_id)?;
        let read = Reader { id };
        let restored = |column, value| Ok::<Value, Error>(json.restore(given(column, value)?));
        let state = GraphState {
            config: GraphConfig {
                thread_id: thread_id.clone(),
                checkpoint_ns: given("checkpoint_ns", self.name)?,
                parent_id: self.parent_id.map(Into::into),
            },
            checkpoint: GraphCheckpoint {
                id: id.into(),
                // Names and versions are stored as they are, whatever the JSON policy.
                channel_versions: read.json("channel_versions", self.channel_versions)?,
                versions_seen: restored("versions_seen", self.versions_seen)?,
                extra: restored("extra", self.extra)?,
            },
            values: BTreeMap::new(),
            metadata: restored("metadata", self.metadata)?,
            pending_writes: Vec::new(),
            created_at: read.instant("created_at", self.created_at)?,
        };
        Ok(Part::Checkpoint {
            position: given("position", self.position)?,
            state: Box::new(state),
            followed: given("followed", self.followed)?,
        })
    }

    fn into_write(self) -> Result<Part> {
        let task_id = given("task_id", self.task_id)?;
        let write = Written {
            task_id: TaskId::new(&*task_id)
                .map_err(|cause| Error::corrupt("graph_writes", "task_id", &task_id, cause))?,
            task_path: given("task_path", self.task_path)?,
            index: given("idx", self.idx)?,
            channel: given("channel", self.name)?,
        };
        let position = given("position", self.position)?;
        Ok(Part::Write { position, write, address: address(given("address", self.address)?)? })
    }
}

/// Reads columns of one checkpoint; what does not parse is `Corrupt`.
struct Reader {
    id: Uuid,
}

impl Reader {
    fn json<T: DeserializeOwned>(&self, column: &'static str, value: Option<Value>) -> Result<T> {
        serde_json::from_value(given(column, value)?)
            .map_err(|cause| Error::corrupt("graph_checkpoints", column, self.id, cause))
    }

    // parity: instants arrive parsed.
    fn instant(&self, column: &'static str, at: Option<DateTime<Utc>>) -> Result<Timestamp> {
        given(column, at)?
            .try_into()
            .map_err(|cause| Error::corrupt("graph_checkpoints", column, self.id, cause))
    }
}

/// What every row of its part has.
fn given<T>(column: &'static str, value: Option<T>) -> Result<T> {
    let missing = || Message("is not there".into());
    value.ok_or_else(|| Error::corrupt("graph_checkpoints", column, "", missing()))
}

fn address(bytes: Vec<u8>) -> Result<Address> {
    bytes.try_into().map_err(|bytes: Vec<u8>| {
        let cause = Message("has not 32 bytes".into());
        Error::corrupt("graph_blobs", "address", hex::encode(bytes), cause)
    })
}
