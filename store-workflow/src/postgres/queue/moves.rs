//! Moving jobs: to the history, and back to their queues.

use std::collections::HashSet;

use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::json::Admitted;
use store_core::postgres::db_error;
use store_core::queue::{AssignmentOutcome, JobState};
use store_core::{Result, Timestamp};
use uuid::Uuid;

use crate::postgres::rows::{JobRow, JsonText};
use crate::rules::Context;
use crate::rules::queue::ending::ReadyCompletion;
use store_core::postgres::{Bind, Statement};

/// A job that leaves the queue.
#[derive(Debug, Clone)]
pub(super) struct Finish<'a> {
    pub(super) id: Uuid,
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
    "WITH input AS (SELECT * FROM unnest(?, ?, ?, ?, ?, ?) \
     AS input (job_id, new_state, outcome, result, error, reason)\
     ), gone AS (\
     DELETE FROM jobs USING input WHERE jobs.id = job_id RETURNING jobs.*, input.*\
     ) INSERT INTO job_history (",
    kept!(),
    ", state, outcome, result, last_error, assignment_error, cancel_reason, finished_at) SELECT ",
    kept!(),
    ", new_state, outcome, result, coalesce(error, last_error), error, \
     CASE new_state WHEN 'cancelled' THEN coalesce(cancel_reason, reason) END, coalesce(?, clock_timestamp()) FROM gone"
);

/// Moves jobs that nobody waits for to the history.
pub(super) async fn job_finish_many(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    finished: &[Finish<'_>],
) -> Result<()> {
    enum FinishJobs {}
    if finished.is_empty() {
        return Ok(());
    }
    let result = |one: &Finish<'_>| one.result.map(|result| result.text.clone());
    let results: Vec<Option<String>> = finished.iter().map(result).collect();
    let binds = vec![
        Bind::Uuids(finished.iter().map(|one| one.id).collect()),
        Bind::Texts(finished.iter().map(|one| one.state.as_str()).collect()),
        Bind::MaybeTexts(finished.iter().map(|one| one.outcome.map(|o| o.as_str())).collect()),
        Bind::MaybeJsons(results.iter().map(|r| r.as_deref().map(JsonText)).collect()),
        Bind::MaybeTexts(finished.iter().map(|one| one.error).collect()),
        Bind::MaybeTexts(finished.iter().map(|one| one.cancel_reason).collect()),
        Bind::Instant(cx.clock.database_override().map(Timestamp::to_datetime)),
    ];
    Statement::<FinishJobs, ()>::new(FINISH, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("job_finish_many"))
}

// A statement after the one that ended the runs: it has to see what was claimed meanwhile. The
// rows are locked first, so that each is taken for what it is now.
const CLOSE: &str = concat!(
    "WITH ended AS (\
     SELECT id AS ended_id, completed_at AS ended_at, CASE status WHEN 'cancelled' \
     THEN coalesce(cancel_reason, 'its run was cancelled') ELSE 'its run ended without it' END \
     AS reason FROM workflow_runs WHERE id = ANY (?) AND completed_at IS NOT NULL\
     ), held AS (\
     SELECT jobs.id AS held_id, jobs.state AS held_state, reason, ended_at \
     FROM jobs JOIN ended ON run_id = ended_id ORDER BY jobs.id FOR UPDATE OF jobs\
     ), gone AS (\
     DELETE FROM jobs USING held WHERE jobs.id = held_id AND held_state <> 'leased' \
     RETURNING jobs.*, reason, ended_at\
     ), kept AS (INSERT INTO job_history (",
    kept!(),
    ", state, last_error, cancel_reason, finished_at) SELECT ",
    kept!(),
    ", 'cancelled', last_error, coalesce(cancel_reason, reason), ended_at FROM gone\
     ), forgotten AS (\
     DELETE FROM job_events USING gone \
     WHERE job_events.job_id = gone.id AND job_events.delivered_at IS NULL\
     ) UPDATE jobs SET cancel_reason = reason FROM held \
     WHERE jobs.id = held_id AND held_state = 'leased' AND jobs.cancel_reason IS NULL"
);

/// Closes the jobs of runs that ended: what no worker holds is cancelled, the other workers are
/// asked to stop.
pub(in crate::postgres) async fn run_jobs_close(
    conn: &mut AsyncPgConnection,
    runs: Vec<Uuid>,
) -> Result<()> {
    enum CloseJobs {}
    if runs.is_empty() {
        return Ok(());
    }
    Statement::<CloseJobs, ()>::new(CLOSE, vec![Bind::Uuids(runs)])
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("run_jobs_close"))
}

