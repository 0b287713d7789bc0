//! How a worker's time with a job ends.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::{Batch, Database, db_error};
use store_core::queue::{AssignmentOutcome, JobLease, JobState};
use store_core::{Actor, JobId, Result, Timestamp};
use uuid::Uuid;

use super::dependencies::dependents_release;
use super::events::event_forget;
use super::moves::{Finish, Requeue, job_complete_plain, job_finish_many, job_requeue_many};
use crate::postgres::rows::JobRow;
use crate::postgres::schema::jobs::{self, dsl};
use crate::postgres::schema::workflow_runs;
use crate::postgres::transitions::{run_fail, run_transition};
use crate::rules::Context;
use crate::rules::queue::ending::{Ending, LEASE_EXPIRED, Next, RUN_ENDED, ReadyCompletion, lost};
use crate::rules::run::Transition;

/// The state a job is in now, and whether other jobs can be claimed for it.
#[derive(Debug, Clone, Copy)]
pub(in crate::postgres) struct Ended {
    pub(in crate::postgres) state: JobState,
    pub(in crate::postgres) woken: bool,
}

/// A job that a worker holds, locked.
#[derive(Debug)]
pub(super) struct HeldJob {
    pub(super) row: JobRow,
    /// Whether it is of a run that goes on; none when it is of no run.
    pub(super) run_goes_on: Option<bool>,
}

/// Locks the run of a job, and tells whether it goes on. Runs are locked before their jobs.
pub(super) async fn run_hold(conn: &mut AsyncPgConnection, job: JobId) -> Result<Option<bool>> {
    let run: Option<Option<Uuid>> = jobs::table
        .find(job.as_uuid())
        .select(dsl::run_id)
        .first(conn)
        .await
        .optional()
        .map_err(db_error("run_hold"))?;
    let Some(run) = run.flatten() else { return Ok(None) };
    let status: Option<String> = workflow_runs::table
        .find(run)
        .select(workflow_runs::status)
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(db_error("run_hold"))?;
    Ok(Some(status.is_some_and(|status| matches!(status.as_str(), "pending" | "running"))))
}

/// Locks the job of a lease that is not lost.
pub(super) async fn lease_hold(conn: &mut AsyncPgConnection, lease: &JobLease) -> Result<HeldJob> {
    let run_goes_on = run_hold(conn, lease.job_id).await?;
    let row: Option<JobRow> = jobs::table
        .find(lease.job_id.as_uuid())
        .filter(dsl::lease_owner.eq(&lease.owner))
        .filter(dsl::lease_epoch.eq(lease.epoch))
        .select(JobRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
        .map_err(db_error("lease_hold"))?;
    Ok(HeldJob { row: row.ok_or_else(|| lost(lease))?, run_goes_on })
}

/// Ends a worker's time with a job.
pub(in crate::postgres) async fn job_end(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    lease: &JobLease,
    ending: &Ending,
) -> Result<Ended> {
    let held = lease_hold(conn, lease).await?;
    job_end_held(conn, cx, &held, ending).await
}

/// Ends a worker's time with a job that is locked.
pub(super) async fn job_end_held(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    held: &HeldJob,
    ending: &Ending,
) -> Result<Ended> {
    let now = cx.clock.now();
    if let Some(ended) = job_stop(conn, cx, held, ending, now).await? {
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
            job_leave(conn, cx, held, &finish, now).await
        }
        Next::Requeue { state, run_at, attempt, outcome, error } => {
            let requeue = Requeue {
                run_at,
                attempt,
                error: error.as_deref(),
                ..Requeue::new(&held.row, state, outcome)
            };
            job_requeue_many(conn, cx, &[requeue]).await?;
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
            job_leave(conn, cx, held, &finish, now).await
        }
    }
}

/// Cancels a job whose run has ended without it, and one that was asked to stop and is not done;
/// nothing for others.
pub(super) async fn job_stop(
    conn: &mut AsyncPgConnection,
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
    job_leave(conn, cx, held, &finish, now).await.map(Some)
}

fn finish(row: &JobRow, state: JobState) -> Finish<'_> {
    Finish { id: row.id, state, outcome: None, result: None, error: None, cancel_reason: None }
}

/// Moves a job that is locked to the history, tells those who wait for it, and ends its run.
pub(super) async fn job_leave(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    held: &HeldJob,
    finish: &Finish<'_>,
    now: Timestamp,
) -> Result<Ended> {
    let ended = job_leave_alone(conn, cx, &held.row, finish, now).await?;
    if held.run_goes_on == Some(true) {
        run_end(conn, cx, &held.row, finish).await?;
    }
    Ok(ended)
}

