//! The statements of the raw side on PostgreSQL: those that the store sends.

use crate::operation::{KIND, LEASE, QUEUE};
use crate::rows::{JOB, KEPT, NEW_JOB};

/// Inserts a job: id, payload, now.
pub(crate) fn enqueue() -> String {
    format!(
        "INSERT INTO jobs ({NEW_JOB}) \
         SELECT $1, '{QUEUE}', '{KIND}', $2, 50, 'available', 10, $3, '[]', '[]', $3, $3 \
         WHERE NOT EXISTS (SELECT 1 FROM job_history WHERE id = $1) \
         ON CONFLICT DO NOTHING RETURNING id"
    )
}

/// Inserts jobs: ids, payloads, now.
pub(crate) fn enqueue_many() -> String {
    format!(
        "WITH asked AS MATERIALIZED (SELECT $1::uuid[] AS ids, $2::jsonb[] AS payloads) \
         INSERT INTO jobs ({NEW_JOB}) \
         SELECT input.id, '{QUEUE}', '{KIND}', input.payload, 50, 'available', 10, $3, '[]', '[]', \
         $3, $3 FROM asked CROSS JOIN unnest(ids, payloads) AS input (id, payload) \
         WHERE NOT EXISTS (SELECT 1 FROM job_history WHERE job_history.id = input.id) \
         ORDER BY input.id ON CONFLICT DO NOTHING RETURNING id"
    )
}

/// Fills the queue outside of what is measured: ids, payload of all.
pub(crate) fn add_jobs() -> String {
    format!(
        "INSERT INTO jobs ({NEW_JOB}) SELECT id, '{QUEUE}', '{KIND}', $2, 50, 'available', 10, \
         clock_timestamp(), '[]', '[]', now(), now() FROM unnest($1::uuid[]) AS input (id)"
    )
}

/// Claims jobs: worker, when runs start, queues, capabilities, limit.
pub(crate) fn claim() -> String {
    format!(
        "WITH input AS (SELECT $1::text, $2::timestamptz), asked AS MATERIALIZED (\
         SELECT $3::text[] AS names, $4::jsonb AS able, $5::bigint AS most), queues AS (\
         SELECT name FROM asked CROSS JOIN unnest(names) AS named (name) \
         WHERE NOT EXISTS (SELECT 1 FROM job_queues WHERE queue = name AND paused)\
         ), candidates AS (\
         SELECT jobs.* FROM queues CROSS JOIN LATERAL (SELECT * FROM (\
         SELECT id, priority, run_at FROM jobs WHERE state = 'available' AND queue = name \
         AND (capabilities = '[]' OR capabilities <@ (SELECT able FROM asked)) \
         ORDER BY priority, run_at, id LIMIT 1000 FOR UPDATE SKIP LOCKED\
         ) AS locked LIMIT (SELECT most FROM asked)) AS jobs\
         ), chosen AS (SELECT id FROM candidates \
         ORDER BY priority, run_at, id LIMIT (SELECT most FROM asked)\
         ), claimed AS (\
         UPDATE jobs SET state = 'leased', attempt = attempt + 1, lease_owner = $1, \
         lease_epoch = lease_epoch + 1, leased_at = clock_timestamp(), \
         lease_expires_at = clock_timestamp() + interval '{LEASE} seconds', \
         updated_at = clock_timestamp() \
         WHERE id = ANY (ARRAY(SELECT id FROM chosen)) RETURNING jobs.*\
         ), started AS (\
         UPDATE workflow_runs AS runs SET status = 'running', started_at = $2, updated_at = $2, \
         row_version = row_version + 1 \
         WHERE runs.id = ANY (ARRAY(SELECT run_id FROM claimed WHERE run_id IS NOT NULL)) \
         AND runs.status = 'pending' RETURNING runs.id, runs.workflow_id\
         ), audited AS (\
         INSERT INTO workflow_audit (workflow_id, run_id, actor, action, at, metadata) \
         SELECT workflow_id, id, $1, 'run_started', $2, '{{}}' FROM started\
         ) SELECT {JOB} FROM claimed"
    )
}

/// Moves jobs to the history: ids, owners, epochs, results.
pub(crate) fn complete() -> String {
    format!(
        "WITH asked AS MATERIALIZED (SELECT $1::uuid[] AS ids, $2::text[] AS owners, \
         $3::bigint[] AS epochs, $4::jsonb[] AS results\
         ), input AS (SELECT input.* FROM asked CROSS JOIN unnest(ids, owners, epochs, results) \
         AS input (job_id, owner, epoch, result)\
         ), gone AS (\
         DELETE FROM jobs USING input WHERE jobs.id = job_id AND jobs.lease_owner = owner \
         AND jobs.lease_epoch = epoch AND jobs.dependents = 0 AND jobs.run_id IS NULL \
         RETURNING jobs.*, input.result\
         ), kept AS (INSERT INTO job_history ({KEPT}, state, outcome, result, last_error, \
         finished_at) SELECT {KEPT}, 'succeeded', 'succeeded', result, last_error, \
         clock_timestamp() FROM gone) SELECT id FROM gone"
    )
}

/// Removes all jobs, finished or not.
pub(crate) const CLEAR: &str = "TRUNCATE jobs, job_history, job_assignments, job_dependencies";

/// Opens a transaction, and a snapshot with it.
pub(crate) const HOLD: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM jobs LIMIT 1";
