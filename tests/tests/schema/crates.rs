//! The crates that have tables, and what the tests of their schemas have to know.

use store_core::migrations::Schema;

use crate::columns::{self, Column};

/// A crate with tables of its own.
pub(crate) struct Crate {
    /// The schema on SQLite.
    #[cfg(feature = "sqlite")]
    pub(crate) sqlite: &'static Schema,
    /// The schema on PostgreSQL.
    #[cfg(feature = "postgres")]
    pub(crate) postgres: &'static Schema,
    /// Its migrations, in order.
    pub(crate) migrations: &'static [&'static str],
    /// The directory of its migrations.
    pub(crate) directory: &'static str,
    /// Its `schema.rs` on SQLite and on PostgreSQL.
    pub(crate) code: [&'static str; 2],
    /// Its tables, in order of name, without the journal.
    pub(crate) tables: &'static [&'static str],
    /// Columns that it has on SQLite alone: table and column. The migration says why.
    pub(crate) only_sqlite: &'static [(&'static str, &'static str)],
    /// How many foreign keys it has.
    pub(crate) foreign_keys: usize,
    /// Text by which its listings are ordered, or totals: table and column.
    #[cfg(feature = "postgres")]
    pub(crate) ordered: &'static [(&'static str, &'static str)],
}

pub(crate) static CHATKIT: Crate = Crate {
    #[cfg(feature = "sqlite")]
    sqlite: &store_chatkit::sqlite::SCHEMA,
    #[cfg(feature = "postgres")]
    postgres: &store_chatkit::postgres::SCHEMA,
    migrations: &["2026-11-21-000015_create_chatkit", "2026-11-30-000015_add_item_owner"],
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/../store-chatkit/migrations"),
    code: [
        include_str!("../../../store-chatkit/src/sqlite/schema.rs"),
        include_str!("../../../store-chatkit/src/postgres/schema.rs"),
    ],
    tables: &["chatkit_attachments", "chatkit_files", "chatkit_items", "chatkit_threads"],
    only_sqlite: &[("chatkit_items", "item_key")],
    foreign_keys: 3,
    #[cfg(feature = "postgres")]
    ordered: &[
        ("chatkit_attachments", "attachment_id"),
        ("chatkit_attachments", "thread_id"),
        ("chatkit_files", "attachment_id"),
        ("chatkit_files", "storage_path"),
        ("chatkit_items", "item_id"),
        ("chatkit_items", "owner"),
        ("chatkit_items", "thread_id"),
        ("chatkit_threads", "owner"),
        ("chatkit_threads", "thread_id"),
        ("chatkit_threads", "workflow_id"),
    ],
};

pub(crate) static CHECKPOINTS: Crate = Crate {
    #[cfg(feature = "sqlite")]
    sqlite: &store_checkpoints::sqlite::SCHEMA,
    #[cfg(feature = "postgres")]
    postgres: &store_checkpoints::postgres::SCHEMA,
    migrations: &["2026-11-21-000014_create_checkpoints", "2026-11-21-000024_create_graph_state"],
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/../store-checkpoints/migrations"),
    code: [
        include_str!("../../../store-checkpoints/src/sqlite/schema.rs"),
        include_str!("../../../store-checkpoints/src/postgres/schema.rs"),
    ],
    tables: &[
        "agentensor_checkpoint_metrics",
        "agentensor_checkpoints",
        "agentensor_workflows",
        "graph_blobs",
        "graph_checkpoints",
        "graph_threads",
        "graph_values",
        "graph_writes",
    ],
    only_sqlite: &[],
    foreign_keys: 9,
    #[cfg(feature = "postgres")]
    ordered: &[
        ("agentensor_workflows", "workflow_id"),
        ("agentensor_checkpoints", "workflow_id"),
        ("agentensor_checkpoint_metrics", "path"),
        ("agentensor_checkpoint_metrics", "workflow_id"),
        ("graph_checkpoints", "checkpoint_ns"),
        ("graph_writes", "task_path"),
        ("graph_writes", "task_id"),
    ],
};

pub(crate) static HISTORY: Crate = Crate {
    #[cfg(feature = "sqlite")]
    sqlite: &store_history::sqlite::SCHEMA,
    #[cfg(feature = "postgres")]
    postgres: &store_history::postgres::SCHEMA,
    migrations: &["2026-11-21-000012_create_history"],
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/../store-history/migrations"),
    code: [
        include_str!("../../../store-history/src/sqlite/schema.rs"),
        include_str!("../../../store-history/src/postgres/schema.rs"),
    ],
    tables: &["history_executions", "history_results", "history_steps", "history_tasks"],
    only_sqlite: &[],
    foreign_keys: 3,
    #[cfg(feature = "postgres")]
    ordered: &[
        ("history_executions", "execution_id"),
        ("history_steps", "execution_id"),
        ("history_tasks", "task_id"),
        ("history_results", "task_id"),
        ("history_results", "result_key"),
        ("history_executions", "workflow_id"),
        ("history_executions", "status"),
    ],
};

