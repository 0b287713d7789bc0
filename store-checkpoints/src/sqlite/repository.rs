//! The trait, each method one or two lines: checks, then a query function.

use async_trait::async_trait;
use store_core::checkpoints::{
    Checkpoint, CheckpointComparison, CheckpointFilter, CheckpointPrune, CheckpointPruneReport,
    CheckpointStore, Goal, MetricPath, NewCheckpoint,
};
use store_core::{
    CheckpointId, Health, Listing, Order, Page, PageRequest, Result, observed, observed_read,
};

use super::{SCHEMA, SqliteCheckpointStore};
use super::{changes, checkpoints, lineage, ranking, recording, retention};
use crate::rules::HEALTH_DEADLINE;
use crate::rules::checkpoint::ReadyCheckpoint;
use crate::rules::filter::ReadyFilter;
use crate::rules::lineage::ReadyLine;
use crate::rules::retention::{ReadyPrune, counted};
use crate::rules::text::checked_workflow;

// parity: belongs to give_back_space.
/// How many unused pages are given back to the file system at a time.
const VACUUM_PAGES: u32 = 1000;

impl SqliteCheckpointStore {
    async fn record_one(&self, new: NewCheckpoint) -> Result<Checkpoint> {
        let ready = ReadyCheckpoint::new(&self.context, new)?;
        writing!(self, "checkpoint_record", |conn, _cx| {
            recording::checkpoint_record(conn, &ready).map(|version| ready.into_record(version))
        })
    }

    async fn prune_all(&self, request: &CheckpointPrune) -> Result<CheckpointPruneReport> {
        let prune = ReadyPrune::new(request)?;
        let planned = prune.clone();
        let doomed =
            reading!(self, "prune_plan", |conn, cx| retention::prune_plan(conn, cx, &planned))?;
        if request.dry_run {
            return Ok(counted(&doomed));
        }
        let mut report = CheckpointPruneReport::default();
        for batch in doomed.chunks(prune.batch) {
            let (prune, batch) = (prune.clone(), batch.to_vec());
            let gone = writing!(self, "prune_batch", |conn, cx| {
                retention::prune_batch(conn, cx, &prune, &batch)
            })?;
            report = report.plus(counted(&gone));
        }
        self.give_back_space(report).await?;
        Ok(report)
    }

    // parity: PostgreSQL's autovacuum does this by itself.
    /// Gives the pages of what was pruned back to the file system, a bounded number at a time.
    async fn give_back_space(&self, report: CheckpointPruneReport) -> Result<()> {
        if report.checkpoints == 0 {
            return Ok(());
        }
        let mut before = i64::MAX;
        loop {
            let left = self.db.vacuum_step(VACUUM_PAGES).await?;
            // A file that others made without incremental vacuum keeps its pages.
            if left == 0 || left >= before {
                return self.db.checkpoint().await.map(drop);
            }
            before = left;
        }
    }
}

#[async_trait]
impl CheckpointStore for SqliteCheckpointStore {
    async fn record(&self, new: NewCheckpoint) -> Result<Checkpoint> {
        observed!("checkpoints", "record", "sqlite", self.record_one(new)).await
    }

    async fn fetch(&self, id: CheckpointId) -> Result<Checkpoint> {
        observed_read!("checkpoints", "fetch", "sqlite", async {
            reading!(self, "checkpoint_fetch", |conn, cx| {
                checkpoints::checkpoint_fetch(conn, cx, id)
            })
        })
        .await
    }

    async fn find(&self, id: CheckpointId) -> Result<Option<Checkpoint>> {
        observed_read!("checkpoints", "find", "sqlite", async {
            reading!(self, "checkpoint_find", |conn, cx| {
                checkpoints::checkpoint_find(conn, cx, id)
            })
        })
        .await
    }

