CREATE TABLE workflows (
    id             TEXT NOT NULL,
    name           TEXT NOT NULL,
    handle         TEXT,
    slug           TEXT NOT NULL,
    description    TEXT,
    tags           TEXT NOT NULL,
    is_archived    BOOLEAN NOT NULL DEFAULT 0,
    draft_access   TEXT NOT NULL,
    is_public      BOOLEAN NOT NULL DEFAULT 0,
    published_at   TEXT,
    published_by   TEXT,
    require_login  BOOLEAN NOT NULL DEFAULT 0,
    share_url      TEXT,
    chatkit        TEXT,
    -- Name, handle, slug and description in lower case: what `text` is looked for in.
    search_text    TEXT NOT NULL,
    row_version    BIGINT NOT NULL DEFAULT 1,
    -- The number of the last version: creating one takes its number from here.
    version_count  INTEGER NOT NULL DEFAULT 0,
    -- Bytes of text and JSON in this row: pages end by them.
    record_bytes   BIGINT NOT NULL,
    created_at     TEXT NOT NULL,
    updated_at     TEXT NOT NULL,
    CONSTRAINT pk_workflows PRIMARY KEY (id),
    CONSTRAINT ck_workflows_draft_access
        CHECK (draft_access IN ('personal', 'authenticated', 'workspace')),
    CONSTRAINT ck_workflows_published
        CHECK (is_public = (published_at IS NOT NULL) AND is_public = (published_by IS NOT NULL)
               AND NOT (is_public AND is_archived)),
    CONSTRAINT ck_workflows_counters
        CHECK (row_version >= 1 AND version_count >= 0 AND record_bytes >= 0),
    CONSTRAINT ck_workflows_ids CHECK (length(id) = 36),
    CONSTRAINT ck_workflows_json
        CHECK (json_valid(tags) AND (chatkit IS NULL OR json_valid(chatkit))),
    CONSTRAINT ck_workflows_instants
        CHECK ((published_at IS NULL OR length(published_at) = 32) AND length(created_at) = 32
               AND length(updated_at) = 32),
    CONSTRAINT ck_workflows_flags
        CHECK (is_archived IN (0, 1) AND is_public IN (0, 1) AND require_login IN (0, 1))
);

CREATE INDEX idx_workflows_handle ON workflows (handle, id) WHERE handle IS NOT NULL;

-- Who holds a handle: one active workflow alone, or any number of archived ones. A unique index
-- cannot say that; these counters can, and their row is what racing assignments wait for.
CREATE TABLE workflow_handles (
    handle    TEXT NOT NULL,
    active    INTEGER NOT NULL,
    archived  INTEGER NOT NULL,
    CONSTRAINT pk_workflow_handles PRIMARY KEY (handle),
    CONSTRAINT ck_workflow_handles_taken
        CHECK ((active = 0 AND archived >= 0) OR (active = 1 AND archived = 0))
);

CREATE TABLE workflow_versions (
    id               TEXT NOT NULL,
    workflow_id      TEXT NOT NULL,
    version          INTEGER NOT NULL,
    graph            TEXT NOT NULL,
    mermaid          TEXT,
    metadata         TEXT NOT NULL,
    runnable_config  TEXT,
    notes            TEXT,
    created_by       TEXT NOT NULL,
    checksum         TEXT NOT NULL,
    record_bytes     BIGINT NOT NULL,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL,
    CONSTRAINT pk_workflow_versions PRIMARY KEY (id),
    CONSTRAINT uq_workflow_versions_workflow_id_version UNIQUE (workflow_id, version),
    -- What a run refers to, so that its version is one of its workflow.
    CONSTRAINT uq_workflow_versions_workflow_id_id UNIQUE (workflow_id, id),
    CONSTRAINT fk_workflow_versions_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_versions_checksum CHECK (length(checksum) = 64),
    CONSTRAINT ck_workflow_versions_counters CHECK (version >= 1 AND record_bytes >= 0),
    CONSTRAINT ck_workflow_versions_ids CHECK (length(id) = 36 AND length(workflow_id) = 36),
    CONSTRAINT ck_workflow_versions_json
        CHECK (json_valid(graph) AND json_valid(metadata)
               AND (runnable_config IS NULL OR json_valid(runnable_config))),
    CONSTRAINT ck_workflow_versions_instants
        CHECK (length(created_at) = 32 AND length(updated_at) = 32)
);

