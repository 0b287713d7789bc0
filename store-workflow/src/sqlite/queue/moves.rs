//! Moving jobs: to the history, and back to their queues.

use std::collections::HashSet;

use diesel::prelude::*;
use store_core::json::Admitted;
use store_core::queue::{AssignmentOutcome, JobState};
use store_core::sqlite::db_error;
use store_core::workflow::{Run, RunStatus};
use store_core::{Result, Timestamp};

use crate::rules::Context;
use crate::rules::queue::ending::{RUN_ENDED, ReadyCompletion};
use crate::sqlite::rows::JobRow;
use store_core::sqlite::{Bind, Statement};

/// A job that leaves the queue.
#[derive(Debug, Clone)]
pub(super) struct Finish<'a> {
    pub(super) id: &'a str,
    pub(super) state: JobState,
    /// How the time of the worker ended that holds it.
    pub(super) outcome: Option<AssignmentOutcome>,
    pub(super) result: Option<&'a Admitted>,
    pub(super) error: Option<&'a str>,
    pub(super) cancel_reason: Option<&'a str>,
}

/// The columns of `job_history` that are those of `jobs`.
macro_rules! kept {
    () => {
        "id, queue, kind, payload, run_id, priority, attempt, max_attempts, run_at, unique_key, \
         concurrency_key, timeout_ms, tags, capabilities, depends_on, event_token, event, \
         progress, lease_owner, lease_epoch, leased_at, created_at"
    };
}

const FINISH: &str = concat!(
    "INSERT INTO job_history (",
    kept!(),
    ", state, outcome, result, last_error, assignment_error, cancel_reason, finished_at) SELECT ",
    kept!(),
    ", ?, ?, ?, coalesce(?, last_error), ?, \
     CASE ? WHEN 'cancelled' THEN coalesce(cancel_reason, ?) END, ? FROM jobs WHERE id = ?"
);

/// Moves jobs that nobody waits for to the history.
pub(super) fn job_finish_many(
    conn: &mut SqliteConnection,
    cx: &Context,
    finished: &[Finish<'_>],
) -> Result<()> {
    enum FinishJob {}
    let now = cx.clock.now().to_string();
    for one in finished {
        let binds = vec![
            Bind::Text(one.state.as_str()),
            Bind::MaybeText(one.outcome.map(|outcome| outcome.as_str())),
            Bind::MaybeText(one.result.map(|result| result.text.as_str())),
            Bind::MaybeText(one.error),
            Bind::MaybeText(one.error),
            Bind::Text(one.state.as_str()),
            Bind::MaybeText(one.cancel_reason),
            Bind::Text(&now),
            Bind::Text(one.id),
        ];
        Statement::<FinishJob, ()>::new(FINISH, binds)
            .execute(conn)
            .and_then(|_one| job_remove(conn, one.id))
            .map_err(db_error("job_finish_many"))?;
    }
    Ok(())
}

// parity: PostgreSQL's statements do both.
/// Removes a job that is in the history.
fn job_remove(conn: &mut SqliteConnection, id: &str) -> QueryResult<usize> {
    enum RemoveJob {}
    Statement::<RemoveJob, ()>::new("DELETE FROM jobs WHERE id = ?", vec![Bind::Text(id)])
        .execute(conn)
}

const CLOSE: &str = concat!(
    "INSERT INTO job_history (",
    kept!(),
    ", state, last_error, cancel_reason, finished_at) SELECT ",
    kept!(),
    ", 'cancelled', last_error, coalesce(cancel_reason, ?), ? FROM jobs \
     WHERE run_id = ? AND state <> 'leased'"
);

// parity: PostgreSQL's CLOSE does this as well, and the two after it.
const FORGET: &str = "DELETE FROM job_events WHERE delivered_at IS NULL AND job_id IN \
     (SELECT id FROM jobs WHERE run_id = ? AND state <> 'leased')";

// parity: as above.
const LEAVE: &str = "DELETE FROM jobs WHERE run_id = ? AND state <> 'leased'";

// parity: as above.
const STOP: &str = "UPDATE jobs SET cancel_reason = ? \
     WHERE run_id = ? AND state = 'leased' AND cancel_reason IS NULL";

/// Closes the job of a run that changed: what no worker holds is taken away when the run starts and
/// cancelled when it ends; the worker of another one is asked to stop.
pub(in crate::sqlite) fn run_jobs_close(conn: &mut SqliteConnection, run: &Run) -> Result<()> {
    enum Close {}
    enum Forget {}
    enum Leave {}
    enum Stop {}
    let (id, now) = (run.id.to_string(), run.updated_at.to_string());
    let reason = match run.status {
        RunStatus::Cancelled => run.cancel_reason.as_deref().unwrap_or("its run was cancelled"),
        _ => RUN_ENDED,
    };
    let failed = || db_error("run_jobs_close");
    if run.status.is_finished() {
        let close = vec![Bind::Text(reason), Bind::Text(&now), Bind::Text(&id)];
        Statement::<Close, ()>::new(CLOSE, close).execute(conn).map_err(failed())?;
        let forget = Statement::<Forget, ()>::new(FORGET, vec![Bind::Text(&id)]);
        forget.execute(conn).map_err(failed())?;
        let stop = vec![Bind::Text(reason), Bind::Text(&id)];
        Statement::<Stop, ()>::new(STOP, stop).execute(conn).map_err(failed())?;
    }
    let leave = Statement::<Leave, ()>::new(LEAVE, vec![Bind::Text(&id)]);
    leave.execute(conn).map(drop).map_err(failed())
}

const COMPLETE: &str = concat!(
    "INSERT INTO job_history (",
    kept!(),
    ", state, outcome, result, last_error, finished_at) SELECT ",
    kept!(),
    ", 'succeeded', 'succeeded', ?, last_error, ? FROM jobs WHERE id = ? AND lease_owner = ? \
     AND lease_epoch = ? AND dependents = 0 AND run_id IS NULL"
);

/// Moves jobs that are done to the history, and returns which, with owner and epoch: not those whose
/// lease is lost, that belong to a run, or that others wait for.
pub(super) fn job_complete_plain(
    conn: &mut SqliteConnection,
    cx: &Context,
    done: &[ReadyCompletion],
) -> Result<HashSet<(String, String, i64)>> {
    enum CompleteJob {}
    let now = cx.clock.now().to_string();
    let mut completed = HashSet::new();
    for one in done {
        let id = one.lease.job_id.to_string();
        let binds = vec![
            Bind::MaybeText(one.result.as_ref().map(|result| result.text.as_str())),
            Bind::Text(&now),
            Bind::Text(&id),
            Bind::Text(&one.lease.owner),
            Bind::BigInt(one.lease.epoch),
        ];
        let moved = Statement::<CompleteJob, ()>::new(COMPLETE, binds)
            .execute(conn)
            .map_err(db_error("job_complete_plain"))?;
        if moved > 0 {
            job_remove(conn, &id).map_err(db_error("job_complete_plain"))?;
            completed.insert((id, one.lease.owner.clone(), one.lease.epoch));
        }
    }
    Ok(completed)
}

/// A job that goes back to its queue.
#[derive(Debug)]
pub(super) struct Requeue<'a> {
    pub(super) row: &'a JobRow,
    pub(super) state: JobState,
    pub(super) run_at: Timestamp,
    pub(super) attempt: i32,
    pub(super) outcome: AssignmentOutcome,
    pub(super) error: Option<&'a str>,
    /// The event it waits for, and what that brought already.
    pub(super) wait: Option<(&'a str, Option<&'a Admitted>)>,
}