pub(crate) static WORKFLOW: Crate = Crate {
    #[cfg(feature = "sqlite")]
    sqlite: &store_workflow::sqlite::SCHEMA,
    #[cfg(feature = "postgres")]
    postgres: &store_workflow::postgres::SCHEMA,
    migrations: &["2026-11-21-000021_create_workflows", "2026-11-21-000031_create_job_queue"],
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/../store-workflow/migrations"),
    code: [
        include_str!("../../../store-workflow/src/sqlite/schema.rs"),
        include_str!("../../../store-workflow/src/postgres/schema.rs"),
    ],
    tables: &[
        "job_assignments",
        "job_dependencies",
        "job_events",
        "job_history",
        "job_queues",
        "job_workers",
        "jobs",
        "workflow_audit",
        "workflow_counters",
        "workflow_cron_occurrences",
        "workflow_cron_triggers",
        "workflow_handles",
        "workflow_listener_events",
        "workflow_listeners",
        "workflow_locks",
        "workflow_manual_policies",
        "workflow_retry_policies",
        "workflow_runs",
        "workflow_versions",
        "workflow_webhook_deliveries",
        "workflow_webhooks",
        "workflows",
    ],
    only_sqlite: &[],
    foreign_keys: 13,
    #[cfg(feature = "postgres")]
    ordered: &[
        ("workflow_handles", "handle"),
        ("workflow_runs", "status"),
        ("workflow_runs", "triggered_by"),
        ("workflow_runs", "idempotency_key"),
        ("jobs", "queue"),
        ("jobs", "unique_key"),
        ("job_events", "token"),
        ("job_history", "queue"),
        ("job_queues", "queue"),
        ("job_workers", "id"),
        ("workflow_counters", "name"),
        ("workflow_locks", "name"),
        ("workflow_listener_events", "dedupe_key"),
        ("workflow_webhook_deliveries", "delivery_key"),
    ],
};

pub(crate) static TOKENS: Crate = Crate {
    #[cfg(feature = "sqlite")]
    sqlite: &store_tokens::sqlite::SCHEMA,
    #[cfg(feature = "postgres")]
    postgres: &store_tokens::postgres::SCHEMA,
    migrations: &["2026-11-21-000013_create_tokens"],
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/../store-tokens/migrations"),
    code: [
        include_str!("../../../store-tokens/src/sqlite/schema.rs"),
        include_str!("../../../store-tokens/src/postgres/schema.rs"),
    ],
    tables: &[
        "service_token_audit",
        "service_token_audit_heads",
        "service_token_windows",
        "service_tokens",
    ],
    only_sqlite: &[],
    foreign_keys: 1,
    #[cfg(feature = "postgres")]
    ordered: &[
        ("service_tokens", "identifier"),
        ("service_tokens", "family"),
        ("service_token_audit", "identifier"),
    ],
};

pub(crate) static VAULT: Crate = Crate {
    #[cfg(feature = "sqlite")]
    sqlite: &store_vault::sqlite::SCHEMA,
    #[cfg(feature = "postgres")]
    postgres: &store_vault::postgres::SCHEMA,
    migrations: &["2026-11-21-000016_create_vault"],
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/../store-vault/migrations"),
    code: [
        include_str!("../../../store-vault/src/sqlite/schema.rs"),
        include_str!("../../../store-vault/src/postgres/schema.rs"),
    ],
    tables: &[
        "vault_alerts",
        "vault_audit",
        "vault_audit_heads",
        "vault_credentials",
        "vault_issuances",
        "vault_keys",
        "vault_secrets",
        "vault_templates",
    ],
    only_sqlite: &[],
    foreign_keys: 8,
    #[cfg(feature = "postgres")]
    ordered: &[("vault_keys", "key_id"), ("vault_secrets", "field")],
};

/// All of them. They share a database, as they do in an application.
pub(crate) static ALL: [&Crate; 6] = [&CHATKIT, &CHECKPOINTS, &HISTORY, &TOKENS, &VAULT, &WORKFLOW];

impl Crate {
    /// Its columns as the code for one backend states them, by table.
    pub(crate) fn columns(&self, sqlite: bool) -> Vec<(String, Vec<Column>)> {
        columns::parse(self.code[usize::from(!sqlite)])
    }

    /// The name of its journal.
    pub(crate) fn journal(&self) -> &'static str {
        #[cfg(feature = "sqlite")]
        return self.sqlite.journal;
        #[cfg(not(feature = "sqlite"))]
        return self.postgres.journal;
    }
}
