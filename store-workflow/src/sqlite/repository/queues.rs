use async_trait::async_trait;
use store_core::queue::{QueueLimits, QueueStats, Queues};
use store_core::{Result, observed, observed_read};

use crate::rules::queue::limits::{StoredLimits, checked_queue};
use crate::rules::queue::stats::measured;
use crate::sqlite::SqliteWorkflowRepository;
use crate::sqlite::queue::queues;

#[async_trait]
impl Queues for SqliteWorkflowRepository {
    async fn pause_queue(&self, queue: &str) -> Result<()> {
        observed!("workflow", "pause_queue", "sqlite", async {
            checked_queue(queue)?;
            let queue = queue.to_owned();
            writing!(self, "queue_pause", |conn, _cx| queues::queue_pause(conn, &queue))
        })
        .await
    }

    async fn resume_queue(&self, queue: &str) -> Result<()> {
        observed!("workflow", "resume_queue", "sqlite", async {
            checked_queue(queue)?;
            let queue = queue.to_owned();
            writing!(self, "queue_resume", |conn, _cx| queues::queue_resume(conn, &queue))
        })
        .await
    }

    async fn set_queue_limits(&self, queue: &str, limits: QueueLimits) -> Result<()> {
        observed!("workflow", "set_queue_limits", "sqlite", async {
            checked_queue(queue)?;
            let limits = StoredLimits::new(limits)?;
            let queue = queue.to_owned();
            writing!(self, "queue_set_limits", |conn, _cx| {
                queues::queue_set_limits(conn, &queue, limits)
            })
        })
        .await
    }

    async fn queue_stats(&self, queue: Option<&str>) -> Result<Vec<QueueStats>> {
        observed_read!("workflow", "queue_stats", "sqlite", async {
            queue.map_or(Ok(()), checked_queue)?;
            let queue = queue.map(str::to_owned);
            let stats = reading!(self, "queue_stats", |conn, cx| {
                queues::queue_stats(conn, cx, queue.as_deref())
            })?;
            Ok(measured(stats, self.context.clock.now()))
        })
        .await
    }
}
