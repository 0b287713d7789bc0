//! The trait, each method one or two lines: checks, then a query function.

use async_trait::async_trait;
use store_core::checkpoints::{
    Checkpoint, CheckpointComparison, CheckpointFilter, CheckpointPrune, CheckpointPruneReport,
    CheckpointStore, Goal, MetricPath, NewCheckpoint,
};
use store_core::{
    CheckpointId, Health, Listing, Order, Page, PageRequest, Result, observed, observed_read,
};

use super::{PostgresCheckpointStore, SCHEMA};
use super::{changes, checkpoints, lineage, ranking, recording, retention};
use crate::rules::HEALTH_DEADLINE;
use crate::rules::checkpoint::ReadyCheckpoint;
use crate::rules::filter::ReadyFilter;
use crate::rules::lineage::ReadyLine;
use crate::rules::retention::{ReadyPrune, counted};
use crate::rules::text::checked_workflow;

impl PostgresCheckpointStore {
    async fn record_one(&self, new: NewCheckpoint) -> Result<Checkpoint> {
        let ready = ReadyCheckpoint::new(&self.context, new)?;
        let version = if ready.checkpoint.is_best {
            writing!(self, "checkpoint_record", |conn, _cx| {
                recording::checkpoint_record(conn, &ready)
            })?
        } else {
            writing_statement!(self, "checkpoint_record", |conn, _cx| {
                recording::checkpoint_record_one(conn, &ready)
            })?
        };
        Ok(ready.into_record(version))
    }

    async fn prune_all(&self, request: &CheckpointPrune) -> Result<CheckpointPruneReport> {
        let prune = ReadyPrune::new(request)?;
        let doomed = reading!(self, "prune_plan", |conn, _cx| retention::prune_plan(conn, &prune))?;
        if request.dry_run {
            return Ok(counted(&doomed));
        }
        let mut report = CheckpointPruneReport::default();
        for batch in doomed.chunks(prune.batch) {
            let gone = writing!(self, "prune_batch", |conn, _cx| {
                retention::prune_batch(conn, &prune, batch)
            })?;
            report = report.plus(counted(&gone));
        }
        Ok(report)
    }
}

#[async_trait]
impl CheckpointStore for PostgresCheckpointStore {
    async fn record(&self, new: NewCheckpoint) -> Result<Checkpoint> {
        observed!("checkpoints", "record", "postgres", self.record_one(new)).await
    }

    async fn fetch(&self, id: CheckpointId) -> Result<Checkpoint> {
        observed_read!("checkpoints", "fetch", "postgres", async {
            reading!(self, "checkpoint_fetch", |conn, cx| {
                checkpoints::checkpoint_fetch(conn, cx, id)
            })
        })
        .await
    }

    async fn find(&self, id: CheckpointId) -> Result<Option<Checkpoint>> {
        observed_read!("checkpoints", "find", "postgres", async {
            reading!(self, "checkpoint_find", |conn, cx| {
                checkpoints::checkpoint_find(conn, cx, id)
            })
        })
        .await
    }

    async fn latest(&self, workflow_id: &str) -> Result<Option<Checkpoint>> {
        observed_read!("checkpoints", "latest", "postgres", async {
            checked_workflow(workflow_id)?;
            reading!(self, "checkpoint_latest", |conn, cx| {
                checkpoints::checkpoint_latest(conn, cx, workflow_id)
            })
        })
        .await
    }

    async fn best(&self, workflow_id: &str) -> Result<Option<Checkpoint>> {
        observed_read!("checkpoints", "best", "postgres", async {
            checked_workflow(workflow_id)?;
            reading!(self, "checkpoint_best", |conn, cx| {
                checkpoints::checkpoint_best(conn, cx, workflow_id)
            })
        })
        .await
    }

    async fn list(&self, workflow_id: &str, page: &PageRequest) -> Result<Page<Checkpoint>> {
        observed_read!("checkpoints", "list", "postgres", async {
            checked_workflow(workflow_id)?;
            let listing = Listing::new("checkpoints.list", &workflow_id, page, Order::Desc)?;
            reading!(self, "checkpoint_list", |conn, cx| {
                let query = checkpoints::of_workflow(workflow_id);
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
        observed_read!("checkpoints", "best_by", "postgres", async {
            checked_workflow(workflow_id)?;
            reading!(self, "checkpoint_best_by", |conn, cx| {
                ranking::checkpoint_best_by(conn, cx, workflow_id, metric, goal)
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
        observed_read!("checkpoints", "query", "postgres", async {
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
        observed!("checkpoints", "mark_best", "postgres", async {
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
        observed_read!("checkpoints", "compare", "postgres", async {
            reading!(self, "checkpoint_compare", |conn, cx| {
                checkpoints::checkpoint_compare(conn, cx, base, target)
            })
        })
        .await
    }

    async fn lineage(&self, id: CheckpointId, page: &PageRequest) -> Result<Page<Checkpoint>> {
        observed_read!("checkpoints", "lineage", "postgres", async {
            let line = ReadyLine::new(id, page)?;
            reading!(self, "checkpoint_lineage", |conn, cx| {
                lineage::checkpoint_lineage(conn, cx, &line)
            })
        })
        .await
    }

    async fn prune(&self, request: &CheckpointPrune) -> Result<CheckpointPruneReport> {
        observed!("checkpoints", "prune", "postgres", self.prune_all(request)).await
    }

    async fn delete(&self, id: CheckpointId, force: bool) -> Result<()> {
        observed!("checkpoints", "delete", "postgres", async {
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
