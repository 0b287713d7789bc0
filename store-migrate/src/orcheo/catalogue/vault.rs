//! The vault.

use super::{COPY, Table, none, to};

pub(super) static TEMPLATES: Table = Table {
    name: "credential_templates",
    key: &["id"],
    order: &["id"],
    columns: &[
        to("id", &["vault_templates.id"]),
        none("scope_hint", "made of the payload's scope"),
        none("name", COPY),
        none("provider", COPY),
        to("created_at", &["vault_templates.created_at"]),
        to("updated_at", &["vault_templates.updated_at"]),
        to(
            "payload",
            &[
                "vault_templates.name",
                "vault_templates.provider",
                "vault_templates.description",
                "vault_templates.scopes",
                "vault_templates.workflow_ids",
                "vault_templates.workspace_ids",
                "vault_templates.roles",
                "vault_templates.kind",
                "vault_templates.require_refresh_token",
                "vault_templates.rotation_period_days",
                "vault_templates.expiry_threshold_minutes",
                "vault_issuances.template_id",
                "vault_audit.subject_id",
            ],
        ),
    ],
};

pub(super) static CREDENTIALS: Table = Table {
    name: "credentials",
    key: &["id"],
    order: &["id"],
    columns: &[
        to("id", &["vault_credentials.id", "vault_secrets.credential_id"]),
        none("workflow_id", "made of the payload's scope"),
        none("name", COPY),
        none("provider", COPY),
        to("created_at", &["vault_credentials.created_at"]),
        to("updated_at", &["vault_credentials.updated_at"]),
        to(
            "payload",
            &[
                "vault_credentials.name",
                "vault_credentials.provider",
                "vault_credentials.scopes",
                "vault_credentials.workflow_ids",
                "vault_credentials.workspace_ids",
                "vault_credentials.roles",
                "vault_credentials.kind",
                "vault_credentials.template_id",
                "vault_credentials.health_status",
                "vault_credentials.health_checked_at",
                "vault_credentials.health_failure_reason",
                "vault_credentials.last_rotated_at",
                "vault_credentials.tokens_expire_at",
                "vault_secrets.envelope",
                "vault_audit.subject_id",
            ],
        ),
    ],
};

pub(super) static ALERTS: Table = Table {
    name: "governance_alerts",
    key: &["id"],
    order: &["id"],
    columns: &[
        to("id", &["vault_alerts.id"]),
        none("scope_hint", "made of the payload's scope"),
        none("acknowledged", COPY),
        to("created_at", &["vault_alerts.created_at"]),
        to("updated_at", &["vault_alerts.updated_at"]),
        to(
            "payload",
            &[
                "vault_alerts.workflow_ids",
                "vault_alerts.workspace_ids",
                "vault_alerts.roles",
                "vault_alerts.template_id",
                "vault_alerts.credential_id",
                "vault_alerts.kind",
                "vault_alerts.severity",
                "vault_alerts.message",
                "vault_alerts.acknowledged_at",
                "vault_alerts.acknowledged_by",
            ],
        ),
    ],
};
