use std::fmt;

use async_trait::async_trait;

use super::{
    Checkpoint, CheckpointComparison, CheckpointFilter, CheckpointPrune, CheckpointPruneReport,
    Goal, MetricPath, NewCheckpoint,
};
use crate::{CheckpointId, Health, Page, PageRequest, Result};

/// The checkpoints of training: versions of what workflows learn, and how good each one is.
///
/// Every method that takes JSON applies the [`JsonPolicy`](crate::json::JsonPolicy), and every
/// check of input comes before a connection is taken: `Invalid` changes nothing. A workflow is
/// any text of 1 to 128 bytes without control characters, anything else is `Invalid`; one without
/// checkpoints has nothing to list and is no error. Writes to one workflow are serialised, in any
/// number of processes. Any method can fail with `Backend`, and with `Corrupt` when a stored row
/// cannot be read.
#[async_trait]
pub trait CheckpointStore: Send + Sync + fmt::Debug {
    /// Records a checkpoint and returns it with its id, version and instant.
    ///
    /// Without a version given it gets the next one of its workflow: one more than the highest
    /// that was ever recorded there, 1 for the first. Versions so made have no gaps and are not
    /// used again, not even after a deletion. A version given is taken as it is; when it is
    /// higher, the next one follows it. With `is_best`, the one that was the best no longer is, in
    /// the same transaction: at no time are there two. One round trip on PostgreSQL without
    /// `is_best`.
    ///
    /// # Errors
    /// `Conflict` when the version is taken; `NotFound` for an unknown parent; `Invalid`, also for
    /// a version of 0 or less, and when the workflow has used the last version, 2147483647.
    /// Nothing is changed then, and no version is used up.
    async fn record(&self, new: NewCheckpoint) -> Result<Checkpoint>;

    /// Returns a checkpoint.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fetch(&self, id: CheckpointId) -> Result<Checkpoint>;

    /// Returns a checkpoint, or nothing.
    async fn find(&self, id: CheckpointId) -> Result<Option<Checkpoint>>;

    /// Returns the checkpoint of a workflow with the highest version, or nothing.
    ///
    /// # Errors
    /// `Invalid`.
    async fn latest(&self, workflow_id: &str) -> Result<Option<Checkpoint>>;

    /// Returns the checkpoint of a workflow that is marked as the best, or nothing.
    ///
    /// # Errors
    /// `Invalid`.
    async fn best(&self, workflow_id: &str) -> Result<Option<Checkpoint>>;

    /// Lists the checkpoints of a workflow by version, highest first unless asked otherwise: one
    /// query.
    ///
    /// # Errors
    /// `Invalid`, also for a limit outside 1 to 1000 and a cursor of another listing.
    async fn list(&self, workflow_id: &str, page: &PageRequest) -> Result<Page<Checkpoint>>;

    /// Returns the checkpoint of a workflow in which a metric is the greatest, or the least; of
    /// equal ones the higher version. One query, which an index answers.
    ///
    /// A checkpoint without this metric, or with NaN there, never wins; an infinity may. When no
    /// checkpoint has it, nothing is returned. Whether one is marked as the best plays no part.
    ///
    /// # Errors
    /// `Invalid`.
    async fn best_by(
        &self,
        workflow_id: &str,
        metric: &MetricPath,
        goal: Goal,
    ) -> Result<Option<Checkpoint>>;

    /// Lists the checkpoints of a workflow that meet a filter, by version, highest first unless
    /// asked otherwise: one query, with the same rows on both backends.
    ///
    /// # Errors
    /// `Invalid`, also for more than 16 conditions, a NaN to compare with, something to contain
    /// that is not an object, a limit outside 1 to 1000 and a cursor of another listing.
    async fn query(
        &self,
        workflow_id: &str,
        filter: &CheckpointFilter,
        page: &PageRequest,
    ) -> Result<Page<Checkpoint>>;

    /// Marks a checkpoint as the best of its workflow and returns it; the one that was the best no
    /// longer is, in the same transaction. Marking the best one again changes nothing.
    ///
    /// # Errors
    /// `NotFound`.
    async fn mark_best(&self, id: CheckpointId) -> Result<Checkpoint>;

    /// Compares two checkpoints, of one workflow or two: one query. With itself, a checkpoint has
    /// no changes.
    ///
    /// # Errors
    /// `NotFound`, naming `base` when both are unknown.
    async fn compare(
        &self,
        base: CheckpointId,
        target: CheckpointId,
    ) -> Result<CheckpointComparison>;

    /// Lists a checkpoint, its parent, the parent of that, and so on up to the first one: one
    /// query. It ends where a parent was deleted, also between two pages.
    ///
    /// # Errors
    /// `NotFound` for the first page of an unknown checkpoint; `Invalid` for a limit outside 1 to
    /// 1000, a cursor of another listing, and the order `Asc`: this listing has one direction.
    async fn lineage(&self, id: CheckpointId, page: &PageRequest) -> Result<Page<Checkpoint>>;

    /// Deletes the checkpoints of a workflow that are not to be kept, and says how much that was.
    ///
    /// The highest version always stays. Checkpoints that stay although their parent goes have no
    /// parent afterwards. Each batch is a transaction of its own, descendants before what they
    /// descend from, so that an interrupted run keeps what it did and breaks no line that is to be
    /// kept. What becomes the best, or the parent of a new checkpoint, while it runs is spared
    /// when such are kept. Several processes may prune at once. A dry run changes nothing and
    /// reports what the run would. On SQLite the space is given back to the file system.
    ///
    /// # Errors
    /// `Invalid`, also for a batch outside 1 to 1000.
    async fn prune(&self, request: &CheckpointPrune) -> Result<CheckpointPruneReport>;

    /// Deletes a checkpoint with its metrics. Its children have no parent afterwards; its version
    /// is not given again by itself.
    ///
    /// # Errors
    /// `NotFound`. Unless `force` is set, `InvalidState` for the best of its workflow, the highest
    /// version, and one that others have as their parent, in this order; `from` says which.
    async fn delete(&self, id: CheckpointId, force: bool) -> Result<()>;

    /// Tells how the database under this store is doing. Never fails and never hangs.
    async fn health(&self) -> Health;
}
