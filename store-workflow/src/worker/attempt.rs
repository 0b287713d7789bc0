use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use store_core::Error;
use store_core::queue::{ClaimedJob, Completion, Job, JobLease, Retry};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Shared;
use super::completions::Done;
use super::context::{JobContext, StopReason, StopSignal};
use super::error::{Ending, JobError, storable};
use super::retry::{Answer, until_answered};

/// How the handler of a job came to its end.
enum Outcome {
    Done(Option<Value>),
    NotDone(Ending),
    /// Dropped because the worker stops.
    GivenBack,
    /// Dropped because the lease was lost: there is nothing to write.
    Lost,
}

/// Carries out one attempt at a job, and stores how it ended.
pub(super) async fn carry_out(shared: Arc<Shared>, claimed: ClaimedJob, stop: StopSignal) {
    let ClaimedJob { job, lease } = &claimed;
    // However this ends, the place becomes free.
    let _place = Place { shared: &shared, lease };
    let span = tracing::info_span!(
        "store.worker.job",
        job = %job.id,
        queue = %job.queue,
        kind = %job.kind,
        attempt = job.attempt,
        epoch = lease.epoch,
    );
    async {
        let outcome = handle(&shared, &claimed, stop).await;
        store(&shared, lease, outcome).await;
    }
    .instrument(span)
    .await;
}

/// A place among those of the worker, freed when it is dropped.
struct Place<'a> {
    shared: &'a Shared,
    lease: &'a JobLease,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.held.remove([self.lease]);
    }
}

/// Runs the handler until it ends or has to be dropped.
async fn handle(shared: &Shared, claimed: &ClaimedJob, mut stop: StopSignal) -> Outcome {
    let job = &claimed.job;
    let Some(handler) = shared.config.handler(&job.kind) else {
        tracing::warn!("no handler for this kind of job: it fails");
        return failed(format!("no handler for kind `{}`", job.kind), Retry::ByPolicy);
    };
    let context = JobContext::new(Arc::clone(&shared.store), claimed.clone(), stop.clone());
    let deadline = context.deadline().map(Instant::from_std);
    let mut cancelled: Option<(String, Option<Instant>)> = None;
    // A task of its own: a panic ends it alone, and dropping the set drops the handler.
    let mut work = JoinSet::new();
    work.spawn(async move { handler(context).await }.in_current_span());
    loop {
        let grace_ends = cancelled.as_ref().and_then(|(_, at)| *at);
        tokio::select! {
            biased;
            Some(joined) = work.join_next() => return outcome(joined),
            reason = stopped(&mut stop) => match reason {
                StopReason::Cancelled(reason) => {
                    let ends = Instant::now().checked_add(shared.config.cancel_grace);
                    cancelled = Some((reason, ends));
                }
                StopReason::LeaseLost => {
                    work.shutdown().await;
                    return Outcome::Lost;
                }
                StopReason::ShuttingDown => {
                    work.shutdown().await;
                    return Outcome::GivenBack;
                }
            },
            () = at(grace_ends) => {
                work.shutdown().await;
                let reason = cancelled.map_or_else(String::new, |(reason, _)| reason);
                return failed(reason, Retry::Never);
            }
            () = at(deadline) => {
                work.shutdown().await;
                return timed_out(job);
            }
        }
    }
}

/// Waits for the next reason to stop.
async fn stopped(stop: &mut StopSignal) -> StopReason {
    match stop.changed().await {
        Ok(()) => stop.borrow_and_update().clone().unwrap_or(StopReason::LeaseLost),
        // The lease is not held anymore.
        Err(_over) => StopReason::LeaseLost,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn outcome(joined: Result<Result<Option<Value>, JobError>, JoinError>) -> Outcome {
    match joined {
        Ok(Ok(result)) => Outcome::Done(result),
        Ok(Err(JobError(ending))) => Outcome::NotDone(ending),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => failed(format!("panicked: {}", panic_message(&*panic)), Retry::ByPolicy),
            // Nobody else aborts the task: the runtime is shutting down.
            Err(_aborted) => Outcome::GivenBack,
        },
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

fn timed_out(job: &Job) -> Outcome {
    let timeout = job.timeout.unwrap_or(Duration::ZERO);
    failed(format!("timed out after {timeout:?}"), Retry::ByPolicy)
}

fn failed(error: String, retry: Retry) -> Outcome {
    Outcome::NotDone(Ending::Fail { error: storable(error), retry })
}

/// Stores how an attempt ended.
async fn store(shared: &Shared, lease: &JobLease, outcome: Outcome) {
    let (how, answer) = match outcome {
        Outcome::Lost => return,
        Outcome::Done(result) => ("done", complete(shared, lease, result).await),
        Outcome::NotDone(ending) => ("not done", end(shared, lease, ending).await),
        Outcome::GivenBack => {
            let release = || shared.store.release_job(lease);
            ("given back", until_answered(&shared.held, lease, release).await)
        }
    };
    match answer {
        Answer::Stored => tracing::debug!(how, "the attempt ended"),
        Answer::Lost => tracing::warn!(how, "the attempt ended after its lease was lost"),
        Answer::Failed(error) => {
            tracing::warn!(how, %error, "the end of the attempt is not stored: its lease runs out");
        }
    }
}

async fn complete(shared: &Shared, lease: &JobLease, result: Option<Value>) -> Answer {
    let (done, answered) = Done::new(Completion { lease: lease.clone(), result });
    // Whoever stores completions outlives all attempts, unless the worker is dropped.
    let answer = match shared.done.send(done) {
        Ok(()) => answered.await.unwrap_or(Answer::Lost),
        Err(_dropped) => Answer::Lost,
    };
    match answer {
        Answer::Failed(error @ Error::Invalid { .. }) => {
            fail(shared, lease, &format!("the result was refused: {error}"), Retry::ByPolicy).await
        }
        answer => answer,
    }
}

async fn end(shared: &Shared, lease: &JobLease, ending: Ending) -> Answer {
    let (store, held) = (&shared.store, &shared.held);
    let answer = match &ending {
        Ending::Fail { error, retry } => fail(shared, lease, error, *retry).await,
        Ending::Snooze(until) => {
            until_answered(held, lease, || store.snooze_job(lease, *until)).await
        }
        Ending::WaitForEvent(token) => {
            until_answered(held, lease, || store.wait_for_event(lease, token)).await
        }
    };
    match answer {
        // The token is no token, or that of another job, and will be so next time.
        Answer::Failed(error @ (Error::Invalid { .. } | Error::Conflict { .. })) => {
            fail(shared, lease, &error.to_string(), Retry::Never).await
        }
        answer => answer,
    }
}

async fn fail(shared: &Shared, lease: &JobLease, error: &str, retry: Retry) -> Answer {
    let error = storable(error.to_owned());
    let fail = || shared.store.fail_job(lease, &error, retry);
    until_answered(&shared.held, lease, fail).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        assert_eq!(panic_message(&"as it is"), "as it is");
        assert_eq!(panic_message(&"made up".to_owned()), "made up");
        assert_eq!(panic_message(&7), "without a word");
    }
}
