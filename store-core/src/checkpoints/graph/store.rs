use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use super::{
    ChannelValue, CheckpointRef, GraphCheckpoint, GraphConfig, GraphFilter, GraphPrune,
    GraphPruneReport, GraphState, GraphWrite,
};
use crate::{GraphCheckpointId, Health, Page, PageRequest, Result, TaskId, ThreadId};

/// The state of graph runs: checkpoints between steps, the values of their channels, and what
/// tasks wrote before the next checkpoint.
///
/// It keeps what agent runtimes expect of a checkpointer, byte for byte, and reads none of it.
///
/// # Order
///
/// The ids of checkpoints order them, compared byte by byte, within a thread: the greatest is the
/// latest. They are UUIDs of version 6 or 7, which grow with time. The bytes of the two versions
/// do not compare by time with each other, so that a runtime stays with one version within a
/// thread.
///
/// # Values
///
/// A value is stored once for each `(thread, namespace, channel, version)`, and its bytes once for
/// each thread, under their SHA-256: a channel that does not change costs nothing in the next
/// checkpoint. Threads share nothing. A version without a value is an empty channel.
///
/// # Sealing
///
/// Opened with a key ring, the store seals the bytes of every value it writes, and their address
/// is an HMAC instead of a SHA-256, so that a reader of the database cannot confirm a guess. What
/// was stored unsealed stays readable. Without the ring, reading a sealed value fails with
/// `Settings`; bytes that were changed, or moved to another address, are `Tampered`.
///
/// Not protected are names, versions, type tags, sizes, equality of values, metadata, and which
/// value belongs to which channel: who can write to the database can make a channel refer to
/// another value that is stored, or to none.
///
/// # Concurrency
///
/// Whatever changes a thread locks it first, and does all of its work in one transaction: writers
/// of one thread take turns, in any number of processes, and readers never wait and always see a
/// checkpoint with all of its values. Every check of input comes before a connection is taken:
/// `Invalid` changes nothing. Any method can fail with `Backend`, and with `Corrupt` when a stored
/// row cannot be read. JSON is checked by the [`JsonPolicy`](crate::json::JsonPolicy).
#[async_trait]
pub trait GraphCheckpointer: fmt::Debug + Send + Sync {
    /// Puts a checkpoint with the values of channels that changed.
    ///
    /// Values of other channels are those stored before under the same version; a version that
    /// was neither given now nor stored before has no value. The thread is made by its first
    /// checkpoint or write. The same put again changes nothing. The same id with another content
    /// replaces channel versions, versions seen, extra, metadata and parent; `created_at` stays. A
    /// string `run_id` in the metadata is what [`delete_for_runs`](Self::delete_for_runs) goes by.
    /// One round trip on PostgreSQL.
    ///
    /// # Errors
    /// `Conflict` naming channel and version when that version already has another value, and
    /// nothing is changed: a fork has to use new versions. `Invalid` for ids of another version
    /// than 6 and 7, also that of the parent; a namespace, channel, version or type tag that breaks
    /// its rule; a value of a channel that is not in `channel_versions`; a value of more than 64
    /// MiB, or more than 256 MiB in all; versions seen, extra or metadata that are not objects; and
    /// a string `run_id` of not 1 to 255 bytes or with control characters. `Settings` and
    /// `Tampered` when a sealed value has to be opened for a comparison.
    async fn put(
        &self,
        config: &GraphConfig,
        checkpoint: GraphCheckpoint,
        values: BTreeMap<String, ChannelValue>,
        metadata: Value,
    ) -> Result<()>;

    /// Puts what a task wrote to a checkpoint, all or none.
    ///
    /// It is idempotent on `(task_id, index)`: of writes with an index of 0 or more the first one
    /// stays, one below 0 is replaced, with its path and channel. The checkpoint may come later: it
    /// then finds its writes. `task_path` has at most 4096 bytes and no control characters. No
    /// writes change nothing, and make no thread.
    ///
    /// # Errors
    /// `Invalid`, as for [`put`](Self::put), and for more than 10,000 writes or an index that
    /// occurs twice.
    async fn put_writes(
        &self,
        checkpoint: &CheckpointRef,
        task_id: &TaskId,
        task_path: &str,
        writes: Vec<GraphWrite>,
    ) -> Result<()>;

    /// Returns a checkpoint with its values and writes, the latest of the namespace when no id is
    /// given, or nothing: one statement.
    ///
    /// A prune, or anything else beside it, never takes values or writes away from what is
    /// returned.
    ///
    /// # Errors
    /// `Invalid` for the namespace; `Settings` and `Tampered` for sealed values.
    async fn fetch(
        &self,
        thread_id: &ThreadId,
        checkpoint_ns: &str,
        id: Option<GraphCheckpointId>,
    ) -> Result<Option<GraphState>>;

    /// Lists the checkpoints of a thread with their values and writes, newest id first unless
    /// asked otherwise; those of one id in several namespaces are ordered by namespace, in the same
    /// direction. An unknown thread has none.
    ///
    /// A page is one statement, whatever its size, and reads each stored value once. It ends early
    /// at 8 MiB of values and JSON.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000, a cursor of another listing, a namespace, and a
    /// metadata filter that is not an object; `Settings` and `Tampered` for sealed values.
    async fn list(
        &self,
        thread_id: &ThreadId,
        filter: &GraphFilter,
        page: &PageRequest,
    ) -> Result<Page<GraphState>>;

    /// Deletes a thread with all that belongs to it. Deleting an unknown one changes nothing.
    async fn delete_thread(&self, thread_id: &ThreadId) -> Result<()>;

    /// Deletes the checkpoints whose metadata name one of up to 1000 runs, in all threads, with
    /// their writes and what only they referred to, and returns their number.
    ///
    /// One transaction. A thread that has nothing left is gone. Unknown runs change nothing.
    ///
    /// # Errors
    /// `Invalid` for more than 1000 runs, and for a run of not 1 to 255 bytes or with control
    /// characters.
    async fn delete_for_runs(&self, run_ids: &[String]) -> Result<u64>;

    /// Copies a thread, with ids, namespaces, versions, writes and instants, to one that does not
    /// exist yet: one transaction. Afterwards the two have nothing in common.
    ///
    /// # Errors
    /// `NotFound` for an unknown source; `Conflict` when the target exists.
    async fn copy_thread(&self, source: &ThreadId, target: &ThreadId) -> Result<()>;

    /// Deletes all but the newest checkpoints of each namespace of a thread, in one transaction,
    /// and says how much that was.
    ///
    /// With them go their writes, the values no remaining checkpoint names, and bytes nothing
    /// refers to. Writes to a checkpoint that is not there yet stay: those of an id greater than
    /// all that remain in the namespace. A dry run changes nothing and reports what the run would.
    /// An unknown thread has nothing to prune.
    ///
    /// # Errors
    /// `Invalid` for `keep_last` of 0.
    async fn prune(&self, request: &GraphPrune) -> Result<GraphPruneReport>;

    /// Tells how the database under this store is doing. Never fails and never hangs.
    async fn health(&self) -> Health;
}
