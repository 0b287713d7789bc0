CREATE TABLE history_executions (
    execution_id       TEXT   NOT NULL,
    workflow_id        TEXT   NOT NULL,
    inputs             TEXT   NOT NULL,
    runnable_config    TEXT   NOT NULL,
    tags               TEXT   NOT NULL,
    callbacks          TEXT   NOT NULL,
    metadata           TEXT   NOT NULL,
    run_name           TEXT,
    status             TEXT   NOT NULL,
    started_at         TEXT   NOT NULL,
    completed_at       TEXT,
    error              TEXT,
    trace_id           TEXT,
    trace_started_at   TEXT,
    trace_completed_at TEXT,
    trace_last_span_at TEXT,
    -- Counters of the steps: appending takes its index from here, so that it needs no MAX().
    step_count         BIGINT NOT NULL DEFAULT 0,
    step_bytes         BIGINT NOT NULL DEFAULT 0,
    input_tokens       BIGINT NOT NULL DEFAULT 0,
    output_tokens      BIGINT NOT NULL DEFAULT 0,
    cost_micros        BIGINT NOT NULL DEFAULT 0,
    -- Bytes of JSON in this row: pages end by them.
    record_bytes       BIGINT NOT NULL,
    updated_at         TEXT   NOT NULL,
    CONSTRAINT pk_history_executions PRIMARY KEY (execution_id),
    CONSTRAINT ck_history_executions_status
        CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT ck_history_executions_completed
        CHECK ((status = 'running') = (completed_at IS NULL)),
    CONSTRAINT ck_history_executions_json
        CHECK (json_valid(inputs) AND json_valid(runnable_config) AND json_valid(tags)
               AND json_valid(callbacks) AND json_valid(metadata)),
    CONSTRAINT ck_history_executions_instants
        CHECK (length(started_at) = 32 AND length(updated_at) = 32
               AND length(coalesce(completed_at, started_at)) = 32
               AND length(coalesce(trace_started_at, started_at)) = 32
               AND length(coalesce(trace_completed_at, started_at)) = 32
               AND length(coalesce(trace_last_span_at, started_at)) = 32),
    CONSTRAINT ck_history_executions_counters
        CHECK (step_count >= 0 AND step_bytes >= 0 AND record_bytes >= 0),
    -- 2^62: a batch on top of it still fits 64 bits, so that the check decides and not an overflow.
    CONSTRAINT ck_history_executions_usage
        CHECK (input_tokens BETWEEN 0 AND 4611686018427387904
               AND output_tokens BETWEEN 0 AND 4611686018427387904
               AND cost_micros BETWEEN 0 AND 4611686018427387904)
);

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

CREATE TABLE history_steps (
    execution_id         TEXT   NOT NULL,
    step_index           BIGINT NOT NULL,
    -- The execution's start: what steps can be partitioned by.
    execution_started_at TEXT   NOT NULL,
    at                   TEXT   NOT NULL,
    kind                 TEXT,
    name                 TEXT,
    payload              TEXT   NOT NULL,
    payload_bytes        BIGINT NOT NULL,
    -- Bytes of the payloads before this one: a page by bytes is a range of it.
    byte_offset          BIGINT NOT NULL,
    input_tokens         BIGINT,
    output_tokens        BIGINT,
    cost_micros          BIGINT,
    idempotency_key      TEXT,
    CONSTRAINT pk_history_steps PRIMARY KEY (execution_id, step_index),
    CONSTRAINT fk_history_steps_execution FOREIGN KEY (execution_id)
        REFERENCES history_executions (execution_id) ON DELETE CASCADE,
    CONSTRAINT ck_history_steps_index CHECK (step_index >= 0),
    CONSTRAINT ck_history_steps_json CHECK (json_valid(payload)),
    CONSTRAINT ck_history_steps_instants
        CHECK (length(execution_started_at) = 32 AND length(at) = 32),
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
    execution_id TEXT    NOT NULL,
    task_id      TEXT    NOT NULL,
    attempt      INTEGER NOT NULL,
    runtime      TEXT,
    args         TEXT,
    result       TEXT,
    error        TEXT,
    started_at   TEXT    NOT NULL,
    completed_at TEXT,
    duration_ms  BIGINT,
    status       TEXT    NOT NULL,
    record_bytes BIGINT  NOT NULL,
    CONSTRAINT pk_history_tasks PRIMARY KEY (execution_id, task_id, attempt),
    CONSTRAINT fk_history_tasks_execution FOREIGN KEY (execution_id)
        REFERENCES history_executions (execution_id) ON DELETE CASCADE,
    CONSTRAINT ck_history_tasks_attempt CHECK (attempt >= 1),
    CONSTRAINT ck_history_tasks_status
        CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT ck_history_tasks_completed
        CHECK ((status = 'running') = (completed_at IS NULL)),
    CONSTRAINT ck_history_tasks_json
        CHECK (json_valid(coalesce(args, 'null')) AND json_valid(coalesce(result, 'null'))),
    CONSTRAINT ck_history_tasks_instants
        CHECK (length(started_at) = 32 AND length(coalesce(completed_at, started_at)) = 32),
    CONSTRAINT ck_history_tasks_numbers
        CHECK (coalesce(duration_ms, 0) >= 0 AND record_bytes >= 0)
);

CREATE TABLE history_results (
    execution_id TEXT   NOT NULL,
    task_id      TEXT   NOT NULL,
    result_key   TEXT   NOT NULL,
    value        TEXT   NOT NULL,
    updated_at   TEXT   NOT NULL,
    record_bytes BIGINT NOT NULL,
    CONSTRAINT pk_history_results PRIMARY KEY (execution_id, task_id, result_key),
    CONSTRAINT fk_history_results_execution FOREIGN KEY (execution_id)
        REFERENCES history_executions (execution_id) ON DELETE CASCADE,
    CONSTRAINT ck_history_results_json CHECK (json_valid(value)),
    CONSTRAINT ck_history_results_instants CHECK (length(updated_at) = 32),
    CONSTRAINT ck_history_results_bytes CHECK (record_bytes >= 0)
);

CREATE INDEX idx_history_results_execution_id_result_key
    ON history_results (execution_id, result_key, task_id);
