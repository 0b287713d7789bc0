//! The columns and statements that both raw sides share.

use crate::common::rows::Layout;

/// Four ids, six texts, six JSON values, five instants, three numbers.
pub(crate) const RUN: &str = "id, workflow_id, workflow_version_id, retry_of, \
    status, triggered_by, run_name, error, cancel_reason, idempotency_key, \
    input, runnable_config, tags, callbacks, metadata, output, \
    scheduled_for, created_at, started_at, completed_at, updated_at, \
    CAST(attempt AS BIGINT), record_bytes, row_version";

pub(crate) const RUN_LAYOUT: Layout =
    Layout { ids: 0..4, texts: 4..10, json: 10..16, instants: 16..21, numbers: 21..24 };

/// The columns of a run that is created, in the order in which they are bound.
pub(crate) const NEW_RUN: &str = "id, workflow_id, workflow_version_id, triggered_by, input, \
    runnable_config, tags, callbacks, metadata, scheduled_for, record_bytes, created_at, \
    updated_at, status, attempt";

/// The columns of its job.
pub(crate) const NEW_JOB: &str = "id, run_id, run_at, created_at, updated_at, queue, kind, payload, \
    priority, state, max_attempts, tags, capabilities";

/// What every job begins with, behind the first five columns.
pub(crate) const JOB: &str = "'default', 'run', '{}', 50, 'available', 3, '[]', '[]'";

/// The columns of its audit.
pub(crate) const NEW_AUDIT: &str = "workflow_id, run_id, actor, at, action, metadata";

/// Fetches a run.
pub(crate) fn fetch() -> String {
    format!("SELECT {RUN} FROM workflow_runs WHERE id = $1")
}

/// Lists the runs of a workflow, newest first.
pub(crate) fn list() -> String {
    format!(
        "SELECT {RUN} FROM workflow_runs WHERE workflow_id = $1 \
         ORDER BY created_at DESC, id DESC LIMIT $2"
    )
}

/// Finds the version that a run is of, with its configuration.
pub(crate) const VERSION: &str = "SELECT v.id, v.runnable_config FROM workflow_versions AS v \
    JOIN workflows AS w ON w.id = v.workflow_id AND NOT w.is_archived \
    WHERE v.workflow_id = $1 ORDER BY v.version DESC LIMIT 1";

/// Finds the schedules that may be dispatched, with the version that is to be run.
pub(crate) const DUE: &str = "SELECT t.workflow_id, t.next_at, t.timezone, \
    (SELECT v.id FROM workflow_versions AS v WHERE v.workflow_id = t.workflow_id \
    ORDER BY v.version DESC LIMIT 1) \
    FROM workflow_cron_triggers AS t JOIN workflows AS w ON w.id = t.workflow_id \
    WHERE t.look_at <= $1 AND NOT w.is_archived AND (t.allow_overlapping OR NOT EXISTS (\
    SELECT 1 FROM workflow_runs AS r WHERE r.workflow_id = t.workflow_id \
    AND r.triggered_by = 'cron' AND r.status IN ('pending', 'running'))) \
    ORDER BY t.look_at, t.workflow_id LIMIT $2";

/// Ends the runs that schedules started, so that without overlap they may fire again.
pub(crate) const END_CRON: &str = "DELETE FROM workflow_runs WHERE triggered_by = 'cron'";
