//! The tables of Orcheo's SQLite files, as its releases make them.

/// Workflows, triggers and listeners.
pub(crate) const REPOSITORY: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE workflows (id TEXT PRIMARY KEY, handle TEXT, is_archived INTEGER NOT NULL DEFAULT 0,
    payload TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX idx_workflows_handle ON workflows(handle);
CREATE TABLE workflow_versions (id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL,
    version INTEGER NOT NULL, payload TEXT NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, UNIQUE(workflow_id, version));
CREATE TABLE workflow_runs (id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL,
    workflow_version_id TEXT NOT NULL, status TEXT NOT NULL, triggered_by TEXT NOT NULL,
    payload TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE webhook_triggers (workflow_id TEXT PRIMARY KEY, config TEXT NOT NULL);
CREATE TABLE cron_triggers (workflow_id TEXT PRIMARY KEY, config TEXT NOT NULL,
    last_dispatched_at TEXT);
CREATE TABLE retry_policies (workflow_id TEXT PRIMARY KEY, config TEXT NOT NULL);
CREATE TABLE listener_subscriptions (id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL,
    workflow_version_id TEXT NOT NULL, node_name TEXT NOT NULL, platform TEXT NOT NULL,
    bot_identity_key TEXT NOT NULL, status TEXT NOT NULL, assigned_runtime TEXT,
    lease_expires_at TEXT, last_event_at TEXT, last_error TEXT, payload TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE listener_cursors (subscription_id TEXT PRIMARY KEY, payload TEXT NOT NULL,
    updated_at TEXT NOT NULL);
CREATE TABLE listener_dedupe (subscription_id TEXT NOT NULL, dedupe_key TEXT NOT NULL,
    payload TEXT NOT NULL, expires_at TEXT NOT NULL, PRIMARY KEY (subscription_id, dedupe_key));
";

/// The history, in the same file.
pub(crate) const HISTORY: &str = "
CREATE TABLE execution_history (execution_id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL,
    inputs TEXT NOT NULL, runnable_config TEXT NOT NULL DEFAULT '{}',
    tags TEXT NOT NULL DEFAULT '[]', callbacks TEXT NOT NULL DEFAULT '[]',
    metadata TEXT NOT NULL DEFAULT '{}', run_name TEXT, status TEXT NOT NULL,
    started_at TEXT NOT NULL, completed_at TEXT, error TEXT, trace_id TEXT, trace_started_at TEXT,
    trace_completed_at TEXT, trace_last_span_at TEXT);
CREATE TABLE execution_history_steps (execution_id TEXT NOT NULL, step_index INTEGER NOT NULL,
    at TEXT NOT NULL, payload TEXT NOT NULL, PRIMARY KEY (execution_id, step_index),
    FOREIGN KEY (execution_id) REFERENCES execution_history(execution_id) ON DELETE CASCADE);
CREATE TABLE agentensor_checkpoints (id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL,
    config_version INTEGER NOT NULL, runnable_config TEXT NOT NULL, metrics TEXT NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}', artifact_url TEXT, is_best INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL);
";

/// Conversations.
pub(crate) const CHATKIT: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE chat_threads (id TEXT PRIMARY KEY, title TEXT, workflow_id TEXT,
    status_json TEXT NOT NULL, metadata_json TEXT NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL);
CREATE TABLE chat_messages (id TEXT PRIMARY KEY, thread_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL, item_type TEXT, item_json TEXT NOT NULL, created_at TEXT NOT NULL,
    FOREIGN KEY(thread_id) REFERENCES chat_threads(id) ON DELETE CASCADE);
CREATE TABLE chat_attachments (id TEXT PRIMARY KEY, thread_id TEXT, attachment_type TEXT NOT NULL,
    name TEXT NOT NULL, mime_type TEXT NOT NULL, details_json TEXT NOT NULL, storage_path TEXT,
    created_at TEXT NOT NULL,
    FOREIGN KEY(thread_id) REFERENCES chat_threads(id) ON DELETE SET NULL);
";

/// Service tokens.
pub(crate) const TOKENS: &str = "
CREATE TABLE service_tokens (identifier TEXT PRIMARY KEY, secret_hash TEXT NOT NULL, scopes TEXT,
    workspace_ids TEXT, created_at TEXT NOT NULL, created_by TEXT, issued_at TEXT,
    expires_at TEXT, last_used_at TEXT, use_count INTEGER DEFAULT 0, rotation_expires_at TEXT,
    rotated_to TEXT, rotated_from TEXT, revoked_at TEXT, revoked_by TEXT, revocation_reason TEXT,
    allowed_ip_ranges TEXT, rate_limit_override INTEGER,
    FOREIGN KEY (rotated_to) REFERENCES service_tokens(identifier));
CREATE TABLE service_token_audit_log (id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_id TEXT NOT NULL, action TEXT NOT NULL, actor TEXT, ip_address TEXT, user_agent TEXT,
    timestamp TEXT NOT NULL, details TEXT,
    FOREIGN KEY (token_id) REFERENCES service_tokens(identifier));
";

/// The vault.
pub(crate) const VAULT: &str = "
CREATE TABLE credentials (id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL, name TEXT NOT NULL,
    provider TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    payload TEXT NOT NULL);
CREATE TABLE credential_templates (id TEXT PRIMARY KEY, scope_hint TEXT NOT NULL,
    name TEXT NOT NULL, provider TEXT NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, payload TEXT NOT NULL);
CREATE TABLE governance_alerts (id TEXT PRIMARY KEY, scope_hint TEXT NOT NULL,
    acknowledged INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    payload TEXT NOT NULL);
";
