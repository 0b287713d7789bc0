//! Workers that carry jobs out, and some that vanish.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store_core::queue::{
    ClaimRequest, ClaimedJob, Completion, JobFilter, JobLease, JobState, Retry,
};
use store_core::{Clock as _, Error, PageRequest, Result, SystemClock};

use super::caller::{Caller, again};
use super::jobs::QUEUE;
use super::verify::Findings;

/// How long a lease lasts: a job whose worker vanished is back after that.
const LEASE: Duration = Duration::from_secs(5);

/// Jobs of runs are in this queue.
const RUNS: &str = "default";

/// How long everything that is left may take in the end.
const DRAINED_WITHIN: Duration = Duration::from_secs(180);

fn request(worker: &str, limit: u32) -> ClaimRequest {
    let queues = vec![QUEUE.to_owned(), RUNS.to_owned()];
    ClaimRequest { queues, lease: LEASE, limit, ..ClaimRequest::new(worker) }
}

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let queue = &caller.stores().workflows;
    let request = request(&caller.name, 4);
    while caller.goes_on() {
        // What was claimed, and nobody was told of, comes back when the lease runs out.
        let unheard = async || Ok(Some(Vec::new()));
        let claimed = caller.settle("job_claim", || queue.claim_jobs(&request), unheard).await?;
        if claimed.is_empty() {
            let wait = || queue.wait_for_work(&request.queues, Duration::from_millis(500));
            caller.read("wait_for_work", wait).await?;
        }
        if caller.draw(4) == 0 {
            complete_all(caller, claimed).await?;
            continue;
        }
        for job in claimed {
            carry_out(caller, &job).await?;
        }
    }
    Ok(())
}

async fn carry_out(caller: &Caller, claimed: &ClaimedJob) -> Result<()> {
    let queue = &caller.stores().workflows;
    let lease = &claimed.lease;
    // The run of a job that fails has failed: its worker only vanishes.
    let is_run = claimed.job.run_id.is_some();
    match caller.draw(20) {
        0 => Ok(()),
        1 if !is_run => {
            let retry = Retry::At(SystemClock.now());
            let call = || queue.fail_job(lease, "it did not work", retry);
            lost(caller.settle("job_fail", call, || left(caller, lease)).await)
        }
        2 if !is_run => {
            let call = || queue.release_job(lease);
            lost(caller.settle("job_release", call, || left(caller, lease)).await)
        }
        3 => {
            let leases = std::slice::from_ref(lease);
            let call = || queue.heartbeat_jobs(leases, LEASE);
            caller.settle("job_heartbeat", call, again).await?;
            complete(caller, claimed).await
        }
        _ => complete(caller, claimed).await,
    }
}

/// A worker that was away for longer than its lease has lost the job: that is how it should be.
fn lost<T>(answer: Result<T>) -> Result<()> {
    match answer {
        Ok(_) | Err(Error::LeaseLost { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The state of a job that this lease no longer holds.
async fn left(caller: &Caller, lease: &JobLease) -> Result<Option<JobState>> {
    let job = caller.stores().workflows.fetch_job(lease.job_id).await?;
    let held = job.lease.is_some_and(|other| other.epoch == lease.epoch);
    Ok((!held).then_some(job.state))
}

/// What a job gets as its result tells who has done it.
fn result(lease: &JobLease) -> Value {
    json!({"worker": lease.owner, "epoch": lease.epoch})
}

async fn complete(caller: &Caller, claimed: &ClaimedJob) -> Result<()> {
    let queue = &caller.stores().workflows;
    let lease = &claimed.lease;
    let call = || queue.complete_job(lease, Some(result(lease)));
    let state = caller.settle("job_complete", call, || done(caller, lease)).await;
    match state {
        Ok(JobState::Succeeded) => told(caller, lease),
        Ok(_) | Err(Error::LeaseLost { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn told(caller: &Caller, lease: &JobLease) {
    caller.acknowledged(&json!(["done", lease.job_id, lease.epoch]));
}

/// The state of a job that this lease has completed.
async fn done(caller: &Caller, lease: &JobLease) -> Result<Option<JobState>> {
    let job = caller.stores().workflows.fetch_job(lease.job_id).await?;
    Ok((job.result == Some(result(lease))).then_some(job.state))
}

async fn complete_all(caller: &Caller, claimed: Vec<ClaimedJob>) -> Result<()> {
    let queue = &caller.stores().workflows;
    if claimed.is_empty() {
        return Ok(());
    }
    let completions: Vec<Completion> = claimed
        .into_iter()
        .map(|ClaimedJob { lease, .. }| Completion { result: Some(result(&lease)), lease })
        .collect();
    let look = async || {
        let mut answers = Vec::new();
        for done_one in &completions {
            match done(caller, &done_one.lease).await? {
                Some(state) => answers.push(Ok(state)),
                // Each ends by itself: those that did not are completed one by one.
                None => {
                    answers.push(queue.complete_job(&done_one.lease, done_one.result.clone()).await)
                }
            }
        }
        Ok(Some(answers))
    };
    let call = || queue.complete_jobs(completions.clone());
    let answers = caller.settle("job_complete_many", call, look).await?;
    for (completion, answer) in completions.iter().zip(answers) {
        match answer {
            Ok(JobState::Succeeded) => told(caller, &completion.lease),
            // Of one that nobody knows about the next look decides.
            Ok(_) | Err(Error::LeaseLost { .. } | Error::Backend { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes leases back that have run out.
pub(super) async fn reap(caller: &Caller) -> Result<()> {
    let queue = &caller.stores().workflows;
    while caller.goes_on() {
        caller.settle("job_reap", || queue.reap_jobs(100), again).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// Carries out what is left. When no lease is held for ever, that comes to an end.
pub(super) async fn drain(found: &Findings) -> Result<()> {
    let queue = &found.stores.workflows;
    let request = request("the last worker", 100);
    let deadline = Instant::now() + DRAINED_WITHIN;
    loop {
        queue.reap_jobs(1000).await?;
        let claimed = queue.claim_jobs(&request).await?;
        if claimed.is_empty() {
            let left = unfinished(found).await?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                found.check(false, || format!("jobs that nobody can finish: {left:?}"));
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let completions: Vec<Completion> = claimed
            .into_iter()
            .map(|ClaimedJob { lease, .. }| Completion { result: Some(result(&lease)), lease })
            .collect();
        for answer in queue.complete_jobs(completions).await? {
            found.check(answer.is_ok(), || format!("the last worker cannot complete: {answer:?}"));
        }
    }
}

/// The states of jobs that are not finished: a page of them.
async fn unfinished(found: &Findings) -> Result<HashSet<String>> {
    let page = PageRequest::first(1000);
    let jobs = found.stores.workflows.list_jobs(&JobFilter::default(), &page).await?;
    Ok(jobs.items.into_iter().map(|job| format!("{} {}", job.id, job.state)).collect())
}
