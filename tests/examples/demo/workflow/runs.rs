//! Runs on their way from pending to their end.

use std::sync::Arc;

use serde_json::json;
use store_core::workflow::{RetryPolicy, RunStatus};
use store_core::{Actor, Error, RunId};
use tokio::task::JoinSet;

use super::{Scene, refused, same};
use crate::Result;
use crate::report::{self, Report, timed};

/// The tasks that want to start the same run.
const WORKERS: usize = 100;

/// Lets many tasks start one run.
pub(super) async fn start_at_once(report: &mut Report, scene: &Scene, id: RunId) -> Result<()> {
    report.section("Start one run from 100 tasks at once: one wins");
    let mut tasks = JoinSet::new();
    for number in 0..WORKERS {
        let store = Arc::clone(&scene.store);
        let worker = Actor::new(format!("worker-{number}"))?;
        tasks.spawn(async move { store.start_run(&worker, id).await });
    }
    let (answers, took) = timed(tasks.join_all()).await;
    let (mut won, mut too_late) = (0, 0);
    for answer in answers {
        match answer {
            Ok(_) => won += 1,
            Err(Error::InvalidState { .. }) => too_late += 1,
            Err(error) => return Err(error.into()),
        }
    }
    report::done(format!("started by {won}, refused to {too_late}"), took);
    same("tasks that started the run", &(1, WORKERS - 1), &(won, too_late))?;
    let run = scene.store.fetch_run(id).await?;
    same("the run", &RunStatus::Running, &run.status)?;
    let since = run.started_at.map(|at| at.to_string()).unwrap_or_default();
    report::note(format!("it is {} since {since}", run.status));
    Ok(())
}

/// Brings one run to success and another to its cancellation.
pub(super) async fn finish(
    report: &mut Report,
    scene: &Scene,
    running: RunId,
    pending: RunId,
) -> Result<()> {
    report.section("Finish it with an output, and cancel another run");
    let (store, operator) = (&scene.store, &scene.operator);
    let output = json!({"invoices": 1204, "total": "88213.50"});
    let (done, took) = timed(store.succeed_run(operator, running, Some(output.clone()))).await;
    done?;
    let run = store.fetch_run(running).await?;
    same(
        "the run and its output",
        &(RunStatus::Succeeded, Some(output)),
        &(run.status, run.output),
    )?;
    report::done(format!("{running} is {}", run.status), took);
    let (done, took) = timed(store.cancel_run(operator, pending, Some("not needed"))).await;
    done?;
    let run = store.fetch_run(pending).await?;
    same("the run", &RunStatus::Cancelled, &run.status)?;
    let reason = run.cancel_reason.unwrap_or_default();
    report::done(format!("{pending} is {}: {reason}", run.status), took);
    refused("to start it after all", timed(store.start_run(operator, pending)).await, 409)
}

/// Fails a run whose workflow has a retry policy.
pub(super) async fn fail_and_retry(report: &mut Report, scene: &Scene, id: RunId) -> Result<()> {
    report.section("Fail a run: the policy retries it");
    let (store, operator) = (&scene.store, &scene.operator);
    let set = timed(store.configure_retry(operator, scene.id, RetryPolicy::default())).await;
    let (policy, took) = (set.0?, set.1);
    let first = policy.initial_delay_seconds;
    report::done(format!("{} attempts, {first} seconds at first", policy.max_attempts), took);
    store.start_run(operator, id).await?;
    let (failed, took) = timed(store.fail_run(operator, id, "the ledger does not answer")).await;
    let failed = failed?;
    let (status, error) = (failed.run.status, failed.run.error.unwrap_or_default());
    report::done(format!("{id} is {status}: {error}"), took);

    let retry = failed.retry.ok_or("the failed run is not retried")?;
    let next = store.fetch_run(retry.run_id).await?;
    let expected = (2, Some(id), RunStatus::Pending, Some(retry.scheduled_for));
    same(
        "the next attempt",
        &expected,
        &(next.attempt, next.retry_of, next.status, next.scheduled_for),
    )?;
    let delay = retry.delay_seconds;
    report::note(format!("attempt {} is {}, in {delay:.1} seconds", next.attempt, next.id));
    report::note(format!("it is {} until {}", next.status, retry.scheduled_for));
    // Ten percent of jitter in both directions.
    if (delay - first).abs() > first * policy.jitter_factor {
        return Err(format!("{delay} seconds are no delay of this policy").into());
    }
    Ok(())
}
