CREATE TABLE workflows (
    id             UUID   NOT NULL,
    name           TEXT   NOT NULL,
    handle         TEXT COLLATE "C",
    slug           TEXT   NOT NULL,
    description    TEXT,
    tags           JSONB  NOT NULL,
    is_archived    BOOLEAN NOT NULL DEFAULT FALSE,
    draft_access   TEXT COLLATE "C" NOT NULL,
    is_public      BOOLEAN NOT NULL DEFAULT FALSE,
    published_at   TIMESTAMPTZ,
    published_by   TEXT,
    require_login  BOOLEAN NOT NULL DEFAULT FALSE,
    share_url      TEXT,
    chatkit        JSONB,
    -- Name, handle, slug and description in lower case: what `text` is looked for in.
    search_text    TEXT   NOT NULL,
    row_version    BIGINT NOT NULL DEFAULT 1,
    -- The number of the last version: creating one takes its number from here.
    version_count  INTEGER NOT NULL DEFAULT 0,
    -- Bytes of text and JSON in this row: pages end by them.
    record_bytes   BIGINT NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_workflows PRIMARY KEY (id),
    CONSTRAINT ck_workflows_draft_access
        CHECK (draft_access IN ('personal', 'authenticated', 'workspace')),
    CONSTRAINT ck_workflows_published
        CHECK (is_public = (published_at IS NOT NULL) AND is_public = (published_by IS NOT NULL)
               AND NOT (is_public AND is_archived)),
    CONSTRAINT ck_workflows_counters
        CHECK (row_version >= 1 AND version_count >= 0 AND record_bytes >= 0)
);

CREATE INDEX idx_workflows_handle ON workflows (handle, id) WHERE handle IS NOT NULL;

-- Who holds a handle: one active workflow alone, or any number of archived ones. A unique index
-- cannot say that; these counters can, and their row is what racing assignments wait for.
CREATE TABLE workflow_handles (
    handle    TEXT COLLATE "C" NOT NULL,
    active    INTEGER NOT NULL,
    archived  INTEGER NOT NULL,
    CONSTRAINT pk_workflow_handles PRIMARY KEY (handle),
    CONSTRAINT ck_workflow_handles_taken
        CHECK ((active = 0 AND archived >= 0) OR (active = 1 AND archived = 0))
);

CREATE TABLE workflow_versions (
    id               UUID   NOT NULL,
    workflow_id      UUID   NOT NULL,
    version          INTEGER NOT NULL,
    graph            JSONB  NOT NULL,
    mermaid          TEXT,
    metadata         JSONB  NOT NULL,
    runnable_config  JSONB,
    notes            TEXT,
    created_by       TEXT   NOT NULL,
    checksum         TEXT   NOT NULL,
    record_bytes     BIGINT NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_workflow_versions PRIMARY KEY (id),
    CONSTRAINT uq_workflow_versions_workflow_id_version UNIQUE (workflow_id, version),
    -- What a run refers to, so that its version is one of its workflow.
    CONSTRAINT uq_workflow_versions_workflow_id_id UNIQUE (workflow_id, id),
    CONSTRAINT fk_workflow_versions_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_versions_checksum CHECK (length(checksum) = 64),
    CONSTRAINT ck_workflow_versions_counters CHECK (version >= 1 AND record_bytes >= 0)
);

CREATE TABLE workflow_runs (
    id                   UUID   NOT NULL,
    workflow_id          UUID   NOT NULL,
    workflow_version_id  UUID   NOT NULL,
    status               TEXT COLLATE "C" NOT NULL,
    triggered_by         TEXT COLLATE "C" NOT NULL,
    input                JSONB  NOT NULL,
    runnable_config      JSONB  NOT NULL,
    tags                 JSONB  NOT NULL,
    callbacks            JSONB  NOT NULL,
    metadata             JSONB  NOT NULL,
    run_name             TEXT,
    output               JSONB,
    error                TEXT,
    cancel_reason        TEXT,
    attempt              INTEGER NOT NULL,
    retry_of             UUID,
    idempotency_key      TEXT COLLATE "C",
    scheduled_for        TIMESTAMPTZ,
    -- Bytes of text and JSON in this row: pages end by them.
    record_bytes         BIGINT NOT NULL,
    created_at           TIMESTAMPTZ NOT NULL,
    started_at           TIMESTAMPTZ,
    completed_at         TIMESTAMPTZ,
    updated_at           TIMESTAMPTZ NOT NULL,
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
        CHECK (attempt >= 1 AND row_version >= 1 AND record_bytes >= 0)
-- A run is updated two or three times: with room in its page the new version needs no index entry.
) WITH (fillfactor = 70);

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
-- Only here: SQLite filters tags row by row.
CREATE INDEX idx_workflow_runs_tags ON workflow_runs USING gin (tags jsonb_path_ops);

