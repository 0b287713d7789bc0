//! Workflows, their versions and their runs.

use super::{COPY, Column, Table, later, none, to};

const PAYLOAD: &str = "payload";

pub(super) static WORKFLOWS: Table = Table {
    name: "workflows",
    key: &["id"],
    order: &["id"],
    columns: &[
        to("id", &["workflows.id"]),
        later("handle", &["workflows.handle", "workflow_handles.handle"]),
        later("is_archived", &["workflows.is_archived", "workflow_handles.archived"]),
        to(
            PAYLOAD,
            &[
                "workflows.name",
                "workflows.slug",
                "workflows.description",
                "workflows.tags",
                "workflows.draft_access",
                "workflows.is_public",
                "workflows.published_at",
                "workflows.published_by",
                "workflows.require_login",
                "workflows.share_url",
                "workflows.chatkit",
                "workflows.search_text",
                "workflows.record_bytes",
                "workflow_audit.actor",
            ],
        ),
        to("created_at", &["workflows.created_at"]),
        to("updated_at", &["workflows.updated_at"]),
    ],
};

pub(super) static VERSIONS: Table = Table {
    name: "workflow_versions",
    key: &["id"],
    order: &["workflow_id", "version", "id"],
    columns: &[
        to("id", &["workflow_versions.id"]),
        to("workflow_id", &["workflow_versions.workflow_id"]),
        to("version", &["workflow_versions.version", "workflows.version_count"]),
        to(
            PAYLOAD,
            &[
                "workflow_versions.graph",
                "workflow_versions.mermaid",
                "workflow_versions.metadata",
                "workflow_versions.runnable_config",
                "workflow_versions.notes",
                "workflow_versions.created_by",
                "workflow_versions.checksum",
                "workflow_versions.record_bytes",
                "workflow_audit.action",
            ],
        ),
        to("created_at", &["workflow_versions.created_at"]),
        to("updated_at", &["workflow_versions.updated_at"]),
    ],
};

const STATUS: Column = none("status", COPY);

pub(super) static RUNS: Table = Table {
    name: "workflow_runs",
    key: &["id"],
    order: &["created_at", "id"],
    columns: &[
        to("id", &["workflow_runs.id"]),
        to("workflow_id", &["workflow_runs.workflow_id"]),
        to("workflow_version_id", &["workflow_runs.workflow_version_id"]),
        STATUS,
        none("triggered_by", COPY),
        to(
            PAYLOAD,
            &[
                "workflow_runs.status",
                "workflow_runs.triggered_by",
                "workflow_runs.input",
                "workflow_runs.runnable_config",
                "workflow_runs.tags",
                "workflow_runs.callbacks",
                "workflow_runs.metadata",
                "workflow_runs.run_name",
                "workflow_runs.output",
                "workflow_runs.error",
                "workflow_runs.cancel_reason",
                "workflow_runs.started_at",
                "workflow_runs.completed_at",
                "workflow_runs.record_bytes",
                "workflow_audit.run_id",
            ],
        ),
        to("created_at", &["workflow_runs.created_at"]),
        to("updated_at", &["workflow_runs.updated_at"]),
    ],
};