CREATE TABLE workflow_runs (
    id                   TEXT NOT NULL,
    workflow_id          TEXT NOT NULL,
    workflow_version_id  TEXT NOT NULL,
    status               TEXT NOT NULL,
    triggered_by         TEXT NOT NULL,
    input                TEXT NOT NULL,
    runnable_config      TEXT NOT NULL,
    tags                 TEXT NOT NULL,
    callbacks            TEXT NOT NULL,
    metadata             TEXT NOT NULL,
    run_name             TEXT,
    output               TEXT,
    error                TEXT,
    cancel_reason        TEXT,
    attempt              INTEGER NOT NULL,
    retry_of             TEXT,
    idempotency_key      TEXT,
    scheduled_for        TEXT,
    -- Bytes of text and JSON in this row: pages end by them.
    record_bytes         BIGINT NOT NULL,
    created_at           TEXT NOT NULL,
    started_at           TEXT,
    completed_at         TEXT,
    updated_at           TEXT NOT NULL,
    row_version          BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT pk_workflow_runs PRIMARY KEY (id),
    CONSTRAINT fk_workflow_runs_workflow_version_id
        FOREIGN KEY (workflow_id, workflow_version_id)
        REFERENCES workflow_versions (workflow_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_runs_status
        CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT ck_workflow_runs_completed
        CHECK ((status IN ('pending', 'running')) = (completed_at IS NULL)),
    CONSTRAINT ck_workflow_runs_counters
        CHECK (attempt >= 1 AND row_version >= 1 AND record_bytes >= 0),
    CONSTRAINT ck_workflow_runs_ids
        CHECK (length(id) = 36 AND length(workflow_id) = 36 AND length(workflow_version_id) = 36
               AND (retry_of IS NULL OR length(retry_of) = 36)),
    CONSTRAINT ck_workflow_runs_json
        CHECK (json_valid(input) AND json_valid(runnable_config) AND json_valid(tags)
               AND json_valid(callbacks) AND json_valid(metadata)
               AND (output IS NULL OR json_valid(output))),
    CONSTRAINT ck_workflow_runs_instants
        CHECK ((scheduled_for IS NULL OR length(scheduled_for) = 32) AND length(created_at) = 32
               AND (started_at IS NULL OR length(started_at) = 32)
               AND (completed_at IS NULL OR length(completed_at) = 32)
               AND length(updated_at) = 32)
);

-- Each key starts one run, and each attempt has one next attempt.
CREATE UNIQUE INDEX uq_workflow_runs_idempotency_key
    ON workflow_runs (workflow_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX uq_workflow_runs_retry_of
    ON workflow_runs (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX idx_workflow_runs_created_at ON workflow_runs (created_at, id);
CREATE INDEX idx_workflow_runs_workflow_id_created_at
    ON workflow_runs (workflow_id, created_at, id);
CREATE INDEX idx_workflow_runs_workflow_version_id
    ON workflow_runs (workflow_id, workflow_version_id);
CREATE INDEX idx_workflow_runs_status_created_at ON workflow_runs (status, created_at, id);
CREATE INDEX idx_workflow_runs_completed_at
    ON workflow_runs (completed_at, id) WHERE completed_at IS NOT NULL;
-- What keeps a schedule without overlap from firing.
CREATE INDEX idx_workflow_runs_active_cron ON workflow_runs (workflow_id)
    WHERE triggered_by = 'cron' AND status IN ('pending', 'running');

-- The queue. What is finished leaves it, so that it stays small.
CREATE TABLE jobs (
    id                TEXT NOT NULL,
    queue             TEXT NOT NULL,
    kind              TEXT NOT NULL,
    payload           TEXT NOT NULL,
    run_id            TEXT,
    priority          SMALLINT NOT NULL,
    state             TEXT NOT NULL,
    attempt           INTEGER NOT NULL DEFAULT 0,
    max_attempts      INTEGER NOT NULL,
    run_at            TEXT NOT NULL,
    unique_key        TEXT,
    concurrency_key   TEXT,
    timeout_ms        BIGINT,
    tags              TEXT NOT NULL,
    capabilities      TEXT NOT NULL,
    depends_on        TEXT NOT NULL DEFAULT '[]',
    -- The jobs and events it waits for, and the jobs that wait for it.
    waits_for         INTEGER NOT NULL DEFAULT 0,
    dependents        INTEGER NOT NULL DEFAULT 0,
    event_token       TEXT,
    event             TEXT,
    progress          TEXT,
    last_error        TEXT,
    cancel_reason     TEXT,
    lease_owner       TEXT,
    lease_epoch       BIGINT NOT NULL DEFAULT 0,
    lease_expires_at  TEXT,
    leased_at         TEXT,
    created_at        TEXT NOT NULL,
    updated_at        TEXT NOT NULL,
    CONSTRAINT pk_jobs PRIMARY KEY (id),
    CONSTRAINT fk_jobs_run_id
        FOREIGN KEY (run_id) REFERENCES workflow_runs (id) ON DELETE CASCADE,
    CONSTRAINT ck_jobs_state CHECK (state IN ('blocked', 'scheduled', 'available', 'leased')),
    CONSTRAINT ck_jobs_lease
        CHECK ((state = 'leased') = (lease_owner IS NOT NULL)
               AND (lease_owner IS NULL) = (lease_expires_at IS NULL)
               AND (lease_owner IS NULL) = (leased_at IS NULL)),
    CONSTRAINT ck_jobs_blocked CHECK ((state = 'blocked') = (waits_for > 0)),
    CONSTRAINT ck_jobs_counters
        CHECK (priority BETWEEN 0 AND 100 AND attempt >= 0 AND max_attempts >= 1
               AND lease_epoch >= 0 AND (timeout_ms IS NULL OR timeout_ms > 0)
               AND waits_for >= 0 AND dependents >= 0),
    CONSTRAINT ck_jobs_ids CHECK (length(id) = 36 AND (run_id IS NULL OR length(run_id) = 36)),
    CONSTRAINT ck_jobs_json
        CHECK (json_valid(payload) AND json_valid(tags) AND json_valid(capabilities)
               AND json_valid(depends_on) AND (event IS NULL OR json_valid(event))
               AND (progress IS NULL OR json_valid(progress))),
    CONSTRAINT ck_jobs_instants
        CHECK (length(run_at) = 32
               AND (lease_expires_at IS NULL OR length(lease_expires_at) = 32)
               AND (leased_at IS NULL OR length(leased_at) = 32)
               AND length(created_at) = 32 AND length(updated_at) = 32)
);

CREATE UNIQUE INDEX uq_jobs_unique_key ON jobs (queue, unique_key) WHERE unique_key IS NOT NULL;
-- Most jobs of a queue may be of no run: those are never looked for by it.
CREATE INDEX idx_jobs_run_id ON jobs (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX idx_jobs_available ON jobs (queue, priority, run_at, id) WHERE state = 'available';
CREATE INDEX idx_jobs_blocked ON jobs (queue, id) WHERE state = 'blocked';
CREATE INDEX idx_jobs_scheduled ON jobs (queue, run_at, id) WHERE state = 'scheduled';
CREATE INDEX idx_jobs_leased ON jobs (lease_expires_at, id) WHERE state = 'leased';
CREATE INDEX idx_jobs_leased_queue ON jobs (queue, concurrency_key) WHERE state = 'leased';

-- Append-only, and without a foreign key: the audit of a workflow outlives it.
CREATE TABLE workflow_audit (
    seq          INTEGER NOT NULL CONSTRAINT pk_workflow_audit PRIMARY KEY AUTOINCREMENT,
    workflow_id  TEXT NOT NULL,
    run_id       TEXT,
    actor        TEXT NOT NULL,
    action       TEXT NOT NULL,
    at           TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    CONSTRAINT ck_workflow_audit_ids
        CHECK (length(workflow_id) = 36 AND (run_id IS NULL OR length(run_id) = 36)),
    CONSTRAINT ck_workflow_audit_json CHECK (json_valid(metadata)),
    CONSTRAINT ck_workflow_audit_instants CHECK (length(at) = 32)
);

CREATE INDEX idx_workflow_audit_workflow_id
    ON workflow_audit (workflow_id, seq) WHERE run_id IS NULL;
CREATE INDEX idx_workflow_audit_run_id ON workflow_audit (run_id, seq) WHERE run_id IS NOT NULL;

CREATE TABLE workflow_cron_triggers (
    workflow_id         TEXT NOT NULL,
    expression          TEXT NOT NULL,
    timezone            TEXT NOT NULL,
    allow_overlapping   BOOLEAN NOT NULL,
    start_at            TEXT,
    end_at              TEXT,
    misfire             TEXT NOT NULL,
    catch_up_max        INTEGER,
    -- The first occurrence that was neither fired nor passed over …
    next_at             TEXT,
    -- … and when to look at it: later than that, when the workflow could not fire.
    look_at             TEXT,
    last_dispatched_at  TEXT,
    last_skip_reason    TEXT,
    created_at          TEXT NOT NULL,
    updated_at          TEXT NOT NULL,
    CONSTRAINT pk_workflow_cron_triggers PRIMARY KEY (workflow_id),
    CONSTRAINT fk_workflow_cron_triggers_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_cron_triggers_misfire
        CHECK (misfire IN ('skip', 'fire_once', 'catch_up')
               AND (misfire = 'catch_up') = (catch_up_max IS NOT NULL)),
    CONSTRAINT ck_workflow_cron_triggers_next CHECK ((next_at IS NULL) = (look_at IS NULL)),
    CONSTRAINT ck_workflow_cron_triggers_ids CHECK (length(workflow_id) = 36),
    CONSTRAINT ck_workflow_cron_triggers_instants
        CHECK ((start_at IS NULL OR length(start_at) = 32)
               AND (end_at IS NULL OR length(end_at) = 32)
               AND (next_at IS NULL OR length(next_at) = 32)
               AND (look_at IS NULL OR length(look_at) = 32)
               AND (last_dispatched_at IS NULL OR length(last_dispatched_at) = 32)
               AND length(created_at) = 32 AND length(updated_at) = 32),
    CONSTRAINT ck_workflow_cron_triggers_flags CHECK (allow_overlapping IN (0, 1))
);

CREATE INDEX idx_workflow_cron_triggers_look_at
    ON workflow_cron_triggers (look_at, workflow_id) WHERE look_at IS NOT NULL;

-- The occurrences that were claimed.
CREATE TABLE workflow_cron_occurrences (
    workflow_id    TEXT NOT NULL,
    scheduled_for  TEXT NOT NULL,
    run_id         TEXT NOT NULL,
    CONSTRAINT pk_workflow_cron_occurrences PRIMARY KEY (workflow_id, scheduled_for),
    CONSTRAINT fk_workflow_cron_occurrences_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_cron_occurrences_ids
        CHECK (length(workflow_id) = 36 AND length(run_id) = 36),
    CONSTRAINT ck_workflow_cron_occurrences_instants CHECK (length(scheduled_for) = 32)
);

CREATE INDEX idx_workflow_cron_occurrences_scheduled_for
    ON workflow_cron_occurrences (scheduled_for);

CREATE TABLE workflow_webhooks (
    workflow_id    TEXT NOT NULL,
    config         TEXT NOT NULL,
    -- Envelopes when `secrets_sealed`, which they are when the store has a key ring.
    shared_secret  BLOB,
    hmac_secret    BLOB,
    secrets_sealed BOOLEAN NOT NULL,
    -- The window of the rate limit that is being counted.
    window_start   TEXT,
    window_count   INTEGER NOT NULL DEFAULT 0,
    created_at     TEXT NOT NULL,
    updated_at     TEXT NOT NULL,
    CONSTRAINT pk_workflow_webhooks PRIMARY KEY (workflow_id),
    CONSTRAINT fk_workflow_webhooks_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_webhooks_counters CHECK (window_count >= 0),
    CONSTRAINT ck_workflow_webhooks_ids CHECK (length(workflow_id) = 36),
    CONSTRAINT ck_workflow_webhooks_json CHECK (json_valid(config)),
    CONSTRAINT ck_workflow_webhooks_instants
        CHECK ((window_start IS NULL OR length(window_start) = 32) AND length(created_at) = 32
               AND length(updated_at) = 32),
    CONSTRAINT ck_workflow_webhooks_flags CHECK (secrets_sealed IN (0, 1))
);

-- Deliveries that were accepted.
CREATE TABLE workflow_webhook_deliveries (
    workflow_id   TEXT NOT NULL,
    delivery_key  TEXT NOT NULL,
    run_id        TEXT NOT NULL,
    expires_at    TEXT,
    CONSTRAINT pk_workflow_webhook_deliveries PRIMARY KEY (workflow_id, delivery_key),
    CONSTRAINT fk_workflow_webhook_deliveries_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflow_webhooks (workflow_id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_webhook_deliveries_ids
        CHECK (length(workflow_id) = 36 AND length(run_id) = 36),
    CONSTRAINT ck_workflow_webhook_deliveries_instants
        CHECK (expires_at IS NULL OR length(expires_at) = 32)
);

CREATE INDEX idx_workflow_webhook_deliveries_expires_at
    ON workflow_webhook_deliveries (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE workflow_manual_policies (
    workflow_id         TEXT NOT NULL,
    label               TEXT,
    allowed_actors      TEXT NOT NULL,
    require_comment     BOOLEAN NOT NULL,
    default_payload     TEXT,
    cooldown_seconds    BIGINT NOT NULL,
    last_dispatched_at  TEXT,
    created_at          TEXT NOT NULL,
    updated_at          TEXT NOT NULL,
    CONSTRAINT pk_workflow_manual_policies PRIMARY KEY (workflow_id),
    CONSTRAINT fk_workflow_manual_policies_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_manual_policies_cooldown CHECK (cooldown_seconds >= 0),
    CONSTRAINT ck_workflow_manual_policies_ids CHECK (length(workflow_id) = 36),
    CONSTRAINT ck_workflow_manual_policies_json
        CHECK (json_valid(allowed_actors)
               AND (default_payload IS NULL OR json_valid(default_payload))),
    CONSTRAINT ck_workflow_manual_policies_instants
        CHECK ((last_dispatched_at IS NULL OR length(last_dispatched_at) = 32)
               AND length(created_at) = 32 AND length(updated_at) = 32),
    CONSTRAINT ck_workflow_manual_policies_flags CHECK (require_comment IN (0, 1))
);

CREATE TABLE workflow_retry_policies (
    workflow_id            TEXT NOT NULL,
    max_attempts           BIGINT NOT NULL,
    initial_delay_seconds  DOUBLE NOT NULL,
    backoff_factor         DOUBLE NOT NULL,
    max_delay_seconds      DOUBLE,
    jitter_factor          DOUBLE NOT NULL,
    created_at             TEXT NOT NULL,
    updated_at             TEXT NOT NULL,
    CONSTRAINT pk_workflow_retry_policies PRIMARY KEY (workflow_id),
    CONSTRAINT fk_workflow_retry_policies_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_retry_policies_bounds
        CHECK (max_attempts >= 1 AND initial_delay_seconds >= 0 AND backoff_factor >= 1
               AND (max_delay_seconds IS NULL OR max_delay_seconds >= 0)
               AND jitter_factor BETWEEN 0 AND 1),
    CONSTRAINT ck_workflow_retry_policies_ids CHECK (length(workflow_id) = 36),
    CONSTRAINT ck_workflow_retry_policies_instants
        CHECK (length(created_at) = 32 AND length(updated_at) = 32)
);

CREATE TABLE workflow_listeners (
    id                   TEXT NOT NULL,
    workflow_id          TEXT NOT NULL,
    workflow_version_id  TEXT NOT NULL,
    node_name            TEXT NOT NULL,
    platform             TEXT NOT NULL,
    bot_identity         TEXT NOT NULL,
    config               TEXT NOT NULL,
    status               TEXT NOT NULL,
    lease_owner          TEXT,
    lease_epoch          BIGINT NOT NULL DEFAULT 0,
    lease_expires_at     TEXT,
    cursor_state         TEXT,
    cursor_updated_at    TEXT,
    last_event_at        TEXT,
    last_error           TEXT,
    record_bytes         BIGINT NOT NULL,
    created_at           TEXT NOT NULL,
    updated_at           TEXT NOT NULL,
    CONSTRAINT pk_workflow_listeners PRIMARY KEY (id),
    CONSTRAINT fk_workflow_listeners_workflow_version_id
        FOREIGN KEY (workflow_id, workflow_version_id)
        REFERENCES workflow_versions (workflow_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_listeners_status
        CHECK (status IN ('active', 'blocked', 'paused', 'error', 'disabled')),
    CONSTRAINT ck_workflow_listeners_lease
        CHECK ((lease_owner IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT ck_workflow_listeners_cursor
        CHECK ((cursor_state IS NULL) = (cursor_updated_at IS NULL)),
    CONSTRAINT ck_workflow_listeners_counters CHECK (lease_epoch >= 0 AND record_bytes >= 0),
    CONSTRAINT ck_workflow_listeners_ids
        CHECK (length(id) = 36 AND length(workflow_id) = 36 AND length(workflow_version_id) = 36),
    CONSTRAINT ck_workflow_listeners_json
        CHECK (json_valid(config) AND (cursor_state IS NULL OR json_valid(cursor_state))),
    CONSTRAINT ck_workflow_listeners_instants
        CHECK ((lease_expires_at IS NULL OR length(lease_expires_at) = 32)
               AND (cursor_updated_at IS NULL OR length(cursor_updated_at) = 32)
               AND (last_event_at IS NULL OR length(last_event_at) = 32)
               AND length(created_at) = 32 AND length(updated_at) = 32)
);

CREATE INDEX idx_workflow_listeners_workflow_id ON workflow_listeners (workflow_id, id);
CREATE INDEX idx_workflow_listeners_workflow_version_id
    ON workflow_listeners (workflow_id, workflow_version_id);

-- Events that were dispatched.
CREATE TABLE workflow_listener_events (
    listener_id  TEXT NOT NULL,
    dedupe_key   TEXT NOT NULL,
    expires_at   TEXT NOT NULL,
    CONSTRAINT pk_workflow_listener_events PRIMARY KEY (listener_id, dedupe_key),
    CONSTRAINT fk_workflow_listener_events_listener_id
        FOREIGN KEY (listener_id) REFERENCES workflow_listeners (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_listener_events_ids CHECK (length(listener_id) = 36),
    CONSTRAINT ck_workflow_listener_events_instants CHECK (length(expires_at) = 32)
);

CREATE INDEX idx_workflow_listener_events_expires_at ON workflow_listener_events (expires_at);
