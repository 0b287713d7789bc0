//! Jobs, and the workers that hold them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use store_core::queue::{
    Assignment, ClaimRequest, ClaimedJob, Dependency, DependencyCondition, EnqueueOutcome, Job,
    JobFilter, JobState, NewJob, Retry, UniqueKey, UniquePolicy,
};
use store_core::workflow::WorkflowStore;
use store_core::{Clock as _, JobId, PageRequest, RunId, Timestamp};

use crate::fixture::Workflows;

/// The states of jobs that are not finished.
pub const UNFINISHED: [JobState; 4] =
    [JobState::Blocked, JobState::Scheduled, JobState::Available, JobState::Leased];
/// The states of jobs that are finished.
pub const FINISHED: [JobState; 3] = [JobState::Succeeded, JobState::Dead, JobState::Cancelled];

/// A job of the queue `default` that can be claimed at once.
pub fn job(kind: &str) -> NewJob {
    NewJob::new(kind, json!({ "kind": kind }))
}

/// A job of a queue that can be claimed at once.
pub fn job_of(queue: &str, kind: &str) -> NewJob {
    NewJob { queue: queue.to_owned(), ..job(kind) }
}

/// A job with a unique key.
pub fn unique_job(key: &str, policy: UniquePolicy) -> NewJob {
    NewJob { unique: Some(UniqueKey::new(key, policy)), ..job("unique") }
}

/// A job that waits for others to end in one way.
pub fn dependent(parents: &[JobId], on: DependencyCondition) -> NewJob {
    let depends_on = parents.iter().map(|job_id| Dependency { job_id: *job_id, on }).collect();
    NewJob { depends_on, ..job("dependent") }
}

/// A job that waits for an event.
pub fn waiting_job(token: &str) -> NewJob {
    NewJob { wait_for_event: Some(token.to_owned()), ..job("waiting") }
}

/// Asks for jobs of one queue.
pub fn claim_of(queue: &str, worker: &str, limit: u32) -> ClaimRequest {
    ClaimRequest { queues: vec![queue.to_owned()], ..ClaimRequest::new(worker).limit(limit) }
}

/// Enqueues a job that is new.
pub async fn enqueued(t: &Workflows, new: NewJob) -> Job {
    let enqueued = t.store.enqueue(new).await.expect("the job is enqueued");
    assert_eq!(enqueued.outcome, EnqueueOutcome::Created);
    enqueued.job
}

/// Enqueues jobs that are new, in one batch.
pub async fn enqueued_all(t: &Workflows, jobs: Vec<NewJob>) -> Vec<Job> {
    let enqueued = t.store.enqueue_many(jobs).await.expect("the jobs are enqueued");
    assert!(enqueued.iter().all(|one| one.outcome == EnqueueOutcome::Created));
    enqueued.into_iter().map(|one| one.job).collect()
}

/// Claims up to `limit` jobs of the queue `default`.
pub async fn claimed_up_to(t: &Workflows, worker: &str, limit: u32) -> Vec<ClaimedJob> {
    let request = ClaimRequest::new(worker).limit(limit);
    t.store.claim_jobs(&request).await.expect("jobs can be claimed")
}

/// Claims the next job of the queue `default`.
pub async fn claimed(t: &Workflows, worker: &str) -> ClaimedJob {
    claimed_up_to(t, worker, 1).await.pop().expect("there is a job to claim")
}

/// Claims everything in the queue `default`, and returns the jobs in that order.
pub async fn claimed_ids(t: &Workflows) -> Vec<JobId> {
    ids_of(&claimed_up_to(t, "all", 1000).await)
}

/// The ids of claimed jobs.
pub fn ids_of(claimed: &[ClaimedJob]) -> Vec<JobId> {
    claimed.iter().map(|one| one.job.id).collect()
}