/// Moves a job that is locked to the history, and tells those who wait for it.
async fn job_leave_alone(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    row: &JobRow,
    finish: &Finish<'_>,
    now: Timestamp,
) -> Result<Ended> {
    let (doomed, woken) = match row.dependents {
        0 => (Vec::new(), false),
        _ => dependents_release(conn, cx, vec![(row.id.into(), finish.state)], now).await?,
    };
    job_finish_many(conn, cx, std::slice::from_ref(finish)).await?;
    job_cancel_unleased(conn, cx, &doomed).await?;
    Ok(Ended { state: finish.state, woken })
}

/// Moves jobs that no worker holds and nobody waits for to the history, as cancelled.
pub(super) async fn job_cancel_unleased(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    doomed: &[(JobId, String)],
) -> Result<()> {
    if doomed.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = doomed.iter().map(|(id, _)| id.as_uuid()).collect();
    event_forget(conn, &ids).await?;
    let cancelled = |(id, reason): &'_ (JobId, String)| (id.as_uuid(), reason.clone());
    let cancelled: Vec<(Uuid, String)> = doomed.iter().map(cancelled).collect();
    let finished: Vec<Finish<'_>> = cancelled
        .iter()
        .map(|(id, reason)| Finish {
            id: *id,
            state: JobState::Cancelled,
            outcome: None,
            result: None,
            error: None,
            cancel_reason: Some(reason),
        })
        .collect();
    job_finish_many(conn, cx, &finished).await
}

/// Ends the run of a job as the job ended.
async fn run_end(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    row: &JobRow,
    finish: &Finish<'_>,
) -> Result<()> {
    let Some(run) = row.run_id else { return Ok(()) };
    let actor = match (&row.lease_owner, finish.outcome) {
        (Some(owner), Some(outcome)) if outcome != AssignmentOutcome::Expired => owner.parse()?,
        _ => queue_actor()?,
    };
    let (run, error) = (run.into(), finish.error.unwrap_or(LEASE_EXPIRED));
    match finish.state {
        JobState::Succeeded => {
            let output = finish.result.map(|result| result.value.clone());
            let transition = Transition::succeed(cx, &actor, run, output)?;
            run_transition(conn, cx, &transition).await.map(drop)
        }
        JobState::Cancelled => {
            let reason = row.cancel_reason.as_deref().or(finish.cancel_reason);
            let transition = Transition::cancel(cx, &actor, run, reason)?;
            run_transition(conn, cx, &transition).await.map(drop)
        }
        _ => {
            let transition = Transition::fail(cx, &actor, run, error)?;
            run_fail(conn, cx, &transition).await.map(drop)
        }
    }
}

/// Who ends runs that no worker ends.
pub(super) fn queue_actor() -> Result<Actor> {
    Actor::new("job-queue")
}

// parity: SQLite's writer groups commits by itself.
/// The statement that completions share.
#[derive(Debug)]
pub(in crate::postgres) struct CompleteBatch {
    pub(in crate::postgres) db: Database,
    pub(in crate::postgres) context: Context,
}

// parity: belongs to CompleteBatch.
#[async_trait]
impl Batch for CompleteBatch {
    type Request = ReadyCompletion;
    type Response = Ended;

    const OPERATION: &'static str = "job_complete";

    async fn run(&self, requests: &[ReadyCompletion]) -> Result<Vec<Result<Ended>>> {
        let mut plain = self
            .db
            .write(Self::OPERATION, || async {
                let mut conn = self.db.conn(Self::OPERATION).await?;
                job_complete_plain(&mut conn, &self.context, requests).await
            })
            .await?;
        let mut answers = Vec::with_capacity(requests.len());
        for one in requests {
            // From here on an error is the answer of one job: others have ended already.
            answers.push(
                match plain.remove(&(
                    one.lease.job_id.as_uuid(),
                    one.lease.owner.clone(),
                    one.lease.epoch,
                )) {
                    true => Ok(Ended { state: JobState::Succeeded, woken: false }),
                    false => self.one(one).await,
                },
            );
        }
        Ok(answers)
    }
}

// parity: belongs to CompleteBatch.
impl CompleteBatch {
    async fn one(&self, one: &ReadyCompletion) -> Result<Ended> {
        let ending = Ending::Complete(one.result.clone());
        writing!(self, "job_end", |conn, cx| job_end(conn, cx, &one.lease, &ending))
    }
}
