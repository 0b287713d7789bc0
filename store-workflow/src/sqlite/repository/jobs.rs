use async_trait::async_trait;
use serde_json::Value;
use store_core::queue::{Assignment, Delivery, Enqueued, Job, JobFilter, JobState, Jobs, NewJob};
use store_core::{Error, Failure, JobId, Listing, Order, Page, PageRequest, Result, Timestamp};
use store_core::{observed, observed_read};

use crate::rules::queue::filter::{ReadyJobFilter, checked_prune, checked_reason};
use crate::rules::queue::job::{ReadyJob, checked_token};
use crate::sqlite::SqliteWorkflowRepository;
use crate::sqlite::queue::{cancel, enqueue, events, jobs, retention};

impl SqliteWorkflowRepository {
    /// Puts jobs into their queues in a transaction that the caller has open on `conn`: they are
    /// there when it commits, and waiting workers find them by polling. As [`Jobs::enqueue_many`]
    /// otherwise.
    ///
    /// # Errors
    /// Those of [`Jobs::enqueue_many`]; the transaction can then only be rolled back.
    pub fn enqueue_in(
        &self,
        conn: &mut diesel::sqlite::SqliteConnection,
        jobs: Vec<NewJob>,
    ) -> Result<Vec<Enqueued>> {
        let ready = ReadyJob::batch(&self.context, jobs)?;
        enqueue::job_enqueue_many(conn, &self.context, &ready)
    }

    fn ring_for(&self, enqueued: &[Enqueued]) {
        let mut queues: Vec<&str> = enqueued
            .iter()
            .filter(|one| one.job.state == JobState::Available)
            .map(|one| one.job.queue.as_str())
            .collect();
        queues.sort_unstable();
        queues.dedup();
        queues.into_iter().for_each(|queue| self.bell.ring(queue));
    }
}

#[async_trait]
impl Jobs for SqliteWorkflowRepository {
    async fn enqueue(&self, job: NewJob) -> Result<Enqueued> {
        observed!("workflow", "enqueue", "sqlite", async {
            let ready = ReadyJob::batch(&self.context, vec![job])?;
            let mut enqueued = writing!(self, "job_enqueue", |conn, cx| {
                enqueue::job_enqueue_many(conn, cx, &ready)
            })?;
            self.ring_for(&enqueued);
            enqueued.pop().ok_or_else(|| Error::failed("job_enqueue", Failure::Other))
        })
        .await
    }

    async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        observed!("workflow", "enqueue_many", "sqlite", async {
            let ready = ReadyJob::batch(&self.context, jobs)?;
            let enqueued = writing!(self, "job_enqueue_many", |conn, cx| {
                enqueue::job_enqueue_many(conn, cx, &ready)
            })?;
            self.ring_for(&enqueued);
            Ok(enqueued)
        })
        .await
    }

    async fn fetch_job(&self, id: JobId) -> Result<Job> {
        observed_read!("workflow", "fetch_job", "sqlite", async {
            reading!(self, "job_fetch", |conn, cx| jobs::job_fetch(conn, cx, id))
        })
        .await
    }

    async fn find_job(&self, id: JobId) -> Result<Option<Job>> {
        observed_read!("workflow", "find_job", "sqlite", async {
            reading!(self, "job_find", |conn, cx| jobs::job_find(conn, cx, id))
        })
        .await
    }

    async fn list_jobs(&self, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>> {
        observed_read!("workflow", "list_jobs", "sqlite", async {
            let listing = Listing::new("workflow.jobs", filter, page, Order::Asc)?;
            let filter = ReadyJobFilter::new(&self.context, filter)?;
            reading!(self, "job_list", |conn, cx| jobs::job_list(conn, cx, &filter, &listing))
        })
        .await
    }

    async fn job_history(&self, id: JobId) -> Result<Vec<Assignment>> {
        observed_read!("workflow", "job_history", "sqlite", async {
            reading!(self, "job_assignments_list", |conn, cx| {
                jobs::job_assignments_list(conn, cx, id)
            })
        })
        .await
    }

    async fn cancel_job(&self, id: JobId, reason: &str) -> Result<JobState> {
        observed!("workflow", "cancel_job", "sqlite", async {
            checked_reason(reason)?;
            let reason = reason.to_owned();
            let ended = writing!(self, "job_cancel", |conn, cx| {
                cancel::job_cancel(conn, cx, id, &reason)
            })?;
            self.bell.ring_if(ended.woken);
            Ok(ended.state)
        })
        .await
    }

    async fn redrive_jobs(&self, filter: &JobFilter, limit: u32) -> Result<u32> {
        observed!("workflow", "redrive_jobs", "sqlite", async {
            let (filter, limit) = ReadyJobFilter::redrive(&self.context, filter, limit)?;
            let back = writing!(self, "job_redrive", |conn, cx| {
                retention::job_redrive(conn, cx, &filter, limit)
            })?;
            self.bell.ring_if(back > 0);
            Ok(back)
        })
        .await
    }

    async fn delete_job(&self, id: JobId) -> Result<()> {
        observed!("workflow", "delete_job", "sqlite", async {
            writing!(self, "job_delete", |conn, cx| retention::job_delete(conn, cx, id))
        })
        .await
    }

    async fn prune_jobs(
        &self,
        finished_before: Timestamp,
        states: &[JobState],
        batch: u32,
    ) -> Result<u32> {
        observed!("workflow", "prune_jobs", "sqlite", async {
            let (states, batch) = checked_prune(states, batch)?;
            writing!(self, "job_prune", |conn, _cx| {
                retention::job_prune(conn, finished_before, &states, batch)
            })
        })
        .await
    }

    async fn deliver_event(&self, token: &str, payload: Value) -> Result<Delivery> {
        observed!("workflow", "deliver_event", "sqlite", async {
            checked_token(token)?;
            let payload = self.context.json.admit("payload", payload)?;
            let token = token.to_owned();
            let (delivery, woken) = writing!(self, "event_deliver", |conn, cx| {
                events::event_deliver(conn, cx, &token, &payload)
            })?;
            self.bell.ring_if(woken);
            Ok(delivery)
        })
        .await
    }
}
