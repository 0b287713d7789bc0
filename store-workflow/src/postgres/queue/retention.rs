//! Giving dead jobs back, and deleting finished ones.

use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::postgres::db_error;
use store_core::{Error, JobId, Result, Timestamp, WorkflowId};
use uuid::Uuid;

use super::events::event_forget;
use super::jobs::{filtered, job_find};
use crate::postgres::schema::{job_assignments, job_events, job_history, jobs, workflow_runs};
use crate::rules::Context;
use crate::rules::queue::filter::ReadyJobFilter;
use store_core::postgres::{Bind, Statement};

// parity: one round trip; SQLite has BACK and KEEP.
// What was kept of a job's last assignment in its row here moves to the others.
const REDRIVE: &str = "WITH back AS (\
     INSERT INTO jobs (id, queue, kind, payload, priority, state, max_attempts, run_at, \
     unique_key, concurrency_key, timeout_ms, tags, capabilities, depends_on, event_token, event, \
     progress, last_error, lease_epoch, created_at, updated_at) \
     SELECT id, queue, kind, payload, priority, 'available', max_attempts, ?, unique_key, \
     concurrency_key, timeout_ms, tags, capabilities, depends_on, event_token, event, progress, \
     last_error, lease_epoch, created_at, $1 FROM job_history WHERE id = ANY (?) \
     ORDER BY queue, unique_key, id ON CONFLICT DO NOTHING RETURNING id\
     ), kept AS (\
     INSERT INTO job_assignments (job_id, epoch, worker, started_at, ended_at, outcome, error) \
     SELECT id, lease_epoch, lease_owner, leased_at, finished_at, outcome, assignment_error \
     FROM job_history WHERE id IN (SELECT id FROM back) AND lease_owner IS NOT NULL\
     ), gone AS (\
     DELETE FROM job_history WHERE id IN (SELECT id FROM back)\
     ) SELECT id FROM back";

/// Gives dead jobs back to their queues, and counts them.
pub(in crate::postgres) async fn job_redrive(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    filter: &ReadyJobFilter,
    limit: i64,
) -> Result<u32> {
    let mut back = 0;
    // Of those with one unique key the oldest hides the others from the next look.
    while back < limit {
        let ids = job_dead(conn, filter, limit - back).await?;
        let given = job_give_back(conn, cx, &ids).await?;
        if given == 0 {
            break;
        }
        back += given;
    }
    Ok(u32::try_from(back).unwrap_or(u32::MAX))
}

/// Finds dead jobs whose unique keys no unfinished job has, the oldest first.
async fn job_dead(
    conn: &mut AsyncPgConnection,
    filter: &ReadyJobFilter,
    limit: i64,
) -> Result<Vec<Uuid>> {
    let namesake = jobs::table
        .filter(jobs::queue.eq(job_history::queue))
        .filter(jobs::unique_key.eq(job_history::unique_key));
    filtered!(job_history, filter)
        .filter(job_history::run_id.is_null())
        .filter(diesel::dsl::not(diesel::dsl::exists(namesake)))
        .order(job_history::id)
        .limit(limit)
        .select(job_history::id)
        .load(conn)
        .await
        .map_err(db_error("job_dead"))
}

/// Moves jobs of the history back to their queues, and counts them.
async fn job_give_back(conn: &mut AsyncPgConnection, cx: &Context, ids: &[Uuid]) -> Result<i64> {
    enum Redrive {}
    if ids.is_empty() {
        return Ok(0);
    }
    let now = cx.clock.now().to_datetime();
    let binds = vec![Bind::Instant(Some(now)), Bind::Uuids(ids.to_vec())];
    let back: Vec<Uuid> = Statement::<Redrive, SqlUuid>::new(REDRIVE, binds)
        .load(conn)
        .await
        .map_err(db_error("job_give_back"))?;
    Ok(i64::try_from(back.len()).unwrap_or(i64::MAX))
}

/// Deletes a finished job with its history.
pub(in crate::postgres) async fn job_delete(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    id: JobId,
) -> Result<()> {
    let deleted = history_delete(conn, &[id.as_uuid()]).await?;
    if deleted > 0 {
        return Ok(());
    }
    match job_find(conn, cx, id).await? {
        None => Err(Error::not_found("job", id)),
        Some(job) => Err(Error::invalid_state("job", id, job.state, "deleted")),
    }
}

/// Deletes the oldest jobs that finished before an instant, and events that old, and counts the
/// jobs.
pub(in crate::postgres) async fn job_prune(
    conn: &mut AsyncPgConnection,
    finished_before: Timestamp,
    states: &[&'static str],
    batch: i64,
) -> Result<u32> {
    // Jobs that another process is deleting are left to it.
    let ids: Vec<Uuid> = job_history::table
        .filter(job_history::finished_at.lt(finished_before.to_datetime()))
        .filter(job_history::state.eq_any(states))
        .order((job_history::finished_at, job_history::id))
        .limit(batch)
        .select(job_history::id)
        .for_update()
        .skip_locked()
        .load(conn)
        .await
        .map_err(db_error("job_prune"))?;
    diesel::delete(job_events::table)
        .filter(job_events::delivered_at.lt(finished_before.to_datetime()))
        .execute(conn)
        .await
        .map_err(db_error("job_prune"))?;
    history_delete(conn, &ids).await
}

/// Deletes finished jobs with their assignments, and counts them.
async fn history_delete(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> Result<u32> {
    let deleted: Vec<Uuid> = diesel::delete(job_history::table)
        .filter(job_history::id.eq_any(ids))
        .returning(job_history::id)
        .load(conn)
        .await
        .map_err(db_error("history_delete"))?;
    diesel::delete(job_assignments::table)
        .filter(job_assignments::job_id.eq_any(&deleted))
        .execute(conn)
        .await
        .map_err(db_error("history_delete"))?;
    Ok(u32::try_from(deleted.len()).unwrap_or(u32::MAX))
}

/// Forgets what is kept beside the jobs of a workflow's runs, before they are deleted with it.
pub(in crate::postgres) async fn workflow_jobs_forget(
    conn: &mut AsyncPgConnection,
    id: WorkflowId,
) -> Result<()> {
    let of_workflow = jobs::table
        .inner_join(workflow_runs::table)
        .filter(workflow_runs::workflow_id.eq(id.as_uuid()))
        .select(jobs::id);
    let ids: Vec<Uuid> = of_workflow.load(conn).await.map_err(db_error("workflow_jobs_forget"))?;
    job_forget_many(conn, &ids).await
}

/// Forgets what is kept beside the jobs of runs, before they are deleted with them.
pub(in crate::postgres) async fn run_jobs_forget(
    conn: &mut AsyncPgConnection,
    runs: &[Uuid],
) -> Result<()> {
    let of_runs = jobs::table
        .filter(jobs::run_id.is_not_null())
        .filter(jobs::run_id.assume_not_null().eq_any(runs))
        .select(jobs::id);
    let ids: Vec<Uuid> = of_runs.load(conn).await.map_err(db_error("run_jobs_forget"))?;
    job_forget_many(conn, &ids).await
}

/// Deletes the assignments of jobs, and what they wait for.
async fn job_forget_many(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> Result<()> {
    diesel::delete(job_assignments::table.filter(job_assignments::job_id.eq_any(ids)))
        .execute(conn)
        .await
        .map_err(db_error("job_forget_many"))?;
    event_forget(conn, ids).await
}