/// Enqueues a job and claims it: nothing else of its queue can be claimed before it.
pub async fn leased(t: &Workflows, new: NewJob) -> ClaimedJob {
    let request = ClaimRequest {
        capabilities: new.capabilities.clone(),
        ..claim_of(&new.queue, "worker", 1)
    };
    let job = enqueued(t, new).await;
    let mut claimed = t.store.claim_jobs(&request).await.expect("jobs can be claimed");
    let claimed = claimed.pop().expect("there is a job to claim");
    assert_eq!(claimed.job.id, job.id);
    claimed
}

/// Enqueues a job and brings it into a state.
pub async fn job_in(t: &Workflows, new: NewJob, state: JobState) -> Job {
    let id = new.id;
    match state {
        JobState::Blocked => {
            let wait_for_event = Some(format!("event of {id}"));
            enqueued(t, NewJob { wait_for_event, ..new }).await;
        }
        JobState::Scheduled => {
            let run_at = Some(later(t, 3600));
            enqueued(t, NewJob { run_at, ..new }).await;
        }
        JobState::Available => drop(enqueued(t, new).await),
        JobState::Leased => drop(leased(t, new).await),
        JobState::Succeeded => {
            let lease = leased(t, new).await.lease;
            t.store.complete_job(&lease, None).await.expect("the job is completed");
        }
        JobState::Dead => {
            let lease = leased(t, new).await.lease;
            t.store.fail_job(&lease, "boom", Retry::Never).await.expect("the job fails");
        }
        JobState::Cancelled => {
            enqueued(t, new).await;
            t.store.cancel_job(id, "not needed").await.expect("the job is cancelled");
        }
    }
    let job = fetched(t, id).await;
    assert_eq!(job.state, state);
    job
}

/// Returns a job that is there.
pub async fn fetched(t: &Workflows, id: JobId) -> Job {
    t.store.fetch_job(id).await.expect("the job is there")
}

/// Returns the state of a job.
pub async fn state_of(t: &Workflows, id: JobId) -> JobState {
    fetched(t, id).await.state
}

/// Returns every time a worker held a job.
pub async fn history_of(t: &Workflows, id: JobId) -> Vec<Assignment> {
    t.store.job_history(id).await.expect("the job is there")
}

/// Returns the job of a run, finished or not.
pub async fn job_of_run(t: &Workflows, run_id: RunId) -> Job {
    let mut jobs = Vec::new();
    for states in [UNFINISHED.to_vec(), FINISHED.to_vec()] {
        let filter = JobFilter { states, run_id: Some(run_id), ..JobFilter::default() };
        let page = t.store.list_jobs(&filter, &PageRequest::default()).await;
        jobs.extend(page.expect("jobs can be listed").items);
    }
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

/// The instant so many seconds from now.
pub fn later(t: &Workflows, seconds: u64) -> Timestamp {
    t.clock.now().plus(Duration::from_secs(seconds)).expect("before the year 9999")
}

/// Moves the clock forward.
pub fn pass(t: &Workflows, seconds: u64) {
    t.clock.set(later(t, seconds));
}

/// Every row of the queue, of runs and of their audit, as text.
pub async fn queue_rows(t: &Workflows) -> Vec<Vec<Vec<String>>> {
    const TABLES: [(&str, &str); 7] = [
        ("jobs", "id"),
        ("job_history", "id"),
        ("job_assignments", "job_id, epoch"),
        ("job_dependencies", "job_id, depends_on"),
        ("job_events", "token"),
        ("workflow_runs", "id"),
        ("workflow_audit", "seq"),
    ];
    let mut rows = Vec::new();
    for (table, key) in TABLES {
        rows.push(t.rows(&format!("SELECT * FROM {table} ORDER BY {key}")).await);
    }
    rows
}

/// Runs tasks at once, every other one on a second handle, and returns their answers in order.
pub async fn at_once<T, F>(
    t: &Workflows,
    count: usize,
    work: impl Fn(usize, Arc<dyn WorkflowStore>) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let stores = [t.store.clone(), t.reopened().await];
    let spawn = |number: usize| tokio::spawn(work(number, stores[number % 2].clone()));
    let tasks: Vec<_> = (0..count).map(spawn).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("the task does not panic"));
    }
    answers
}
