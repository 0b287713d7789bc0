CREATE TABLE agentensor_workflows (
    workflow_id  TEXT    NOT NULL,
    -- The highest version ever recorded. Recording takes the next one from here, so that it needs
    -- no MAX(); and whatever writes to the workflow locks this row first.
    last_version INTEGER NOT NULL,
    CONSTRAINT pk_agentensor_workflows PRIMARY KEY (workflow_id),
    CONSTRAINT ck_agentensor_workflows_last_version CHECK (last_version > 0)
);

CREATE TABLE agentensor_checkpoints (
    id              TEXT    NOT NULL,
    workflow_id     TEXT    NOT NULL,
    config_version  INTEGER NOT NULL,
    runnable_config TEXT    NOT NULL,
    metrics         TEXT    NOT NULL,
    metadata        TEXT    NOT NULL,
    artifact_url    TEXT,
    is_best         BOOLEAN NOT NULL,
    parent_id       TEXT,
    -- Bytes of JSON in this row: pages end by them.
    record_bytes    BIGINT  NOT NULL,
    created_at      TEXT    NOT NULL,
    CONSTRAINT pk_agentensor_checkpoints PRIMARY KEY (id),
    CONSTRAINT uq_agentensor_checkpoints_workflow_id_config_version
        UNIQUE (workflow_id, config_version),
    CONSTRAINT fk_agentensor_checkpoints_workflow FOREIGN KEY (workflow_id)
        REFERENCES agentensor_workflows (workflow_id),
    CONSTRAINT fk_agentensor_checkpoints_parent FOREIGN KEY (parent_id)
        REFERENCES agentensor_checkpoints (id) ON DELETE SET NULL,
    CONSTRAINT ck_agentensor_checkpoints_id
        CHECK (length(id) = 36 AND length(coalesce(parent_id, id)) = 36),
    CONSTRAINT ck_agentensor_checkpoints_config_version CHECK (config_version > 0),
    CONSTRAINT ck_agentensor_checkpoints_json
        CHECK (json_valid(runnable_config) AND json_valid(metrics) AND json_valid(metadata)),
    CONSTRAINT ck_agentensor_checkpoints_is_best CHECK (is_best IN (0, 1)),
    CONSTRAINT ck_agentensor_checkpoints_bytes CHECK (record_bytes >= 0),
    CONSTRAINT ck_agentensor_checkpoints_instants CHECK (length(created_at) = 32)
);

CREATE UNIQUE INDEX uq_agentensor_checkpoints_workflow_id_best
    ON agentensor_checkpoints (workflow_id) WHERE is_best;
CREATE INDEX idx_agentensor_checkpoints_parent_id
    ON agentensor_checkpoints (parent_id) WHERE parent_id IS NOT NULL;

-- The numbers of each checkpoint: what ranking and comparing look at. NaN is left out.
CREATE TABLE agentensor_checkpoint_metrics (
    checkpoint_id  TEXT    NOT NULL,
    path           TEXT    NOT NULL,
    workflow_id    TEXT    NOT NULL,
    config_version INTEGER NOT NULL,
    value          DOUBLE  NOT NULL,
    CONSTRAINT pk_agentensor_checkpoint_metrics PRIMARY KEY (checkpoint_id, path),
    CONSTRAINT fk_agentensor_checkpoint_metrics_checkpoint FOREIGN KEY (checkpoint_id)
        REFERENCES agentensor_checkpoints (id) ON DELETE CASCADE,
    -- NaN would be NULL.
    CONSTRAINT ck_agentensor_checkpoint_metrics_value CHECK (typeof(value) = 'real')
) WITHOUT ROWID;

CREATE INDEX idx_agentensor_checkpoint_metrics_workflow_id_path_value
    ON agentensor_checkpoint_metrics (workflow_id, path, value, config_version);
