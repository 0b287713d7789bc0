use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use store_core::postgres::Batch as _;
use store_core::queue::{
    ClaimRequest, ClaimedJob, Completion, Heartbeat, JobLease, JobLeases, JobState, Reaped, Retry,
};
use store_core::{Result, Timestamp, observed};

use crate::postgres::PostgresWorkflowRepository;
use crate::postgres::queue::endings::CompleteBatch;
use crate::postgres::queue::{claim, endings, events, leases, limited, reaping, work};
use crate::rules::queue::claim::{ReadyClaim, checked_queues};
use crate::rules::queue::ending::{Ending, ReadyCompletion, checked_holder, checked_leases};
use crate::rules::queue::job::{checked_lease, checked_token};
use crate::rules::run::checked_batch;
use crate::waiting::wait_for_work;

impl PostgresWorkflowRepository {
    /// Ends a worker's time with a job otherwise than as done.
    async fn end(&self, lease: &JobLease, ending: Ending) -> Result<JobState> {
        let lease = checked_holder(lease)?.clone();
        let ended =
            writing!(self, "job_end", |conn, cx| endings::job_end(conn, cx, &lease, &ending))?;
        self.bells.ring_if(ended.woken);
        Ok(ended.state)
    }

    // parity: two transactions; SQLite claims in one.
    /// Claims jobs, those of queues with limits under the locks of their settings.
    async fn claim(&self, claim: &ReadyClaim) -> Result<Vec<ClaimedJob>> {
        let cx = &self.context;
        let unlimited = self
            .db
            .write("job_claim", || async {
                let conn = self.db.conn("job_claim").await?;
                claim::job_claim(&conn, cx, claim, &self.bells.fronts).await
            })
            .await?;
        let leased = match unlimited {
            Some(leased) => leased,
            None => writing!(self, "job_claim", |conn, cx| {
                limited::job_claim_limited(conn, cx, claim)
            })?,
        };
        let (claimed, orphaned) = claim::claimed_records(cx, leased)?;
        for orphan in &orphaned {
            let dropped = writing!(self, "job_drop_orphan", |conn, cx| {
                claim::job_drop_orphan(conn, cx, orphan)
            });
            // The others are claimed all the same.
            if let Err(error) = dropped {
                tracing::warn!(%error, job = %orphan.job.id, "a job without its run stays leased");
            }
        }
        Ok(claimed)
    }
}

#[async_trait]
impl JobLeases for PostgresWorkflowRepository {
    async fn claim_jobs(&self, request: &ClaimRequest) -> Result<Vec<ClaimedJob>> {
        observed!("workflow", "claim_jobs", "postgres", async {
            let claim = ReadyClaim::new(&self.context, request)?;
            self.claim(&claim).await
        })
        .await
    }

    async fn heartbeat_jobs(&self, leases: &[JobLease], lease: Duration) -> Result<Vec<Heartbeat>> {
        observed!("workflow", "heartbeat_jobs", "postgres", async {
            checked_lease(lease)?;
            let leases = checked_leases(leases)?;
            if leases.is_empty() {
                return Ok(Vec::new());
            }
            writing_statement!(self, "job_heartbeat", |conn, cx| {
                leases::job_heartbeat(conn, cx, &leases, lease)
            })
        })
        .await
    }

    async fn complete_job(&self, lease: &JobLease, result: Option<Value>) -> Result<JobState> {
        observed!("workflow", "complete_job", "postgres", async {
            let done = ReadyCompletion::new(&self.context, lease, result)?;
            let (id, bytes) =
                (done.lease.job_id, done.result.as_ref().map_or(0, |result| result.text.len()));
            let ended = self.completions.submit(&id, done, bytes).await?;
            self.bells.ring_if(ended.woken);
            Ok(ended.state)
        })
        .await
    }

    async fn complete_jobs(&self, done: Vec<Completion>) -> Result<Vec<Result<JobState>>> {
        observed!("workflow", "complete_jobs", "postgres", async {
            let done = ReadyCompletion::batch(&self.context, done)?;
            let batch = CompleteBatch { db: self.db.clone(), context: self.context.clone() };
            let ended = batch.run(&done).await?;
            self.bells.ring_if(ended.iter().flatten().any(|ended| ended.woken));
            Ok(ended.into_iter().map(|one| one.map(|ended| ended.state)).collect())
        })
        .await
    }

    async fn fail_job(&self, lease: &JobLease, error: &str, retry: Retry) -> Result<JobState> {
        observed!("workflow", "fail_job", "postgres", async {
            self.end(lease, Ending::fail(error, retry)?).await
        })
        .await
    }

    async fn snooze_job(&self, lease: &JobLease, until: Timestamp) -> Result<JobState> {
        observed!("workflow", "snooze_job", "postgres", async {
            self.end(lease, Ending::Snooze(until)).await
        })
        .await
    }

    async fn release_job(&self, lease: &JobLease) -> Result<JobState> {
        observed!("workflow", "release_job", "postgres", async {
            self.end(lease, Ending::Release).await
        })
        .await
    }

    async fn report_progress(&self, lease: &JobLease, progress: Value) -> Result<()> {
        observed!("workflow", "report_progress", "postgres", async {
            let progress = self.context.json.admit("progress", progress)?;
            let lease = checked_holder(lease)?.clone();
            writing_statement!(self, "job_report", |conn, cx| {
                leases::job_report(conn, cx, &lease, &progress)
            })
        })
        .await
    }

    async fn wait_for_event(&self, lease: &JobLease, token: &str) -> Result<JobState> {
        observed!("workflow", "wait_for_event", "postgres", async {
            checked_token(token)?;
            let (lease, token) = (checked_holder(lease)?.clone(), token.to_owned());
            let ended = writing!(self, "event_wait", |conn, cx| {
                events::event_wait(conn, cx, &lease, &token)
            })?;
            self.bells.ring_if(ended.woken);
            Ok(ended.state)
        })
        .await
    }

    async fn reap_jobs(&self, limit: u32) -> Result<Reaped> {
        observed!("workflow", "reap_jobs", "postgres", async {
            let limit = checked_batch("limit", limit)?;
            let (reaped, woken) =
                writing!(self, "job_reap", |conn, cx| reaping::job_reap(conn, cx, limit))?;
            self.bells.ring_if(woken);
            Ok(reaped)
        })
        .await
    }

    async fn wait_for_work(&self, queues: &[String], timeout: Duration) -> Result<bool> {
        observed!("workflow", "wait_for_work", "postgres", async {
            let queues = checked_queues(queues)?;
            Box::pin(self.bells.listen()).await;
            let look = || async {
                reading!(self, "work_find", |conn, cx| work::work_find(conn, cx, &queues))
            };
            wait_for_work(&self.bells.here, &queues, timeout, look).await
        })
        .await
    }
}
