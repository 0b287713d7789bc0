use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use store_core::queue::{Heartbeat, JobLease, NewWorker};
use store_core::{Error, Result};
use tokio::sync::watch;

use super::Shared;
use super::context::StopReason;
use super::retry::Backoff;

/// The most leases that one call extends, and takes back.
const BATCH_MAX: usize = 1000;

/// Tells the upkeep of a worker that it stops.
pub(super) type Stopping = watch::Receiver<bool>;

/// Extends all leases again and again, and tells handlers what came of it.
pub(super) async fn keep_leases(shared: Arc<Shared>, stopping: Stopping) {
    let every = shared.config.heartbeat_every();
    repeat(every, stopping, "leases are not extended", || extend_leases(&shared)).await;
}

/// Tells again and again that the worker is there.
pub(super) async fn keep_registered(shared: Arc<Shared>, stopping: Stopping) {
    let every = shared.config.heartbeat_every();
    repeat(every, stopping, "the worker does not show as alive", || stay_registered(&shared)).await;
}

/// Takes back leases that ran out, again and again.
pub(super) async fn reap(shared: Arc<Shared>, every: Duration, stopping: Stopping) {
    repeat(every, stopping, "leases that ran out stay", || reap_all(&shared)).await;
}

/// Does something in intervals, and sooner again after it failed. It is never dropped half way.
async fn repeat<F, Fut>(every: Duration, mut stopping: Stopping, trouble: &str, work: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut backoff = Backoff::of_database();
    let mut pause = every;
    loop {
        tokio::select! {
            _told = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = match work().await {
            Ok(()) => {
                backoff.reset();
                every
            }
            Err(error) => {
                tracing::warn!(%error, "{trouble}");
                backoff.pause().min(every)
            }
        };
    }
}

async fn extend_leases(shared: &Shared) -> Result<()> {
    for leases in shared.held.leases().chunks(BATCH_MAX) {
        let until = Instant::now() + shared.config.lease;
        let answers = shared.store.heartbeat_jobs(leases, shared.config.lease).await?;
        for (lease, answer) in leases.iter().zip(answers) {
            take_note(shared, lease, answer, until);
        }
    }
    Ok(())
}

fn take_note(shared: &Shared, asked: &JobLease, answer: Heartbeat, until: Instant) {
    match answer {
        Heartbeat::Extended(lease) => shared.held.extend(lease, until),
        Heartbeat::CancelRequested { lease, reason } => {
            shared.held.extend(lease, until);
            if shared.held.stop(asked, StopReason::Cancelled(reason)) {
                tracing::info!(job = %asked.job_id, "the job was asked to stop");
            }
        }
        // An attempt that ended meanwhile is not held anymore: then this is no news.
        Heartbeat::Lost(id) => {
            if shared.held.stop(asked, StopReason::LeaseLost) {
                tracing::warn!(job = %id, epoch = asked.epoch, "the lease was lost");
            }
        }
    }
}

async fn reap_all(shared: &Shared) -> Result<()> {
    loop {
        let reaped = shared.store.reap_jobs(1000).await?;
        let count = reaped.requeued + reaped.dead + reaped.cancelled;
        if count > 0 {
            tracing::warn!(
                requeued = reaped.requeued,
                dead = reaped.dead,
                cancelled = reaped.cancelled,
                "leases of workers that vanished were taken back"
            );
        }
        if count < 1000 {
            return Ok(());
        }
    }
}

async fn stay_registered(shared: &Shared) -> Result<()> {
    match shared.store.heartbeat_worker(&shared.config.id).await {
        Err(Error::NotFound { .. }) => register(shared).await,
        answer => answer,
    }
}

/// Registers the worker, for those who watch.
pub(super) async fn register(shared: &Shared) -> Result<()> {
    let config = &shared.config;
    let metadata = json!({
        "process": std::process::id(),
        "queues": config.queues,
        "concurrency": config.concurrency,
    });
    let worker =
        NewWorker { id: config.id.clone(), capabilities: config.capabilities.clone(), metadata };
    shared.store.register_worker(worker).await.map(drop)
}
