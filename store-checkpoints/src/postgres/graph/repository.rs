//! The trait, each method one or two lines: checks, then a query function.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;
use store_core::checkpoints::graph::{
    ChannelValue, CheckpointRef, GraphCheckpoint, GraphCheckpointer, GraphConfig, GraphFilter,
    GraphPrune, GraphPruneReport, GraphState, GraphWrite,
};
use store_core::{
    GraphCheckpointId, Health, Listing, Order, Page, PageRequest, Result, TaskId, ThreadId,
    observed, observed_read,
};

use super::{PostgresGraphCheckpointer, listing, put, reading, retention, runs, threads, writes};
use crate::postgres::SCHEMA;
use crate::rules::HEALTH_DEADLINE;
use crate::rules::graph::filter::ReadyGraphFilter;
use crate::rules::graph::input::{checked_keep_last, checked_namespace, checked_runs};
use crate::rules::graph::put::ReadyPut;
use crate::rules::graph::writes::ReadyWrites;

#[async_trait]
impl GraphCheckpointer for PostgresGraphCheckpointer {
    async fn put(
        &self,
        config: &GraphConfig,
        checkpoint: GraphCheckpoint,
        values: BTreeMap<String, ChannelValue>,
        metadata: Value,
    ) -> Result<()> {
        observed!("graph", "put", "postgres", async {
            let ready = ReadyPut::new(&self.context, config, checkpoint, values, metadata)?;
            writing_statement!(self, "graph_put", |conn, cx| put::graph_put(conn, cx, &ready))
        })
        .await
    }

    async fn put_writes(
        &self,
        checkpoint: &CheckpointRef,
        task_id: &TaskId,
        task_path: &str,
        writes: Vec<GraphWrite>,
    ) -> Result<()> {
        observed!("graph", "put_writes", "postgres", async {
            let ready = ReadyWrites::new(&self.context, checkpoint, task_id, task_path, writes)?;
            if ready.writes.is_empty() {
                return Ok(());
            }
            writing_statement!(self, "graph_write_put", |conn, _cx| {
                writes::graph_write_put(conn, &ready)
            })
        })
        .await
    }

    async fn fetch(
        &self,
        thread_id: &ThreadId,
        checkpoint_ns: &str,
        id: Option<GraphCheckpointId>,
    ) -> Result<Option<GraphState>> {
        observed_read!("graph", "fetch", "postgres", async {
            checked_namespace(checkpoint_ns)?;
            let (thread_id, checkpoint_ns) = (thread_id.clone(), checkpoint_ns.to_owned());
            reading!(self, "graph_fetch", |conn, cx| {
                reading::graph_fetch(conn, cx, &thread_id, &checkpoint_ns, id)
            })
        })
        .await
    }

    async fn list(
        &self,
        thread_id: &ThreadId,
        filter: &GraphFilter,
        page: &PageRequest,
    ) -> Result<Page<GraphState>> {
        observed_read!("graph", "list", "postgres", async {
            let listing = Listing::new("graph.list", &(thread_id, filter), page, Order::Desc)?;
            let ready = ReadyGraphFilter::new(&self.context, filter)?;
            let thread_id = thread_id.clone();
            reading!(self, "graph_list", |conn, cx| {
                listing::graph_list(conn, cx, &thread_id, &ready, &listing)
            })
        })
        .await
    }

    async fn delete_thread(&self, thread_id: &ThreadId) -> Result<()> {
        observed!("graph", "delete_thread", "postgres", async {
            let thread_id = thread_id.clone();
            writing_statement!(self, "thread_delete", |conn, _cx| {
                threads::thread_delete(conn, &thread_id)
            })
        })
        .await
    }

    async fn delete_for_runs(&self, run_ids: &[String]) -> Result<u64> {
        observed!("graph", "delete_for_runs", "postgres", async {
            checked_runs(run_ids)?;
            let run_ids = run_ids.to_vec();
            writing!(self, "graph_delete_for_runs", |conn, _cx| {
                runs::graph_delete_for_runs(conn, &run_ids)
            })
        })
        .await
    }

    async fn copy_thread(&self, source: &ThreadId, target: &ThreadId) -> Result<()> {
        observed!("graph", "copy_thread", "postgres", async {
            let (source, target) = (source.clone(), target.clone());
            writing!(self, "thread_copy", |conn, cx| {
                threads::thread_copy(conn, cx, &source, &target)
            })
        })
        .await
    }

    async fn prune(&self, request: &GraphPrune) -> Result<GraphPruneReport> {
        observed!("graph", "prune", "postgres", async {
            let keep_last = checked_keep_last(request.keep_last)?;
            let thread_id = request.thread_id.clone();
            if request.dry_run {
                return reading!(self, "graph_prune_count", |conn, _cx| {
                    retention::graph_prune_count(conn, &thread_id, keep_last)
                });
            }
            writing!(self, "graph_prune", |conn, _cx| {
                retention::graph_prune(conn, &thread_id, keep_last)
            })
        })
        .await
    }

    async fn health(&self) -> Health {
        self.db.health(HEALTH_DEADLINE, &[&SCHEMA]).await
    }
}
