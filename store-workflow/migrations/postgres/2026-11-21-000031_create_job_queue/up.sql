-- What the job queue needs besides `jobs`: what finished, who waits for whom, and what is set.

-- Finished jobs: they leave `jobs` when they end. The last assignment of a job is in its row here
-- (lease_owner, lease_epoch, leased_at, outcome, assignment_error, finished_at). The job of a run
-- outlives its run until it is pruned.
CREATE TABLE job_history (
    id                UUID   NOT NULL,
    queue             TEXT COLLATE "C" NOT NULL,
    kind              TEXT COLLATE "C" NOT NULL,
    payload           JSONB  NOT NULL,
    run_id            UUID,
    priority          SMALLINT NOT NULL,
    state             TEXT COLLATE "C" NOT NULL,
    attempt           INTEGER NOT NULL,
    max_attempts      INTEGER NOT NULL,
    run_at            TIMESTAMPTZ NOT NULL,
    unique_key        TEXT COLLATE "C",
    concurrency_key   TEXT COLLATE "C",
    timeout_ms        BIGINT,
    tags              JSONB  NOT NULL,
    capabilities      JSONB  NOT NULL,
    depends_on        JSONB  NOT NULL,
    event_token       TEXT COLLATE "C",
    event             JSONB,
    progress          JSONB,
    result            JSONB,
    last_error        TEXT,
    assignment_error  TEXT,
    cancel_reason     TEXT,
    lease_owner       TEXT COLLATE "C",
    lease_epoch       BIGINT NOT NULL,
    leased_at         TIMESTAMPTZ,
    outcome           TEXT COLLATE "C",
    created_at        TIMESTAMPTZ NOT NULL,
    finished_at       TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_job_history PRIMARY KEY (id),
    CONSTRAINT ck_job_history_state CHECK (state IN ('succeeded', 'dead', 'cancelled')),
    CONSTRAINT ck_job_history_lease
        CHECK ((lease_owner IS NULL) = (leased_at IS NULL)
               AND (lease_owner IS NULL) = (outcome IS NULL)),
    CONSTRAINT ck_job_history_outcome
        CHECK (outcome IN ('succeeded', 'failed', 'expired', 'cancelled'))
);

CREATE INDEX idx_job_history_run_id ON job_history (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX idx_job_history_finished_at ON job_history (finished_at, id);
CREATE INDEX idx_job_history_unsuccessful
    ON job_history (queue, state, id) WHERE state <> 'succeeded';

-- The assignments of a job before its current or last one.
CREATE TABLE job_assignments (
    job_id      UUID   NOT NULL,
    epoch       BIGINT NOT NULL,
    worker      TEXT COLLATE "C" NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,
    ended_at    TIMESTAMPTZ NOT NULL,
    outcome     TEXT COLLATE "C" NOT NULL,
    error       TEXT,
    CONSTRAINT pk_job_assignments PRIMARY KEY (job_id, epoch),
    CONSTRAINT ck_job_assignments_outcome
        CHECK (outcome IN ('succeeded', 'failed', 'snoozed', 'released', 'waited', 'expired',
                           'cancelled'))
);

-- Which unfinished job waits for which.
CREATE TABLE job_dependencies (
    job_id      UUID   NOT NULL,
    depends_on  UUID   NOT NULL,
    condition   TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_job_dependencies PRIMARY KEY (job_id, depends_on),
    CONSTRAINT fk_job_dependencies_job_id
        FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE,
    -- Without a cascade: a job cannot leave while another one waits for it.
    CONSTRAINT fk_job_dependencies_depends_on FOREIGN KEY (depends_on) REFERENCES jobs (id),
    CONSTRAINT ck_job_dependencies_condition CHECK (condition IN ('success', 'failure', 'any')),
    CONSTRAINT ck_job_dependencies_self CHECK (job_id <> depends_on)
);

CREATE INDEX idx_job_dependencies_depends_on ON job_dependencies (depends_on, job_id);

-- Events: delivered, waited for, or both. Each token is good for one of each.
CREATE TABLE job_events (
    token         TEXT COLLATE "C" NOT NULL,
    job_id        UUID,
    payload       JSONB,
    created_at    TIMESTAMPTZ NOT NULL,
    delivered_at  TIMESTAMPTZ,
    CONSTRAINT pk_job_events PRIMARY KEY (token),
    CONSTRAINT ck_job_events_delivery CHECK ((payload IS NULL) = (delivered_at IS NULL)),
    CONSTRAINT ck_job_events_part CHECK (job_id IS NOT NULL OR payload IS NOT NULL)
);

CREATE INDEX idx_job_events_delivered_at ON job_events (delivered_at, token)
    WHERE delivered_at IS NOT NULL;

-- What operators set for queues.
CREATE TABLE job_queues (
    queue              TEXT COLLATE "C" NOT NULL,
    paused             BOOLEAN NOT NULL DEFAULT FALSE,
    max_leased         INTEGER,
    per_key            INTEGER,
    rate_count         INTEGER,
    rate_per_us        BIGINT,
    window_started_at  TIMESTAMPTZ,
    window_claims      INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT pk_job_queues PRIMARY KEY (queue),
    CONSTRAINT ck_job_queues_limits
        CHECK ((max_leased IS NULL OR max_leased > 0) AND (per_key IS NULL OR per_key > 0)
               AND (rate_count IS NULL OR rate_count > 0)
               AND (rate_per_us IS NULL OR rate_per_us > 0)
               AND (rate_count IS NULL) = (rate_per_us IS NULL) AND window_claims >= 0)
);

CREATE TABLE job_workers (
    id             TEXT COLLATE "C" NOT NULL,
    capabilities   JSONB NOT NULL,
    metadata       JSONB NOT NULL,
    registered_at  TIMESTAMPTZ NOT NULL,
    heartbeat_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_job_workers PRIMARY KEY (id)
);

CREATE INDEX idx_job_workers_heartbeat_at ON job_workers (heartbeat_at, id);

-- A lock that was released keeps its row: its epoch never decreases.
CREATE TABLE workflow_locks (
    name        TEXT COLLATE "C" NOT NULL,
    owner       TEXT COLLATE "C",
    epoch       BIGINT NOT NULL,
    expires_at  TIMESTAMPTZ,
    CONSTRAINT pk_workflow_locks PRIMARY KEY (name),
    CONSTRAINT ck_workflow_locks_held CHECK ((owner IS NULL) = (expires_at IS NULL)),
    CONSTRAINT ck_workflow_locks_epoch CHECK (epoch > 0)
);

CREATE TABLE workflow_counters (
    name        TEXT COLLATE "C" NOT NULL,
    value       BIGINT NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_workflow_counters PRIMARY KEY (name)
);
