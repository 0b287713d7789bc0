//! The statements of the raw side on PostgreSQL: those the store sends for a lone caller, with
//! plain values where the store has arrays of one.

use crate::rows::{JOB, NEW_AUDIT, NEW_JOB, NEW_RUN, RUN};

/// Creates a run with its job and its audit, in a workflow that is in use.
pub(crate) fn create() -> String {
    let usable = "usable AS (SELECT id FROM workflows WHERE id = $2 AND NOT is_archived FOR SHARE)";
    format!("WITH {usable}, {} SELECT id FROM created", created("usable"))
}

/// Claims an occurrence, creates its run, and moves the schedule on by the hour that lies between
/// its occurrences.
pub(crate) fn fire() -> String {
    format!(
        "WITH claimed AS (\
         INSERT INTO workflow_cron_occurrences (workflow_id, scheduled_for, run_id) \
         VALUES ($2, $10, $1) ON CONFLICT DO NOTHING RETURNING run_id), {}, moved AS (\
         UPDATE workflow_cron_triggers SET next_at = next_at + interval '1 hour', \
         look_at = next_at + interval '1 hour', last_dispatched_at = $10, last_skip_reason = NULL \
         WHERE workflow_id = $2) SELECT id FROM created",
        created("claimed")
    )
}

/// Inserts what belongs to a new run, once for each row of `from`.
fn created(from: &str) -> String {
    format!(
        "created AS (INSERT INTO workflow_runs ({NEW_RUN}) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 'pending', 1 FROM {from} \
         RETURNING id), queued AS (INSERT INTO jobs ({NEW_JOB}) \
         SELECT $13, id, $12, $12, $12, {JOB} FROM created), \
         audited AS (INSERT INTO workflow_audit ({NEW_AUDIT}) \
         SELECT $2, id, $14, $12, 'run_created', '{{}}' FROM created)"
    )
}

/// Changes a run, takes its job out of the queue and audits it. The states it leads from are
/// given, as in the store: by a literal the planner would look for the run among all of one state.
pub(crate) fn change() -> String {
    format!(
        "WITH changed AS (UPDATE workflow_runs SET status = $2, \
         started_at = coalesce($5, started_at), completed_at = $6, output = $7, \
         record_bytes = record_bytes + $8, updated_at = $9, row_version = row_version + 1 \
         WHERE id = $1 AND ((status = 'pending' AND $3) OR (status = 'running' AND $4)) \
         RETURNING *), \
         closed AS (DELETE FROM jobs USING changed \
         WHERE jobs.run_id = changed.id AND jobs.state <> 'leased'), \
         audited AS (INSERT INTO workflow_audit ({NEW_AUDIT}) \
         SELECT workflow_id, id, $10, $9, $11, '{{}}' FROM changed) \
         SELECT {RUN} FROM changed"
    )
}

/// Adds pending runs with their jobs to a workflow.
pub(crate) fn add_runs() -> String {
    format!(
        "WITH input AS (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS input (id, job_id)), \
         created AS (INSERT INTO workflow_runs ({NEW_RUN}) \
         SELECT id, $3, $4, $5, $6, $7, $8, $9, $10, NULL, $11, $12, $12, 'pending', 1 FROM input) \
         INSERT INTO jobs ({NEW_JOB}) SELECT job_id, id, $12, $12, $12, {JOB} FROM input"
    )
}
