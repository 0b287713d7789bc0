use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use store_core::{Error, Result};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::completions::store_all;
use super::context::StopReason;
use super::held::HeldLeases;
use super::retry::Backoff;
use super::{Shared, Worker, attempt, upkeep};

/// How long one wait for work lasts at most.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// A wait for work that is answered sooner found what was there before.
const AT_ONCE: Duration = Duration::from_millis(100);

/// When a worker stops by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Told,
    Idle,
}

/// Runs a worker to its end.
pub(super) async fn run(
    worker: &Worker,
    until: Until,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let (done, completions) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        store: Arc::clone(&worker.store),
        config: Arc::clone(&worker.config),
        held: HeldLeases::default(),
        done,
    });
    if let Err(error) = upkeep::register(&shared).await {
        refuse_invalid(&error)?;
        tracing::warn!(%error, "the worker is not registered yet");
    }
    let (stop, stopping) = watch::channel(false);
    let mut upkeep = JoinSet::new();
    upkeep.spawn(upkeep::keep_leases(Arc::clone(&shared), stopping.clone()));
    upkeep.spawn(upkeep::keep_registered(Arc::clone(&shared), stopping.clone()));
    if let Some(every) = shared.config.reap_every {
        upkeep.spawn(upkeep::reap(Arc::clone(&shared), every, stopping));
    }
    let mut storing = JoinSet::new();
    storing.spawn(store_all(Arc::clone(&shared), completions));

    let mut attempts = JoinSet::new();
    let ended = claim_jobs(&shared, until, pin!(shutdown), &mut attempts).await;
    drain(&shared, &mut attempts).await;
    stop.send_replace(true);
    join_all(&mut upkeep).await;
    if let Err(error) = shared.store.deregister_worker(&shared.config.id).await {
        tracing::warn!(%error, "the worker stays registered");
    }
    ended
}

/// Claims jobs and begins with them, until it is told to stop or there is nothing to do.
async fn claim_jobs(
    shared: &Arc<Shared>,
    until: Until,
    mut shutdown: Pin<&mut impl Future<Output = ()>>,
    attempts: &mut JoinSet<()>,
) -> Result<()> {
    let (mut away, mut idle) = (Backoff::of_database(), Backoff::of_idling());
    let mut seen_in_vain = false;
    loop {
        while let Some(joined) = attempts.try_join_next() {
            report(joined);
        }
        let busy = shared.held.len();
        let free = shared.config.concurrency.saturating_sub(busy);
        tokio::select! {
            biased;
            () = shutdown.as_mut() => return Ok(()),
            () = shared.held.freed(), if free == 0 => continue,
            () = std::future::ready(()), if free > 0 => {}
        }
        // A claim is not dropped half way: nobody would know of the jobs it got.
        let claimed = begin(shared, free, attempts).await;
        let pause = match claimed {
            Err(error) => {
                refuse_invalid(&error)?;
                tracing::warn!(%error, "no jobs are claimed");
                away.pause()
            }
            Ok(0) if until == Until::Idle && busy == 0 => return Ok(()),
            Ok(0) if until == Until::Idle => {
                shared.held.freed().await;
                continue;
            }
            // There is work that this worker cannot have, or others are faster.
            Ok(0) if seen_in_vain => idle.pause(),
            Ok(0) => Duration::ZERO,
            Ok(_) => {
                away.reset();
                idle.reset();
                seen_in_vain = false;
                continue;
            }
        };
        let waited = Instant::now();
        tokio::select! {
            () = shutdown.as_mut() => return Ok(()),
            seen = wait_for_work(shared, pause) => match seen {
                Ok(seen) => seen_in_vain = seen,
                Err(error) => tracing::warn!(%error, "new work is not heard of"),
            }
        }
        if !seen_in_vain || waited.elapsed() > pause + AT_ONCE {
            idle.reset();
        }
    }
}

/// Claims up to `free` jobs and begins with them; returns how many they are.
async fn begin(shared: &Arc<Shared>, free: usize, attempts: &mut JoinSet<()>) -> Result<usize> {
    let until = Instant::now() + shared.config.lease;
    let jobs = shared.store.claim_jobs(&shared.config.claim(free)).await?;
    let count = jobs.len();
    for claimed in jobs {
        let stop = shared.held.add(claimed.lease.clone(), until);
        attempts.spawn(attempt::carry_out(Arc::clone(shared), claimed, stop));
    }
    Ok(count)
}

/// Pauses, a place that becomes free aside, then waits until there seems to be work.
async fn wait_for_work(shared: &Shared, pause: Duration) -> Result<bool> {
    if !pause.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // What ended may be what a limit waited for.
            () = shared.held.freed() => return Ok(true),
        }
    }
    shared.store.wait_for_work(&shared.config.queues, WAIT_MAX).await
}

/// Waits for the handlers, at most for the grace period, and drops those that are left.
async fn drain(shared: &Shared, attempts: &mut JoinSet<()>) {
    let grace = shared.config.shutdown_grace;
    if tokio::time::timeout(grace, join_all(attempts)).await.is_err() {
        tracing::warn!(jobs = attempts.len(), "the grace period is over: jobs are given back");
        shared.held.stop_all(&StopReason::ShuttingDown);
        join_all(attempts).await;
    }
}

async fn join_all(tasks: &mut JoinSet<()>) {
    while let Some(joined) = tasks.join_next().await {
        report(joined);
    }
}

/// Handlers panic in tasks of their own.
fn report(joined: std::result::Result<(), tokio::task::JoinError>) {
    if let Err(error) = joined {
        tracing::error!(%error, "a task of the worker ended early");
    }
}

/// Passes on what waiting does not cure.
fn refuse_invalid(error: &Error) -> Result<()> {
    match error {
        Error::Invalid { .. } => Err(error.clone()),
        _ => Ok(()),
    }
}
