use async_trait::async_trait;
use serde_json::Value;

use crate::queue::{Assignment, Delivery, Enqueued, Job, JobFilter, JobState, NewJob};
use crate::{JobId, Page, PageRequest, Result, Timestamp};

/// Jobs, for those who enqueue them, watch them and clean up after them.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Puts a job into its queue.
    ///
    /// It is `available`, `scheduled` when its `run_at` is ahead, or `blocked` while it waits for
    /// other jobs or an event. A job that depends on one that ended in another way than wanted is
    /// cancelled at once. While an unfinished job of the queue has its unique key, the policy of
    /// the key decides.
    ///
    /// # Errors
    /// `Invalid`, also when it depends on the job of a run, and when it waits and is to replace
    /// another one; `NotFound` for a job it depends on; `Conflict` for its unique key, its id, or
    /// an event another job waits for.
    async fn enqueue(&self, job: NewJob) -> Result<Enqueued>;

    /// Puts 1 to 1000 jobs into their queues, all or none, and answers in their order.
    ///
    /// They may depend on each other, in any order. Of two with the same unique key the second
    /// finds the first.
    ///
    /// # Errors
    /// Those of [`enqueue`](Self::enqueue); `Invalid` when they wait for each other in a cycle.
    async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>>;

    /// Returns a job, finished or not.
    ///
    /// # Errors
    /// `NotFound`, also for a finished job that was deleted or pruned.
    async fn fetch_job(&self, id: JobId) -> Result<Job>;

    /// Returns a job, or nothing.
    async fn find_job(&self, id: JobId) -> Result<Option<Job>>;

    /// Lists jobs by id, that is by creation, ascending unless asked otherwise.
    ///
    /// # Errors
    /// `Invalid` when `states` mixes finished and unfinished ones, which are listed apart.
    async fn list_jobs(&self, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>>;

    /// Returns every time a worker held the job, the oldest first; the last one may go on.
    ///
    /// # Errors
    /// `NotFound`.
    async fn job_history(&self, id: JobId) -> Result<Vec<Assignment>>;

    /// Cancels a job and returns the state it is in.
    ///
    /// A job that is not leased is `Cancelled` at once, and with it the run it carries out. A job
    /// that is leased stays `Leased`: its worker learns it with the next heartbeat, and the job
    /// ends as cancelled unless it is completed before. Asking again changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is finished in another way; `Invalid` for a reason that
    /// is empty or above 1 MiB.
    async fn cancel_job(&self, id: JobId, reason: &str) -> Result<JobState>;

    /// Gives up to `limit` (1 to 1000) dead jobs back to their queues, the oldest first, and counts
    /// them.
    ///
    /// Their attempts begin anew, and they can be claimed at once. The jobs of runs stay: a run is
    /// retried by its workflow's policy. So does a job whose unique key another one took. The
    /// filter's states are empty or `Dead`. With fewer than `limit`, none is left.
    ///
    /// # Errors
    /// `Invalid`.
    async fn redrive_jobs(&self, filter: &JobFilter, limit: u32) -> Result<u32>;

    /// Deletes a finished job with its history.
    ///
    /// # Errors
    /// `NotFound`; `InvalidState` when it is not finished: cancel it first.
    async fn delete_job(&self, id: JobId) -> Result<()>;

    /// Deletes up to `batch` (1 to 1000) jobs that finished before an instant in one of `states`,
    /// the oldest first, with their history, and counts them; events that old go with them. With
    /// fewer than `batch`, none is left.
    ///
    /// # Errors
    /// `Invalid` when `states` is empty or names an unfinished one.
    async fn prune_jobs(
        &self,
        finished_before: Timestamp,
        states: &[JobState],
        batch: u32,
    ) -> Result<u32>;

    /// Delivers an event to the job that waits for its token, or keeps it for the one that will.
    ///
    /// A token is good for one delivery and one job: the first payload stands, and delivering again
    /// is a `Duplicate` that changes nothing, until [`prune_jobs`](Self::prune_jobs) forgets it.
    ///
    /// # Errors
    /// `Invalid` for a token that is no 1 to 255 bytes.
    async fn deliver_event(&self, token: &str, payload: Value) -> Result<Delivery>;
}
