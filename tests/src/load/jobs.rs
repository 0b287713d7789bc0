//! Jobs are put into a queue, alone, in chains and under unique keys.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use store_core::queue::{
    AssignmentOutcome, Dependency, DependencyCondition, EnqueueOutcome, Enqueued, Job, JobState,
    NewJob, UniqueKey, UniquePolicy,
};
use store_core::{JobId, Result};

use super::caller::Caller;
use super::verify::Findings;

/// The queue of the load.
pub(super) const QUEUE: &str = "load";

/// With more jobs than this waiting, nothing is added.
const BACKLOG: u64 = 500;

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let queue = &caller.stores().workflows;
    let mut number = 0_u64;
    while caller.goes_on() {
        number += 1;
        if number.is_multiple_of(20) {
            let stats = caller.read("queue_stats", || queue.queue_stats(Some(QUEUE))).await?;
            if stats.iter().any(|stats| stats.available > BACKLOG) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        match caller.draw(10) {
            0 => chain(caller).await?,
            1 => unique(caller).await?,
            _ => one(caller).await?,
        }
    }
    Ok(())
}

fn new(caller: &Caller) -> NewJob {
    // A load of hours may kill the worker of one job many times.
    let max_attempts = 1000;
    NewJob { queue: QUEUE.into(), max_attempts, ..NewJob::new("work", json!({"by": caller.name})) }
}

async fn one(caller: &Caller) -> Result<()> {
    let queue = &caller.stores().workflows;
    let job = new(caller);
    let enqueued =
        caller.settle("job_enqueue", || queue.enqueue(job.clone()), || created(caller, job.id));
    caller.acknowledged(&json!(["job", enqueued.await?.job.id]));
    Ok(())
}

/// The job as it was created, if it was.
async fn created(caller: &Caller, id: JobId) -> Result<Option<Enqueued>> {
    let job = caller.stores().workflows.find_job(id).await?;
    Ok(job.map(|job| Enqueued { job, outcome: EnqueueOutcome::Created }))
}

/// Three jobs, each of which waits for the one before.
async fn chain(caller: &Caller) -> Result<()> {
    let queue = &caller.stores().workflows;
    let mut jobs: Vec<NewJob> = vec![new(caller), new(caller), new(caller)];
    for place in 1..jobs.len() {
        let job_id = jobs[place - 1].id;
        jobs[place].depends_on = vec![Dependency { job_id, on: DependencyCondition::Success }];
    }
    let look = async || Ok(created(caller, jobs[0].id).await?.map(|first| vec![first]));
    caller.settle("job_enqueue_many", || queue.enqueue_many(jobs.clone()), look).await?;
    // All or none.
    for job in &jobs {
        caller.acknowledged(&json!(["job", job.id]));
    }
    Ok(())
}

/// A job whose key another one may have.
async fn unique(caller: &Caller) -> Result<()> {
    let queue = &caller.stores().workflows;
    let key = format!("key-{}", caller.draw(5));
    let job = NewJob { unique: Some(UniqueKey::new(key, UniquePolicy::Ignore)), ..new(caller) };
    let look = || created(caller, job.id);
    let enqueued = caller.settle("job_enqueue_unique", || queue.enqueue(job.clone()), look).await?;
    if enqueued.outcome == EnqueueOutcome::Created {
        caller.acknowledged(&json!(["job", job.id]));
    }
    Ok(())
}

/// Every acknowledged job was done, and once: nothing is lost, and what a worker was told is done
/// was done by that worker.
pub(super) async fn verify(found: &Findings) -> Result<()> {
    let mut done: HashMap<String, Vec<i64>> = HashMap::new();
    for (job, facts) in found.by_first("done") {
        done.insert(job, facts.iter().filter_map(|fact| fact[2].as_i64()).collect());
    }
    found
        .each("job", async |fact: &Value| {
            let name = fact[1].as_str().expect("an id");
            let job = found.stores.workflows.fetch_job(name.parse()?).await?;
            verify_one(found, &job, done.get(name).map_or(&[], Vec::as_slice)).await
        })
        .await
}

async fn verify_one(found: &Findings, job: &Job, done: &[i64]) -> Result<()> {
    let id = job.id;
    found.check(job.state == JobState::Succeeded, || format!("job {id} is {}", job.state));
    found.check(done.len() <= 1, || format!("job {id} was done by {done:?}"));
    let history = found.stores.workflows.job_history(id).await?;
    let succeeded: Vec<i64> = history
        .iter()
        .filter(|held| held.outcome == Some(AssignmentOutcome::Succeeded))
        .map(|held| held.epoch)
        .collect();
    found.check(succeeded.len() == 1, || format!("job {id} succeeded {} times", succeeded.len()));
    found.check(done.iter().all(|epoch| succeeded.contains(epoch)), || {
        format!("job {id}: {done:?} were told that it is done, it was {succeeded:?}")
    });
    found.check(history.iter().all(|held| held.ended_at.is_some()), || {
        format!("job {id} is finished, and somebody holds it")
    });
    Ok(())
}