-- The queue. What is finished leaves it, so that it stays small.
CREATE TABLE jobs (
    id                UUID   NOT NULL,
    queue             TEXT COLLATE "C" NOT NULL,
    kind              TEXT COLLATE "C" NOT NULL,
    payload           JSONB  NOT NULL,
    run_id            UUID,
    priority          SMALLINT NOT NULL,
    state             TEXT COLLATE "C" NOT NULL,
    attempt           INTEGER NOT NULL DEFAULT 0,
    max_attempts      INTEGER NOT NULL,
    run_at            TIMESTAMPTZ NOT NULL,
    unique_key        TEXT COLLATE "C",
    concurrency_key   TEXT COLLATE "C",
    timeout_ms        BIGINT,
    tags              JSONB  NOT NULL,
    capabilities      JSONB  NOT NULL,
    depends_on        JSONB  NOT NULL DEFAULT '[]',
    -- The jobs and events it waits for, and the jobs that wait for it.
    waits_for         INTEGER NOT NULL DEFAULT 0,
    dependents        INTEGER NOT NULL DEFAULT 0,
    event_token       TEXT COLLATE "C",
    event             JSONB,
    progress          JSONB,
    last_error        TEXT,
    cancel_reason     TEXT,
    lease_owner       TEXT COLLATE "C",
    lease_epoch       BIGINT NOT NULL DEFAULT 0,
    lease_expires_at  TIMESTAMPTZ,
    leased_at         TIMESTAMPTZ,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
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
               AND waits_for >= 0 AND dependents >= 0)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01,
        autovacuum_vacuum_threshold = 1000);

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
    seq          BIGINT GENERATED BY DEFAULT AS IDENTITY,
    workflow_id  UUID   NOT NULL,
    run_id       UUID,
    actor        TEXT   NOT NULL,
    action       TEXT COLLATE "C" NOT NULL,
    at           TIMESTAMPTZ NOT NULL,
    metadata     JSONB  NOT NULL,
    CONSTRAINT pk_workflow_audit PRIMARY KEY (seq)
);

CREATE INDEX idx_workflow_audit_workflow_id
    ON workflow_audit (workflow_id, seq) WHERE run_id IS NULL;
CREATE INDEX idx_workflow_audit_run_id ON workflow_audit (run_id, seq) WHERE run_id IS NOT NULL;

CREATE TABLE workflow_cron_triggers (
    workflow_id         UUID   NOT NULL,
    expression          TEXT   NOT NULL,
    timezone            TEXT   NOT NULL,
    allow_overlapping   BOOLEAN NOT NULL,
    start_at            TIMESTAMPTZ,
    end_at              TIMESTAMPTZ,
    misfire             TEXT COLLATE "C" NOT NULL,
    catch_up_max        INTEGER,
    -- The first occurrence that was neither fired nor passed over …
    next_at             TIMESTAMPTZ,
    -- … and when to look at it: later than that, when the workflow could not fire.
    look_at             TIMESTAMPTZ,
    last_dispatched_at  TIMESTAMPTZ,
    last_skip_reason    TEXT,
    created_at          TIMESTAMPTZ NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_workflow_cron_triggers PRIMARY KEY (workflow_id),
    CONSTRAINT fk_workflow_cron_triggers_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_cron_triggers_misfire
        CHECK (misfire IN ('skip', 'fire_once', 'catch_up')
               AND (misfire = 'catch_up') = (catch_up_max IS NOT NULL)),
    CONSTRAINT ck_workflow_cron_triggers_next CHECK ((next_at IS NULL) = (look_at IS NULL))
);

CREATE INDEX idx_workflow_cron_triggers_look_at
    ON workflow_cron_triggers (look_at, workflow_id) WHERE look_at IS NOT NULL;

-- The occurrences that were claimed.
CREATE TABLE workflow_cron_occurrences (
    workflow_id    UUID   NOT NULL,
    scheduled_for  TIMESTAMPTZ NOT NULL,
    run_id         UUID   NOT NULL,
    CONSTRAINT pk_workflow_cron_occurrences PRIMARY KEY (workflow_id, scheduled_for),
    CONSTRAINT fk_workflow_cron_occurrences_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE
);

CREATE INDEX idx_workflow_cron_occurrences_scheduled_for
    ON workflow_cron_occurrences (scheduled_for);

