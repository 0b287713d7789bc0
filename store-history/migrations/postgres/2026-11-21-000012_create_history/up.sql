CREATE TABLE history_executions (
    execution_id       TEXT COLLATE "C" NOT NULL,
    workflow_id        TEXT COLLATE "C" NOT NULL,
    inputs             JSONB  NOT NULL,
    runnable_config    JSONB  NOT NULL,
    tags               JSONB  NOT NULL,
    callbacks          JSONB  NOT NULL,
    metadata           JSONB  NOT NULL,
    run_name           TEXT,
    status             TEXT COLLATE "C" NOT NULL,
    started_at         TIMESTAMPTZ NOT NULL,
    completed_at       TIMESTAMPTZ,
    error              TEXT,
    trace_id           TEXT COLLATE "C",
    trace_started_at   TIMESTAMPTZ,
    trace_completed_at TIMESTAMPTZ,
    trace_last_span_at TIMESTAMPTZ,
    -- Counters of the steps: appending takes its index from here, so that it needs no MAX().
    step_count         BIGINT NOT NULL DEFAULT 0,
    step_bytes         BIGINT NOT NULL DEFAULT 0,
    input_tokens       BIGINT NOT NULL DEFAULT 0,
    output_tokens      BIGINT NOT NULL DEFAULT 0,
    cost_micros        BIGINT NOT NULL DEFAULT 0,
    -- Bytes of JSON in this row: pages end by them.
    record_bytes       BIGINT NOT NULL,
    updated_at         TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_history_executions PRIMARY KEY (execution_id),
    CONSTRAINT ck_history_executions_status
        CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT ck_history_executions_completed
        CHECK ((status = 'running') = (completed_at IS NULL)),
    CONSTRAINT ck_history_executions_counters
        CHECK (step_count >= 0 AND step_bytes >= 0 AND record_bytes >= 0),
    -- 2^62: a batch on top of it still fits 64 bits, so that the check decides and not an overflow.
    CONSTRAINT ck_history_executions_usage
        CHECK (input_tokens BETWEEN 0 AND 4611686018427387904
               AND output_tokens BETWEEN 0 AND 4611686018427387904
               AND cost_micros BETWEEN 0 AND 4611686018427387904)
-- Every append updates this row: with room in its page the new version needs no index entry.
) WITH (fillfactor = 70);

CREATE INDEX idx_history_executions_started_at
    ON history_executions (started_at, execution_id);
CREATE INDEX idx_history_executions_workflow_id_started_at
    ON history_executions (workflow_id, started_at, execution_id);
CREATE INDEX idx_history_executions_status_started_at
    ON history_executions (status, started_at, execution_id);
CREATE INDEX idx_history_executions_trace_id
    ON history_executions (trace_id, started_at, execution_id) WHERE trace_id IS NOT NULL;
CREATE INDEX idx_history_executions_completed_at
    ON history_executions (completed_at, execution_id) WHERE completed_at IS NOT NULL;
-- Only here: SQLite filters metadata and tags row by row.
CREATE INDEX idx_history_executions_metadata
    ON history_executions USING gin (metadata jsonb_path_ops);
CREATE INDEX idx_history_executions_tags
    ON history_executions USING gin (tags jsonb_path_ops);

CREATE TABLE history_steps (
    execution_id         TEXT COLLATE "C" NOT NULL,
    step_index           BIGINT NOT NULL,
    -- The execution's start: what steps can be partitioned by.
    execution_started_at TIMESTAMPTZ NOT NULL,
    at                   TIMESTAMPTZ NOT NULL,
    kind                 TEXT,
    name                 TEXT,
    payload              JSONB  NOT NULL,
    payload_bytes        BIGINT NOT NULL,
    -- Bytes of the payloads before this one: a page by bytes is a range of it.
    byte_offset          BIGINT NOT NULL,
    input_tokens         BIGINT,
    output_tokens        BIGINT,
    cost_micros          BIGINT,
    idempotency_key      TEXT COLLATE "C",
    CONSTRAINT pk_history_steps PRIMARY KEY (execution_id, step_index),
    CONSTRAINT fk_history_steps_execution FOREIGN KEY (execution_id)
        REFERENCES history_executions (execution_id) ON DELETE CASCADE,
    CONSTRAINT ck_history_steps_index CHECK (step_index >= 0),
    CONSTRAINT ck_history_steps_bytes CHECK (payload_bytes >= 0 AND byte_offset >= 0),
    CONSTRAINT ck_history_steps_usage
        CHECK ((input_tokens IS NULL) = (output_tokens IS NULL)
               AND (input_tokens IS NULL) = (cost_micros IS NULL)
               AND coalesce(input_tokens, 0) >= 0 AND coalesce(output_tokens, 0) >= 0
               AND coalesce(cost_micros, 0) >= 0)
);

CREATE UNIQUE INDEX uq_history_steps_execution_id_idempotency_key
    ON history_steps (execution_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE history_tasks (
    execution_id TEXT COLLATE "C" NOT NULL,
    task_id      TEXT COLLATE "C" NOT NULL,
    attempt      INTEGER NOT NULL,
    runtime      TEXT,
    args         JSONB,
    result       JSONB,
    error        TEXT,
    started_at   TIMESTAMPTZ NOT NULL,
    completed_at TIMESTAMPTZ,
    duration_ms  BIGINT,
    status       TEXT COLLATE "C" NOT NULL,
    record_bytes BIGINT  NOT NULL,
    CONSTRAINT pk_history_tasks PRIMARY KEY (execution_id, task_id, attempt),
    CONSTRAINT fk_history_tasks_execution FOREIGN KEY (execution_id)
        REFERENCES history_executions (execution_id) ON DELETE CASCADE,
    CONSTRAINT ck_history_tasks_attempt CHECK (attempt >= 1),
    CONSTRAINT ck_history_tasks_status
        CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT ck_history_tasks_completed
        CHECK ((status = 'running') = (completed_at IS NULL)),
    CONSTRAINT ck_history_tasks_numbers
        CHECK (coalesce(duration_ms, 0) >= 0 AND record_bytes >= 0)
);

CREATE TABLE history_results (
    execution_id TEXT COLLATE "C" NOT NULL,
    task_id      TEXT COLLATE "C" NOT NULL,
    result_key   TEXT COLLATE "C" NOT NULL,
    value        JSONB  NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    record_bytes BIGINT NOT NULL,
    CONSTRAINT pk_history_results PRIMARY KEY (execution_id, task_id, result_key),
    CONSTRAINT fk_history_results_execution FOREIGN KEY (execution_id)
        REFERENCES history_executions (execution_id) ON DELETE CASCADE,
    CONSTRAINT ck_history_results_bytes CHECK (record_bytes >= 0)
);

CREATE INDEX idx_history_results_execution_id_result_key
    ON history_results (execution_id, result_key, task_id);

-- Faster than the default compression, where the server was built with it.
DO $$
BEGIN
    ALTER TABLE history_executions ALTER COLUMN inputs SET COMPRESSION lz4;
    ALTER TABLE history_steps ALTER COLUMN payload SET COMPRESSION lz4;
    ALTER TABLE history_tasks
        ALTER COLUMN args SET COMPRESSION lz4, ALTER COLUMN result SET COMPRESSION lz4;
    ALTER TABLE history_results ALTER COLUMN value SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;
