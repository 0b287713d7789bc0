-- What the job queue needs besides `jobs`: what finished, who waits for whom, and what is set.

-- Finished jobs: they leave `jobs` when they end. The last assignment of a job is in its row here
-- (lease_owner, lease_epoch, leased_at, outcome, assignment_error, finished_at). The job of a run
-- outlives its run until it is pruned.
CREATE TABLE job_history (
    id                TEXT NOT NULL,
    queue             TEXT NOT NULL,
    kind              TEXT NOT NULL,
    payload           TEXT NOT NULL,
    run_id            TEXT,
    priority          SMALLINT NOT NULL,
    state             TEXT NOT NULL,
    attempt           INTEGER NOT NULL,
    max_attempts      INTEGER NOT NULL,
    run_at            TEXT NOT NULL,
    unique_key        TEXT,
    concurrency_key   TEXT,
    timeout_ms        BIGINT,
    tags              TEXT NOT NULL,
    capabilities      TEXT NOT NULL,
    depends_on        TEXT NOT NULL,
    event_token       TEXT,
    event             TEXT,
    progress          TEXT,
    result            TEXT,
    last_error        TEXT,
    assignment_error  TEXT,
    cancel_reason     TEXT,
    lease_owner       TEXT,
    lease_epoch       BIGINT NOT NULL,
    leased_at         TEXT,
    outcome           TEXT,
    created_at        TEXT NOT NULL,
    finished_at       TEXT NOT NULL,
    CONSTRAINT pk_job_history PRIMARY KEY (id),
    CONSTRAINT ck_job_history_state CHECK (state IN ('succeeded', 'dead', 'cancelled')),
    CONSTRAINT ck_job_history_lease
        CHECK ((lease_owner IS NULL) = (leased_at IS NULL)
               AND (lease_owner IS NULL) = (outcome IS NULL)),
    CONSTRAINT ck_job_history_outcome
        CHECK (outcome IN ('succeeded', 'failed', 'expired', 'cancelled')),
    CONSTRAINT ck_job_history_ids
        CHECK (length(id) = 36 AND (run_id IS NULL OR length(run_id) = 36)),
    CONSTRAINT ck_job_history_json
        CHECK (json_valid(payload) AND json_valid(tags) AND json_valid(capabilities)
               AND json_valid(depends_on) AND (event IS NULL OR json_valid(event))
               AND (progress IS NULL OR json_valid(progress))
               AND (result IS NULL OR json_valid(result))),
    CONSTRAINT ck_job_history_instants
        CHECK (length(run_at) = 32 AND (leased_at IS NULL OR length(leased_at) = 32)
               AND length(created_at) = 32 AND length(finished_at) = 32)
);