CREATE TABLE workflow_webhooks (
    workflow_id    UUID   NOT NULL,
    config         JSONB  NOT NULL,
    -- Envelopes when `secrets_sealed`, which they are when the store has a key ring.
    shared_secret  BYTEA,
    hmac_secret    BYTEA,
    secrets_sealed BOOLEAN NOT NULL,
    -- The window of the rate limit that is being counted.
    window_start   TIMESTAMPTZ,
    window_count   INTEGER NOT NULL DEFAULT 0,
    created_at     TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_workflow_webhooks PRIMARY KEY (workflow_id),
    CONSTRAINT fk_workflow_webhooks_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_webhooks_counters CHECK (window_count >= 0)
);

-- Deliveries that were accepted.
CREATE TABLE workflow_webhook_deliveries (
    workflow_id   UUID   NOT NULL,
    delivery_key  TEXT COLLATE "C" NOT NULL,
    run_id        UUID   NOT NULL,
    expires_at    TIMESTAMPTZ,
    CONSTRAINT pk_workflow_webhook_deliveries PRIMARY KEY (workflow_id, delivery_key),
    CONSTRAINT fk_workflow_webhook_deliveries_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflow_webhooks (workflow_id) ON DELETE CASCADE
);

CREATE INDEX idx_workflow_webhook_deliveries_expires_at
    ON workflow_webhook_deliveries (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE workflow_manual_policies (
    workflow_id         UUID   NOT NULL,
    label               TEXT,
    allowed_actors      JSONB  NOT NULL,
    require_comment     BOOLEAN NOT NULL,
    default_payload     JSONB,
    cooldown_seconds    BIGINT NOT NULL,
    last_dispatched_at  TIMESTAMPTZ,
    created_at          TIMESTAMPTZ NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_workflow_manual_policies PRIMARY KEY (workflow_id),
    CONSTRAINT fk_workflow_manual_policies_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_manual_policies_cooldown CHECK (cooldown_seconds >= 0)
);

CREATE TABLE workflow_retry_policies (
    workflow_id            UUID   NOT NULL,
    max_attempts           BIGINT NOT NULL,
    initial_delay_seconds  DOUBLE PRECISION NOT NULL,
    backoff_factor         DOUBLE PRECISION NOT NULL,
    max_delay_seconds      DOUBLE PRECISION,
    jitter_factor          DOUBLE PRECISION NOT NULL,
    created_at             TIMESTAMPTZ NOT NULL,
    updated_at             TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_workflow_retry_policies PRIMARY KEY (workflow_id),
    CONSTRAINT fk_workflow_retry_policies_workflow_id
        FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_retry_policies_bounds
        CHECK (max_attempts >= 1 AND initial_delay_seconds >= 0 AND backoff_factor >= 1
               AND (max_delay_seconds IS NULL OR max_delay_seconds >= 0)
               AND jitter_factor BETWEEN 0 AND 1)
);

CREATE TABLE workflow_listeners (
    id                   UUID   NOT NULL,
    workflow_id          UUID   NOT NULL,
    workflow_version_id  UUID   NOT NULL,
    node_name            TEXT   NOT NULL,
    platform             TEXT   NOT NULL,
    bot_identity         TEXT   NOT NULL,
    config               JSONB  NOT NULL,
    status               TEXT COLLATE "C" NOT NULL,
    lease_owner          TEXT COLLATE "C",
    lease_epoch          BIGINT NOT NULL DEFAULT 0,
    lease_expires_at     TIMESTAMPTZ,
    cursor_state         JSONB,
    cursor_updated_at    TIMESTAMPTZ,
    last_event_at        TIMESTAMPTZ,
    last_error           TEXT,
    record_bytes         BIGINT NOT NULL,
    created_at           TIMESTAMPTZ NOT NULL,
    updated_at           TIMESTAMPTZ NOT NULL,
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
    CONSTRAINT ck_workflow_listeners_counters CHECK (lease_epoch >= 0 AND record_bytes >= 0)
);

CREATE INDEX idx_workflow_listeners_workflow_id ON workflow_listeners (workflow_id, id);
CREATE INDEX idx_workflow_listeners_workflow_version_id
    ON workflow_listeners (workflow_id, workflow_version_id);

-- Events that were dispatched.
CREATE TABLE workflow_listener_events (
    listener_id  UUID   NOT NULL,
    dedupe_key   TEXT COLLATE "C" NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_workflow_listener_events PRIMARY KEY (listener_id, dedupe_key),
    CONSTRAINT fk_workflow_listener_events_listener_id
        FOREIGN KEY (listener_id) REFERENCES workflow_listeners (id) ON DELETE CASCADE
);

CREATE INDEX idx_workflow_listener_events_expires_at ON workflow_listener_events (expires_at);
