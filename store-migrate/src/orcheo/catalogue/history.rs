//! The history of executions, and checkpoints of training.

use super::{Table, later, to};

pub(super) static EXECUTIONS: Table = Table {
    name: "execution_history",
    key: &["execution_id"],
    order: &["execution_id"],
    columns: &[
        to("execution_id", &["history_executions.execution_id"]),
        to("workflow_id", &["history_executions.workflow_id"]),
        to("inputs", &["history_executions.inputs"]),
        later("runnable_config", &["history_executions.runnable_config"]),
        later("tags", &["history_executions.tags"]),
        later("callbacks", &["history_executions.callbacks"]),
        later("metadata", &["history_executions.metadata"]),
        later("run_name", &["history_executions.run_name"]),
        to("status", &["history_executions.status"]),
        to("started_at", &["history_executions.started_at"]),
        to("completed_at", &["history_executions.completed_at"]),
        to("error", &["history_executions.error"]),
        later("trace_id", &["history_executions.trace_id"]),
        later("trace_started_at", &["history_executions.trace_started_at"]),
        later("trace_completed_at", &["history_executions.trace_completed_at"]),
        later("trace_last_span_at", &["history_executions.trace_last_span_at"]),
    ],
};

pub(super) static STEPS: Table = Table {
    name: "execution_history_steps",
    key: &["execution_id", "step_index"],
    order: &["execution_id", "step_index"],
    columns: &[
        to("execution_id", &["history_steps.execution_id"]),
        to("step_index", &["history_steps.step_index", "history_executions.step_count"]),
        to("at", &["history_steps.at"]),
        to(
            "payload",
            &[
                "history_steps.payload",
                "history_steps.payload_bytes",
                "history_steps.byte_offset",
                "history_executions.step_bytes",
            ],
        ),
    ],
};

pub(super) static CHECKPOINTS: Table = Table {
    name: "agentensor_checkpoints",
    key: &["id"],
    order: &["workflow_id", "config_version", "id"],
    columns: &[
        to("id", &["agentensor_checkpoints.id"]),
        to("workflow_id", &["agentensor_checkpoints.workflow_id"]),
        to(
            "config_version",
            &["agentensor_checkpoints.config_version", "agentensor_workflows.last_version"],
        ),
        to("runnable_config", &["agentensor_checkpoints.runnable_config"]),
        to("metrics", &["agentensor_checkpoints.metrics", "agentensor_checkpoint_metrics.value"]),
        to("metadata", &["agentensor_checkpoints.metadata"]),
        to("artifact_url", &["agentensor_checkpoints.artifact_url"]),
        to("is_best", &["agentensor_checkpoints.is_best"]),
        to("created_at", &["agentensor_checkpoints.created_at"]),
    ],
};