impl<'a> Requeue<'a> {
    pub(super) fn new(row: &'a JobRow, state: JobState, outcome: AssignmentOutcome) -> Self {
        let (attempt, run_at) = (row.attempt, Timestamp::EPOCH);
        Self { row, state, run_at, attempt, outcome, error: None, wait: None }
    }
}

// parity: PostgreSQL's statement does both.
const KEEP: &str = "INSERT INTO job_assignments \
     (job_id, epoch, worker, started_at, ended_at, outcome, error) \
     SELECT id, lease_epoch, lease_owner, leased_at, ?, ?, ? FROM jobs \
     WHERE id = ? AND lease_owner IS NOT NULL";

const REQUEUE: &str = "UPDATE jobs SET state = ?, run_at = ?, attempt = ?, waits_for = ?, \
     event_token = coalesce(?, event_token), \
     event = CASE WHEN ? IS NULL THEN event ELSE ? END, \
     last_error = coalesce(?, last_error), lease_owner = NULL, lease_expires_at = NULL, \
     leased_at = NULL, updated_at = ? WHERE id = ?";

/// Gives jobs that workers held back to their queues, and keeps who held them.
pub(super) fn job_requeue_many(
    conn: &mut SqliteConnection,
    cx: &Context,
    requeued: &[Requeue<'_>],
) -> Result<()> {
    enum KeepAssignment {}
    enum RequeueJob {}
    let now = cx.clock.now().to_string();
    for one in requeued {
        let keep = vec![
            Bind::Text(&now),
            Bind::Text(one.outcome.as_str()),
            Bind::MaybeText(one.error),
            Bind::Text(&one.row.id),
        ];
        let token = one.wait.map(|(token, _)| token);
        let brought = one.wait.and_then(|(_, event)| event);
        let requeue = vec![
            Bind::Text(one.state.as_str()),
            Bind::String(one.run_at.to_string()),
            Bind::Int(one.attempt),
            Bind::Int(i32::from(one.state == JobState::Blocked)),
            Bind::MaybeText(token),
            Bind::MaybeText(token),
            Bind::MaybeText(brought.map(|event| event.text.as_str())),
            Bind::MaybeText(one.error),
            Bind::Text(&now),
            Bind::Text(&one.row.id),
        ];
        Statement::<KeepAssignment, ()>::new(KEEP, keep)
            .execute(conn)
            .and_then(|_one| Statement::<RequeueJob, ()>::new(REQUEUE, requeue).execute(conn))
            .map_err(db_error("job_requeue_many"))?;
    }
    Ok(())
}
