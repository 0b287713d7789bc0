//! The columns that both raw sides share.

use crate::common::rows::Layout;

/// Two ids, nine texts, six JSON values, five instants, seven numbers.
pub(crate) const JOB: &str = "id, run_id, \
    queue, kind, state, unique_key, concurrency_key, event_token, last_error, cancel_reason, \
    lease_owner, payload, tags, capabilities, depends_on, event, progress, \
    run_at, lease_expires_at, leased_at, created_at, updated_at, \
    CAST(priority AS BIGINT), CAST(attempt AS BIGINT), CAST(max_attempts AS BIGINT), timeout_ms, \
    CAST(waits_for AS BIGINT), CAST(dependents AS BIGINT), lease_epoch";

pub(crate) const JOB_LAYOUT: Layout =
    Layout { ids: 0..2, texts: 2..11, json: 11..17, instants: 17..22, numbers: 22..29 };

/// Where the epoch of the lease is among them.
pub(crate) const EPOCH: usize = 28;

/// The columns of a job that is enqueued.
pub(crate) const NEW_JOB: &str = "id, queue, kind, payload, priority, state, max_attempts, run_at, \
    tags, capabilities, created_at, updated_at";

/// The columns of `job_history` that are those of `jobs`.
pub(crate) const KEPT: &str = "id, queue, kind, payload, run_id, priority, attempt, max_attempts, \
    run_at, unique_key, concurrency_key, timeout_ms, tags, capabilities, depends_on, event_token, \
    event, progress, lease_owner, lease_epoch, leased_at, created_at";
