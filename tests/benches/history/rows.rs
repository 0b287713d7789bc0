//! The columns and statements of both raw sides.

use crate::common::rows::Layout;

/// Six texts, five JSON values, six instants, six numbers.
pub(crate) const EXECUTION: &str = "execution_id, workflow_id, run_name, status, error, trace_id, \
    inputs, runnable_config, tags, callbacks, metadata, \
    started_at, completed_at, trace_started_at, trace_completed_at, trace_last_span_at, updated_at, \
    step_count, step_bytes, input_tokens, output_tokens, cost_micros, record_bytes";

/// Four texts, a JSON value, an instant, six numbers.
pub(crate) const STEP: &str = "execution_id, kind, name, idempotency_key, payload, at, \
    step_index, payload_bytes, byte_offset, input_tokens, output_tokens, cost_micros";

pub(crate) const EXECUTION_LAYOUT: Layout =
    Layout { ids: 0..0, texts: 0..6, json: 6..11, instants: 11..17, numbers: 17..23 };
pub(crate) const STEP_LAYOUT: Layout =
    Layout { ids: 0..0, texts: 0..4, json: 4..5, instants: 5..6, numbers: 6..12 };

/// Fetches an execution.
pub(crate) fn fetch() -> String {
    format!("SELECT {EXECUTION} FROM history_executions WHERE execution_id = $1")
}

/// Lists executions, newest first; one more than the page, to know whether there are more.
pub(crate) fn list() -> String {
    format!(
        "SELECT {EXECUTION} FROM history_executions \
         ORDER BY started_at DESC, execution_id DESC LIMIT $1"
    )
}

/// Lists the steps of an execution after an index.
pub(crate) fn page() -> String {
    format!(
        "SELECT {STEP} FROM history_steps WHERE execution_id = $1 AND step_index > $2 \
         ORDER BY step_index LIMIT $3"
    )
}

/// Lists the steps of the executions that `condition` names.
pub(crate) fn steps_of(condition: &str) -> String {
    format!("SELECT {STEP} FROM history_steps WHERE {condition} ORDER BY execution_id, step_index")
}

/// Starts an execution.
pub(crate) const START: &str = "INSERT INTO history_executions (execution_id, workflow_id, inputs, \
    runnable_config, tags, callbacks, metadata, status, started_at, trace_started_at, \
    trace_last_span_at, record_bytes, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8, $8, $8, $9, $8)";
