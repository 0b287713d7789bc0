//! How a worker's time with a job ends.

use diesel::prelude::*;
use store_core::queue::{AssignmentOutcome, JobLease, JobState};
use store_core::sqlite::db_error;
use store_core::{Actor, Error, JobId, Result, Timestamp};

use super::dependencies::dependents_release;
use super::events::event_forget;
use super::moves::{Finish, Requeue, job_complete_plain, job_finish_many, job_requeue_many};
use crate::rules::Context;
use crate::rules::queue::ending::{Ending, LEASE_EXPIRED, Next, RUN_ENDED, ReadyCompletion, lost};
use crate::rules::run::Transition;
use crate::sqlite::rows::JobRow;
use crate::sqlite::schema::jobs::{self, dsl};
use crate::sqlite::schema::workflow_runs;
use crate::sqlite::transitions::{run_fail, run_transition};

/// The state a job is in now, and whether other jobs can be claimed for it.
#[derive(Debug, Clone, Copy)]
pub(in crate::sqlite) struct Ended {
    pub(in crate::sqlite) state: JobState,
    pub(in crate::sqlite) woken: bool,
}

/// A job that a worker holds.
#[derive(Debug)]
pub(super) struct HeldJob {
    pub(super) row: JobRow,
    /// Whether it is of a run that goes on; none when it is of no run.
    pub(super) run_goes_on: Option<bool>,
}

/// Tells whether the run of a job goes on.
pub(super) fn run_hold(conn: &mut SqliteConnection, job: JobId) -> Result<Option<bool>> {
    let run: Option<Option<String>> = jobs::table
        .find(job.to_string())
        .select(dsl::run_id)
        .first(conn)
        .optional()
        .map_err(db_error("run_hold"))?;
    run.flatten().map(|run| run_goes_on(conn, &run)).transpose()
}

// parity: PostgreSQL locks runs where it asks.
/// Tells whether a run goes on.
pub(super) fn run_goes_on(conn: &mut SqliteConnection, run: &str) -> Result<bool> {
    let status: Option<String> = workflow_runs::table
        .find(run)
        .select(workflow_runs::status)
        .first(conn)
        .optional()
        .map_err(db_error("run_goes_on"))?;
    Ok(status.is_some_and(|status| matches!(status.as_str(), "pending" | "running")))
}

/// Finds the job of a lease that is not lost.
pub(super) fn lease_hold(conn: &mut SqliteConnection, lease: &JobLease) -> Result<HeldJob> {
    let run_goes_on = run_hold(conn, lease.job_id)?;
    let row: Option<JobRow> = jobs::table
        .find(lease.job_id.to_string())
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .select(JobRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("lease_hold"))?;
    Ok(HeldJob { row: row.ok_or_else(|| lost(lease))?, run_goes_on })
}

/// Ends a worker's time with a job.
pub(in crate::sqlite) fn job_end(
    conn: &mut SqliteConnection,
    cx: &Context,
    lease: &JobLease,
    ending: &Ending,
) -> Result<Ended> {
    let held = lease_hold(conn, lease)?;
    job_end_held(conn, cx, &held, ending)
}

/// Ends a worker's time with a job.
pub(super) fn job_end_held(
    conn: &mut SqliteConnection,
    cx: &Context,
    held: &HeldJob,
    ending: &Ending,
) -> Result<Ended> {
    let now = cx.clock.now();
    if let Some(ended) = job_stop(conn, cx, held, ending, now)? {
        return Ok(ended);
    }
    match ending.decide(&held.row.held(&cx.json)?, now, fastrand::f64()) {
        // A run is retried by its workflow's policy, with a new job.
        Next::Requeue { outcome: AssignmentOutcome::Failed, error, .. }
            if held.run_goes_on.is_some() =>
        {
            let finish = Finish {
                outcome: Some(AssignmentOutcome::Failed),
                error: error.as_deref(),
                ..finish(&held.row, JobState::Dead)
            };
            job_leave(conn, cx, held, &finish, now)
        }
        Next::Requeue { state, run_at, attempt, outcome, error } => {
            let requeue = Requeue {
                run_at,
                attempt,
                error: error.as_deref(),
                ..Requeue::new(&held.row, state, outcome)
            };
            job_requeue_many(conn, cx, &[requeue])?;
            Ok(Ended { state, woken: state == JobState::Available })
        }
        Next::Finish { state, outcome, error } => {
            let result = match ending {
                Ending::Complete(result) => result.as_ref(),
                _ => None,
            };
            let finish = Finish {
                outcome: Some(outcome),
                result,
                error: error.as_deref(),
                ..finish(&held.row, state)
            };
            job_leave(conn, cx, held, &finish, now)
        }
    }
}

/// Cancels a job whose run has ended without it, and one that was asked to stop and is not done;
/// nothing for others.
pub(super) fn job_stop(
    conn: &mut SqliteConnection,
    cx: &Context,
    held: &HeldJob,
    ending: &Ending,
    now: Timestamp,
) -> Result<Option<Ended>> {
    let done = matches!(ending, Ending::Complete(_));
    let asked = held.row.cancel_reason.is_some() && !done;
    if !asked && held.run_goes_on != Some(false) {
        return Ok(None);
    }
    let error = match ending {
        Ending::Fail { error, .. } => Some(error.as_str()),
        _ => None,
    };
    let outcome = match ending {
        Ending::Expire => AssignmentOutcome::Expired,
        _ => AssignmentOutcome::Cancelled,
    };
    let finish = Finish {
        outcome: Some(outcome),
        error,
        cancel_reason: Some(RUN_ENDED),
        ..finish(&held.row, JobState::Cancelled)
    };
    job_leave(conn, cx, held, &finish, now).map(Some)
}