    async fn latest(&self, workflow_id: &str) -> Result<Option<Checkpoint>> {
        observed_read!("checkpoints", "latest", "sqlite", async {
            checked_workflow(workflow_id)?;
            let workflow_id = workflow_id.to_owned();
            reading!(self, "checkpoint_latest", |conn, cx| {
                checkpoints::checkpoint_latest(conn, cx, &workflow_id)
            })
        })
        .await
    }

    async fn best(&self, workflow_id: &str) -> Result<Option<Checkpoint>> {
        observed_read!("checkpoints", "best", "sqlite", async {
            checked_workflow(workflow_id)?;
            let workflow_id = workflow_id.to_owned();
            reading!(self, "checkpoint_best", |conn, cx| {
                checkpoints::checkpoint_best(conn, cx, &workflow_id)
            })
        })
        .await
    }

    async fn list(&self, workflow_id: &str, page: &PageRequest) -> Result<Page<Checkpoint>> {
        observed_read!("checkpoints", "list", "sqlite", async {
            checked_workflow(workflow_id)?;
            let listing = Listing::new("checkpoints.list", &workflow_id, page, Order::Desc)?;
            let query = checkpoints::of_workflow(workflow_id);
            reading!(self, "checkpoint_list", |conn, cx| {
                checkpoints::checkpoint_list(conn, cx, query, &listing)
            })
        })
        .await
    }

    async fn best_by(
        &self,
        workflow_id: &str,
        metric: &MetricPath,
        goal: Goal,
    ) -> Result<Option<Checkpoint>> {
        observed_read!("checkpoints", "best_by", "sqlite", async {
            checked_workflow(workflow_id)?;
            let (workflow_id, metric) = (workflow_id.to_owned(), metric.clone());
            reading!(self, "checkpoint_best_by", |conn, cx| {
                ranking::checkpoint_best_by(conn, cx, &workflow_id, &metric, goal)
            })
        })
        .await
    }

    async fn query(
        &self,
        workflow_id: &str,
        filter: &CheckpointFilter,
        page: &PageRequest,
    ) -> Result<Page<Checkpoint>> {
        observed_read!("checkpoints", "query", "sqlite", async {
            let ready = ReadyFilter::new(&self.context, workflow_id, filter)?;
            let scope = (workflow_id, filter);
            let listing = Listing::new("checkpoints.query", &scope, page, Order::Desc)?;
            reading!(self, "checkpoint_query", |conn, cx| {
                checkpoints::checkpoint_list(conn, cx, ranking::filtered(&ready), &listing)
            })
        })
        .await
    }

    async fn mark_best(&self, id: CheckpointId) -> Result<Checkpoint> {
        observed!("checkpoints", "mark_best", "sqlite", async {
            writing!(self, "checkpoint_mark_best", |conn, cx| {
                changes::checkpoint_mark_best(conn, cx, id)
            })
        })
        .await
    }

    async fn compare(
        &self,
        base: CheckpointId,
        target: CheckpointId,
    ) -> Result<CheckpointComparison> {
        observed_read!("checkpoints", "compare", "sqlite", async {
            reading!(self, "checkpoint_compare", |conn, cx| {
                checkpoints::checkpoint_compare(conn, cx, base, target)
            })
        })
        .await
    }

    async fn lineage(&self, id: CheckpointId, page: &PageRequest) -> Result<Page<Checkpoint>> {
        observed_read!("checkpoints", "lineage", "sqlite", async {
            let line = ReadyLine::new(id, page)?;
            reading!(self, "checkpoint_lineage", |conn, cx| {
                lineage::checkpoint_lineage(conn, cx, &line)
            })
        })
        .await
    }

    async fn prune(&self, request: &CheckpointPrune) -> Result<CheckpointPruneReport> {
        observed!("checkpoints", "prune", "sqlite", self.prune_all(request)).await
    }

    async fn delete(&self, id: CheckpointId, force: bool) -> Result<()> {
        observed!("checkpoints", "delete", "sqlite", async {
            writing!(self, "checkpoint_delete", |conn, _cx| {
                changes::checkpoint_delete(conn, id, force)
            })
        })
        .await
    }

    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}