CREATE INDEX idx_job_history_run_id ON job_history (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX idx_job_history_finished_at ON job_history (finished_at, id);
CREATE INDEX idx_job_history_unsuccessful
    ON job_history (queue, state, id) WHERE state <> 'succeeded';

-- The assignments of a job before its current or last one.
CREATE TABLE job_assignments (
    job_id      TEXT NOT NULL,
    epoch       BIGINT NOT NULL,
    worker      TEXT NOT NULL,
    started_at  TEXT NOT NULL,
    ended_at    TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    error       TEXT,
    CONSTRAINT pk_job_assignments PRIMARY KEY (job_id, epoch),
    CONSTRAINT ck_job_assignments_outcome
        CHECK (outcome IN ('succeeded', 'failed', 'snoozed', 'released', 'waited', 'expired',
                           'cancelled')),
    CONSTRAINT ck_job_assignments_ids CHECK (length(job_id) = 36),
    CONSTRAINT ck_job_assignments_instants
        CHECK (length(started_at) = 32 AND length(ended_at) = 32)
);

-- Which unfinished job waits for which.
CREATE TABLE job_dependencies (
    job_id      TEXT NOT NULL,
    depends_on  TEXT NOT NULL,
    condition   TEXT NOT NULL,
    CONSTRAINT pk_job_dependencies PRIMARY KEY (job_id, depends_on),
    CONSTRAINT fk_job_dependencies_job_id
        FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE,
    -- Without a cascade: a job cannot leave while another one waits for it.
    CONSTRAINT fk_job_dependencies_depends_on FOREIGN KEY (depends_on) REFERENCES jobs (id),
    CONSTRAINT ck_job_dependencies_condition CHECK (condition IN ('success', 'failure', 'any')),
    CONSTRAINT ck_job_dependencies_self CHECK (job_id <> depends_on),
    CONSTRAINT ck_job_dependencies_ids CHECK (length(job_id) = 36 AND length(depends_on) = 36)
);

CREATE INDEX idx_job_dependencies_depends_on ON job_dependencies (depends_on, job_id);

-- Events: delivered, waited for, or both. Each token is good for one of each.
CREATE TABLE job_events (
    token         TEXT NOT NULL,
    job_id        TEXT,
    payload       TEXT,
    created_at    TEXT NOT NULL,
    delivered_at  TEXT,
    CONSTRAINT pk_job_events PRIMARY KEY (token),
    CONSTRAINT ck_job_events_delivery CHECK ((payload IS NULL) = (delivered_at IS NULL)),
    CONSTRAINT ck_job_events_part CHECK (job_id IS NOT NULL OR payload IS NOT NULL),
    CONSTRAINT ck_job_events_ids CHECK (job_id IS NULL OR length(job_id) = 36),
    CONSTRAINT ck_job_events_json CHECK (payload IS NULL OR json_valid(payload)),
    CONSTRAINT ck_job_events_instants
        CHECK (length(created_at) = 32 AND (delivered_at IS NULL OR length(delivered_at) = 32))
);

CREATE INDEX idx_job_events_delivered_at ON job_events (delivered_at, token)
    WHERE delivered_at IS NOT NULL;

-- What operators set for queues.
CREATE TABLE job_queues (
    queue              TEXT NOT NULL,
    paused             BOOLEAN NOT NULL DEFAULT 0,
    max_leased         INTEGER,
    per_key            INTEGER,
    rate_count         INTEGER,
    rate_per_us        BIGINT,
    window_started_at  TEXT,
    window_claims      INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT pk_job_queues PRIMARY KEY (queue),
    CONSTRAINT ck_job_queues_limits
        CHECK ((max_leased IS NULL OR max_leased > 0) AND (per_key IS NULL OR per_key > 0)
               AND (rate_count IS NULL OR rate_count > 0)
               AND (rate_per_us IS NULL OR rate_per_us > 0)
               AND (rate_count IS NULL) = (rate_per_us IS NULL) AND window_claims >= 0),
    CONSTRAINT ck_job_queues_flags CHECK (paused IN (0, 1)),
    CONSTRAINT ck_job_queues_instants
        CHECK (window_started_at IS NULL OR length(window_started_at) = 32)
);

CREATE TABLE job_workers (
    id             TEXT NOT NULL,
    capabilities   TEXT NOT NULL,
    metadata       TEXT NOT NULL,
    registered_at  TEXT NOT NULL,
    heartbeat_at   TEXT NOT NULL,
    CONSTRAINT pk_job_workers PRIMARY KEY (id),
    CONSTRAINT ck_job_workers_json CHECK (json_valid(capabilities) AND json_valid(metadata)),
    CONSTRAINT ck_job_workers_instants
        CHECK (length(registered_at) = 32 AND length(heartbeat_at) = 32)
);

CREATE INDEX idx_job_workers_heartbeat_at ON job_workers (heartbeat_at, id);

-- A lock that was released keeps its row: its epoch never decreases.
CREATE TABLE workflow_locks (
    name        TEXT NOT NULL,
    owner       TEXT,
    epoch       BIGINT NOT NULL,
    expires_at  TEXT,
    CONSTRAINT pk_workflow_locks PRIMARY KEY (name),
    CONSTRAINT ck_workflow_locks_held CHECK ((owner IS NULL) = (expires_at IS NULL)),
    CONSTRAINT ck_workflow_locks_epoch CHECK (epoch > 0),
    CONSTRAINT ck_workflow_locks_instants CHECK (expires_at IS NULL OR length(expires_at) = 32)
);

CREATE TABLE workflow_counters (
    name        TEXT NOT NULL,
    value       BIGINT NOT NULL,
    updated_at  TEXT NOT NULL,
    CONSTRAINT pk_workflow_counters PRIMARY KEY (name),
    CONSTRAINT ck_workflow_counters_value CHECK (typeof(value) = 'integer'),
    CONSTRAINT ck_workflow_counters_instants CHECK (length(updated_at) = 32)
);