fn finish(row: &JobRow, state: JobState) -> Finish<'_> {
    Finish { id: &row.id, state, outcome: None, result: None, error: None, cancel_reason: None }
}

/// Moves a job to the history, tells those who wait for it, and ends its run.
pub(super) fn job_leave(
    conn: &mut SqliteConnection,
    cx: &Context,
    held: &HeldJob,
    finish: &Finish<'_>,
    now: Timestamp,
) -> Result<Ended> {
    let ended = job_leave_alone(conn, cx, &held.row, finish, now)?;
    if held.run_goes_on == Some(true) {
        run_end(conn, cx, &held.row, finish)?;
    }
    Ok(ended)
}

/// Moves a job to the history, and tells those who wait for it.
fn job_leave_alone(
    conn: &mut SqliteConnection,
    cx: &Context,
    row: &JobRow,
    finish: &Finish<'_>,
    now: Timestamp,
) -> Result<Ended> {
    let (doomed, woken) = match row.dependents {
        0 => (Vec::new(), false),
        _ => dependents_release(conn, cx, vec![(row.id.parse()?, finish.state)], now)?,
    };
    job_finish_many(conn, cx, std::slice::from_ref(finish))?;
    job_cancel_unleased(conn, cx, &doomed)?;
    Ok(Ended { state: finish.state, woken })
}

/// Moves jobs that no worker holds and nobody waits for to the history, as cancelled.
pub(super) fn job_cancel_unleased(
    conn: &mut SqliteConnection,
    cx: &Context,
    doomed: &[(JobId, String)],
) -> Result<()> {
    for (id, reason) in doomed {
        let id = id.to_string();
        event_forget(conn, &id)?;
        let finish = Finish {
            id: &id,
            state: JobState::Cancelled,
            outcome: None,
            result: None,
            error: None,
            cancel_reason: Some(reason),
        };
        job_finish_many(conn, cx, &[finish])?;
    }
    Ok(())
}

/// Ends the run of a job as the job ended.
fn run_end(
    conn: &mut SqliteConnection,
    cx: &Context,
    row: &JobRow,
    finish: &Finish<'_>,
) -> Result<()> {
    let Some(run) = &row.run_id else { return Ok(()) };
    let actor = match (&row.lease_owner, finish.outcome) {
        (Some(owner), Some(outcome)) if outcome != AssignmentOutcome::Expired => owner.parse()?,
        _ => queue_actor()?,
    };
    let (run, error) = (run.parse()?, finish.error.unwrap_or(LEASE_EXPIRED));
    match finish.state {
        JobState::Succeeded => {
            let output = finish.result.map(|result| result.value.clone());
            let transition = Transition::succeed(cx, &actor, run, output)?;
            run_transition(conn, cx, &transition).map(drop)
        }
        JobState::Cancelled => {
            let reason = row.cancel_reason.as_deref().or(finish.cancel_reason);
            let transition = Transition::cancel(cx, &actor, run, reason)?;
            run_transition(conn, cx, &transition).map(drop)
        }
        _ => {
            let transition = Transition::fail(cx, &actor, run, error)?;
            run_fail(conn, cx, &transition).map(drop)
        }
    }
}

/// Who ends runs that no worker ends.
pub(super) fn queue_actor() -> Result<Actor> {
    Actor::new("job-queue")
}

// parity: PostgreSQL's is CompleteBatch.
/// Ends a job that is done.
pub(in crate::sqlite) fn job_complete(
    conn: &mut SqliteConnection,
    cx: &Context,
    done: &ReadyCompletion,
) -> Result<Ended> {
    if job_complete_plain(conn, cx, std::slice::from_ref(done))?.is_empty() {
        return job_end(conn, cx, &done.lease, &Ending::Complete(done.result.clone()));
    }
    Ok(Ended { state: JobState::Succeeded, woken: false })
}

// parity: PostgreSQL's is CompleteBatch.
/// Ends jobs that are done, and answers for each.
pub(in crate::sqlite) fn job_complete_many(
    conn: &mut SqliteConnection,
    cx: &Context,
    done: &[ReadyCompletion],
) -> Result<(Vec<Result<JobState>>, bool)> {
    let mut plain = job_complete_plain(conn, cx, done)?;
    let (mut answers, mut woken) = (Vec::with_capacity(done.len()), false);
    for one in done {
        // Of two with the same lease the second finds it lost.
        if plain.remove(&(one.lease.job_id.to_string(), one.lease.owner.clone(), one.lease.epoch)) {
            answers.push(Ok(JobState::Succeeded));
            continue;
        }
        let ending = Ending::Complete(one.result.clone());
        match job_end(conn, cx, &one.lease, &ending) {
            Ok(ended) => {
                woken |= ended.woken;
                answers.push(Ok(ended.state));
            }
            Err(lost @ Error::LeaseLost { .. }) => answers.push(Err(lost)),
            // Whatever else ends the transaction, and with it all of them.
            Err(error) => return Err(error),
        }
    }
    Ok((answers, woken))
}
