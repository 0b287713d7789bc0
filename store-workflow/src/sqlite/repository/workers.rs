use std::time::Duration;

use async_trait::async_trait;
use store_core::queue::{NewWorker, RegisteredWorker, WorkerRegistry};
use store_core::{Listing, Order, Page, PageRequest, Result, observed, observed_read};

use crate::rules::queue::worker::{ReadyWorker, bounded, can_be_known, unknown};
use crate::sqlite::SqliteWorkflowRepository;
use crate::sqlite::queue::workers;

#[async_trait]
impl WorkerRegistry for SqliteWorkflowRepository {
    async fn register_worker(&self, worker: NewWorker) -> Result<RegisteredWorker> {
        observed!("workflow", "register_worker", "sqlite", async {
            let worker = ReadyWorker::new(&self.context, worker)?;
            writing!(self, "worker_register", |conn, cx| {
                workers::worker_register(conn, cx, &worker)
            })
        })
        .await
    }

    async fn heartbeat_worker(&self, id: &str) -> Result<()> {
        observed!("workflow", "heartbeat_worker", "sqlite", async {
            if !can_be_known(id) {
                return Err(unknown(id));
            }
            let id = id.to_owned();
            writing!(self, "worker_heartbeat", |conn, cx| {
                workers::worker_heartbeat(conn, cx, &id)
            })
        })
        .await
    }

    async fn deregister_worker(&self, id: &str) -> Result<()> {
        observed!("workflow", "deregister_worker", "sqlite", async {
            if !can_be_known(id) {
                return Ok(());
            }
            let id = id.to_owned();
            writing!(self, "worker_delete", |conn, _cx| workers::worker_delete(conn, &id))
        })
        .await
    }

    async fn list_workers(
        &self,
        alive_within: Option<Duration>,
        page: &PageRequest,
    ) -> Result<Page<RegisteredWorker>> {
        observed_read!("workflow", "list_workers", "sqlite", async {
            let listing = Listing::new("workflow.workers", &alive_within, page, Order::Asc)?;
            let alive_within = alive_within.map(bounded);
            reading!(self, "worker_list", |conn, cx| {
                workers::worker_list(conn, cx, alive_within, &listing)
            })
        })
        .await
    }

    async fn prune_workers(&self, silent_for: Duration) -> Result<u32> {
        observed!("workflow", "prune_workers", "sqlite", async {
            let silent_for = bounded(silent_for);
            writing!(self, "worker_prune", |conn, cx| workers::worker_prune(conn, cx, silent_for))
        })
        .await
    }
}
