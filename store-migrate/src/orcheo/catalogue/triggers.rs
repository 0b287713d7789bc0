//! What starts runs: webhooks, schedules, retries and listeners.

use super::{COPY, Table, later, none, to};

pub(super) static WEBHOOKS: Table = Table {
    name: "webhook_triggers",
    key: &["workflow_id"],
    order: &["workflow_id"],
    columns: &[
        to("workflow_id", &["workflow_webhooks.workflow_id"]),
        to(
            "config",
            &[
                "workflow_webhooks.config",
                "workflow_webhooks.shared_secret",
                "workflow_webhooks.hmac_secret",
            ],
        ),
    ],
};

pub(super) static CRON: Table = Table {
    name: "cron_triggers",
    key: &["workflow_id"],
    order: &["workflow_id"],
    columns: &[
        to("workflow_id", &["workflow_cron_triggers.workflow_id"]),
        to(
            "config",
            &[
                "workflow_cron_triggers.expression",
                "workflow_cron_triggers.timezone",
                "workflow_cron_triggers.allow_overlapping",
                "workflow_cron_triggers.start_at",
                "workflow_cron_triggers.end_at",
            ],
        ),
        later(
            "last_dispatched_at",
            &[
                "workflow_cron_triggers.last_dispatched_at",
                "workflow_cron_triggers.next_at",
                "workflow_cron_triggers.look_at",
            ],
        ),
    ],
};

pub(super) static RETRIES: Table = Table {
    name: "retry_policies",
    key: &["workflow_id"],
    order: &["workflow_id"],
    columns: &[
        to("workflow_id", &["workflow_retry_policies.workflow_id"]),
        to(
            "config",
            &[
                "workflow_retry_policies.max_attempts",
                "workflow_retry_policies.initial_delay_seconds",
                "workflow_retry_policies.backoff_factor",
                "workflow_retry_policies.max_delay_seconds",
                "workflow_retry_policies.jitter_factor",
            ],
        ),
    ],
};

pub(super) static LISTENERS: Table = Table {
    name: "listener_subscriptions",
    key: &["id"],
    order: &["id"],
    columns: &[
        to("id", &["workflow_listeners.id"]),
        none("workflow_id", COPY),
        none("workflow_version_id", COPY),
        none("node_name", COPY),
        none("platform", COPY),
        none("bot_identity_key", COPY),
        none("status", COPY),
        none("assigned_runtime", COPY),
        none("lease_expires_at", COPY),
        none("last_event_at", COPY),
        none("last_error", COPY),
        to(
            "payload",
            &[
                "workflow_listeners.workflow_id",
                "workflow_listeners.workflow_version_id",
                "workflow_listeners.node_name",
                "workflow_listeners.platform",
                "workflow_listeners.bot_identity",
                "workflow_listeners.config",
                "workflow_listeners.status",
                "workflow_listeners.lease_owner",
                "workflow_listeners.lease_expires_at",
                "workflow_listeners.last_event_at",
                "workflow_listeners.last_error",
                "workflow_listeners.record_bytes",
            ],
        ),
        to("created_at", &["workflow_listeners.created_at"]),
        to("updated_at", &["workflow_listeners.updated_at"]),
    ],
};

pub(super) static CURSORS: Table = Table {
    name: "listener_cursors",
    key: &["subscription_id"],
    order: &["subscription_id"],
    columns: &[
        to("subscription_id", &["workflow_listeners.id"]),
        to("payload", &["workflow_listeners.cursor_state"]),
        to("updated_at", &["workflow_listeners.cursor_updated_at"]),
    ],
};

pub(super) static DEDUPE: Table = Table {
    name: "listener_dedupe",
    key: &["subscription_id", "dedupe_key"],
    order: &["subscription_id", "dedupe_key"],
    columns: &[
        to("subscription_id", &["workflow_listener_events.listener_id"]),
        to("dedupe_key", &["workflow_listener_events.dedupe_key"]),
        none("payload", "a copy of the columns; and when the event came, which nothing asks for"),
        to("expires_at", &["workflow_listener_events.expires_at"]),
    ],
};
