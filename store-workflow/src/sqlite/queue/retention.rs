//! Giving dead jobs back, and deleting finished ones.

use diesel::prelude::*;
use store_core::sqlite::db_error;
use store_core::{Error, JobId, Result, Timestamp, WorkflowId};

use super::events::event_forget;
use super::jobs::{filtered, job_find};
use crate::rules::Context;
use crate::rules::queue::filter::ReadyJobFilter;
use crate::sqlite::schema::{job_assignments, job_events, job_history, jobs, workflow_runs};
use store_core::sqlite::{Bind, Statement};

// parity: PostgreSQL's REDRIVE is one statement.
const BACK: &str = "INSERT INTO jobs (id, queue, kind, payload, priority, state, max_attempts, \
     run_at, unique_key, concurrency_key, timeout_ms, tags, capabilities, depends_on, \
     event_token, event, progress, last_error, lease_epoch, created_at, updated_at) \
     SELECT id, queue, kind, payload, priority, 'available', max_attempts, ?, unique_key, \
     concurrency_key, timeout_ms, tags, capabilities, depends_on, event_token, event, progress, \
     last_error, lease_epoch, created_at, ? FROM job_history WHERE id = ? \
     ON CONFLICT DO NOTHING";

// parity: belongs to BACK.
// What was kept of a job's last assignment in its row here moves to the others.
const KEEP: &str = "INSERT INTO job_assignments \
     (job_id, epoch, worker, started_at, ended_at, outcome, error) \
     SELECT id, lease_epoch, lease_owner, leased_at, finished_at, outcome, assignment_error \
     FROM job_history WHERE id = ? AND lease_owner IS NOT NULL";

/// Gives dead jobs back to their queues, and counts them.
pub(in crate::sqlite) fn job_redrive(
    conn: &mut SqliteConnection,
    cx: &Context,
    filter: &ReadyJobFilter,
    limit: i64,
) -> Result<u32> {
    let mut back = 0;
    // Of those with one unique key the oldest hides the others from the next look.
    while back < limit {
        let ids = job_dead(conn, filter, limit - back)?;
        let given = job_give_back(conn, cx, &ids)?;
        if given == 0 {
            break;
        }
        back += given;
    }
    Ok(u32::try_from(back).unwrap_or(u32::MAX))
}

/// Finds dead jobs whose unique keys no unfinished job has, the oldest first.
fn job_dead(
    conn: &mut SqliteConnection,
    filter: &ReadyJobFilter,
    limit: i64,
) -> Result<Vec<String>> {
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
        .map_err(db_error("job_dead"))
}

/// Moves jobs of the history back to their queues, and counts them.
fn job_give_back(conn: &mut SqliteConnection, cx: &Context, ids: &[String]) -> Result<i64> {
    enum Back {}
    enum KeepLast {}
    let now = cx.clock.now().to_string();
    let mut back = 0;
    for id in ids {
        let values = vec![Bind::Text(&now), Bind::Text(&now), Bind::Text(id)];
        let inserted = Statement::<Back, ()>::new(BACK, values)
            .execute(conn)
            .map_err(db_error("job_give_back"))?;
        if inserted == 0 {
            continue;
        }
        Statement::<KeepLast, ()>::new(KEEP, vec![Bind::Text(id)])
            .execute(conn)
            .and_then(|_| diesel::delete(job_history::table.find(id)).execute(conn))
            .map_err(db_error("job_give_back"))?;
        back += 1;
    }
    Ok(back)
}

/// Deletes a finished job with its history.
pub(in crate::sqlite) fn job_delete(
    conn: &mut SqliteConnection,
    cx: &Context,
    id: JobId,
) -> Result<()> {
    let deleted = history_delete(conn, &[id.to_string()])?;
    if deleted > 0 {
        return Ok(());
    }
    match job_find(conn, cx, id)? {
        None => Err(Error::not_found("job", id)),
        Some(job) => Err(Error::invalid_state("job", id, job.state, "deleted")),
    }
}

/// Deletes the oldest jobs that finished before an instant, and events that old, and counts the
/// jobs.
pub(in crate::sqlite) fn job_prune(
    conn: &mut SqliteConnection,
    finished_before: Timestamp,
    states: &[&'static str],
    batch: i64,
) -> Result<u32> {
    let ids: Vec<String> = job_history::table
        .filter(job_history::finished_at.lt(finished_before.to_string()))
        .filter(job_history::state.eq_any(states))
        .order((job_history::finished_at, job_history::id))
        .limit(batch)
        .select(job_history::id)
        .load(conn)
        .map_err(db_error("job_prune"))?;
    diesel::delete(job_events::table)
        .filter(job_events::delivered_at.lt(finished_before.to_string()))
        .execute(conn)
        .map_err(db_error("job_prune"))?;
    history_delete(conn, &ids)
}

/// Deletes finished jobs with their assignments, and counts them.
fn history_delete(conn: &mut SqliteConnection, ids: &[String]) -> Result<u32> {
    let deleted = diesel::delete(job_history::table)
        .filter(job_history::id.eq_any(ids))
        .execute(conn)
        .map_err(db_error("history_delete"))?;
    // An unfinished job keeps its own.
    let unfinished = jobs::table.filter(jobs::id.eq(job_assignments::job_id));
    diesel::delete(job_assignments::table)
        .filter(job_assignments::job_id.eq_any(ids))
        .filter(diesel::dsl::not(diesel::dsl::exists(unfinished)))
        .execute(conn)
        .map_err(db_error("history_delete"))?;
    Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
}

/// Forgets what is kept beside the jobs of a workflow's runs, before they are deleted with it.
pub(in crate::sqlite) fn workflow_jobs_forget(
    conn: &mut SqliteConnection,
    id: WorkflowId,
) -> Result<()> {
    let of_workflow = jobs::table
        .inner_join(workflow_runs::table)
        .filter(workflow_runs::workflow_id.eq(id.to_string()))
        .select(jobs::id);
    let ids: Vec<String> = of_workflow.load(conn).map_err(db_error("workflow_jobs_forget"))?;
    job_forget_many(conn, &ids)
}

/// Forgets what is kept beside the jobs of runs, before they are deleted with them.
pub(in crate::sqlite) fn run_jobs_forget(
    conn: &mut SqliteConnection,
    runs: &[String],
) -> Result<()> {
    let of_runs = jobs::table
        .filter(jobs::run_id.is_not_null())
        .filter(jobs::run_id.assume_not_null().eq_any(runs))
        .select(jobs::id);
    let ids: Vec<String> = of_runs.load(conn).map_err(db_error("run_jobs_forget"))?;
    job_forget_many(conn, &ids)
}

/// Deletes the assignments of jobs, and what they wait for.
fn job_forget_many(conn: &mut SqliteConnection, ids: &[String]) -> Result<()> {
    for id in ids {
        diesel::delete(job_assignments::table.filter(job_assignments::job_id.eq(id)))
            .execute(conn)
            .map_err(db_error("job_forget_many"))?;
        event_forget(conn, id)?;
    }
    Ok(())
}