const COMPLETE: &str = concat!(
    "WITH input AS (SELECT * FROM unnest(?, ?, ?, ?) AS input (job_id, owner, epoch, result)\
     ), gone AS (\
     DELETE FROM jobs USING input WHERE jobs.id = job_id AND jobs.lease_owner = owner \
     AND jobs.lease_epoch = epoch AND jobs.dependents = 0 AND jobs.run_id IS NULL \
     RETURNING jobs.*, input.result\
     ), kept AS (INSERT INTO job_history (",
    kept!(),
    ", state, outcome, result, last_error, finished_at) SELECT ",
    kept!(),
    ", 'succeeded', 'succeeded', result, last_error, coalesce(?, clock_timestamp()) FROM gone\
     ) SELECT id, lease_owner, lease_epoch FROM gone"
);

/// Moves jobs that are done to the history, and returns which, with owner and epoch: not those whose
/// lease is lost, that belong to a run, or that others wait for.
pub(super) async fn job_complete_plain(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    done: &[ReadyCompletion],
) -> Result<HashSet<(Uuid, String, i64)>> {
    enum CompleteJobs {}
    let binds = vec![
        Bind::Uuids(done.iter().map(|one| one.lease.job_id.as_uuid()).collect()),
        Bind::Texts(done.iter().map(|one| one.lease.owner.as_str()).collect()),
        Bind::BigInts(done.iter().map(|one| one.lease.epoch).collect()),
        Bind::MaybeJsons(
            done.iter().map(|one| one.result.as_ref().map(|r| JsonText(&r.text))).collect(),
        ),
        Bind::Instant(cx.clock.database_override().map(Timestamp::to_datetime)),
    ];
    type Columns = (SqlUuid, Nullable<Text>, BigInt);
    let completed: Vec<(Uuid, Option<String>, i64)> =
        Statement::<CompleteJobs, Columns>::new(COMPLETE, binds)
            .load(conn)
            .await
            .map_err(db_error("job_complete_plain"))?;
    Ok(completed.into_iter().filter_map(|(id, owner, epoch)| Some((id, owner?, epoch))).collect())
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

const REQUEUE: &str = "WITH input AS (SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?) \
     AS input (job_id, new_state, new_run_at, new_attempt, outcome, error, token, brought)\
     ), kept AS (\
     INSERT INTO job_assignments (job_id, epoch, worker, started_at, ended_at, outcome, error) \
     SELECT id, lease_epoch, lease_owner, leased_at, coalesce(?, clock_timestamp()), outcome, error \
     FROM jobs JOIN input ON job_id = id WHERE lease_owner IS NOT NULL\
     ) UPDATE jobs SET state = new_state, run_at = new_run_at, attempt = new_attempt, \
     waits_for = CASE new_state WHEN 'blocked' THEN 1 ELSE 0 END, \
     event_token = coalesce(token, event_token), \
     event = CASE WHEN token IS NULL THEN event ELSE brought END, \
     last_error = coalesce(error, last_error), lease_owner = NULL, lease_expires_at = NULL, \
     leased_at = NULL, updated_at = coalesce($9, clock_timestamp()) \
     FROM input WHERE id = job_id";

/// Gives jobs that workers held back to their queues, and keeps who held them.
pub(super) async fn job_requeue_many(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    requeued: &[Requeue<'_>],
) -> Result<()> {
    enum RequeueJobs {}
    if requeued.is_empty() {
        return Ok(());
    }
    let brought = |one: &Requeue<'_>| one.wait.and_then(|(_, event)| Some(event?.text.clone()));
    let brought: Vec<Option<String>> = requeued.iter().map(brought).collect();
    let binds = vec![
        Bind::Uuids(requeued.iter().map(|one| one.row.id).collect()),
        Bind::Texts(requeued.iter().map(|one| one.state.as_str()).collect()),
        Bind::Instants(requeued.iter().map(|one| one.run_at.to_datetime()).collect()),
        Bind::Ints(requeued.iter().map(|one| one.attempt).collect()),
        Bind::Texts(requeued.iter().map(|one| one.outcome.as_str()).collect()),
        Bind::MaybeTexts(requeued.iter().map(|one| one.error).collect()),
        Bind::MaybeTexts(requeued.iter().map(|one| one.wait.map(|(token, _)| token)).collect()),
        Bind::MaybeJsons(brought.iter().map(|b| b.as_deref().map(JsonText)).collect()),
        Bind::Instant(cx.clock.database_override().map(Timestamp::to_datetime)),
    ];
    Statement::<RequeueJobs, ()>::new(REQUEUE, binds)
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("job_requeue_many"))
}
