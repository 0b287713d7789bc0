CREATE TABLE agentensor_workflows (
    workflow_id  TEXT COLLATE "C" NOT NULL,
    -- The highest version ever recorded. Recording takes the next one from here, so that it needs
    -- no MAX(); and whatever writes to the workflow locks this row first.
    last_version INTEGER NOT NULL,
    CONSTRAINT pk_agentensor_workflows PRIMARY KEY (workflow_id),
    CONSTRAINT ck_agentensor_workflows_last_version CHECK (last_version > 0)
-- Every checkpoint updates this row: with room in its page the new version needs no index entry.
) WITH (fillfactor = 50);

CREATE TABLE agentensor_checkpoints (
    id              UUID    NOT NULL,
    workflow_id     TEXT COLLATE "C" NOT NULL,
    config_version  INTEGER NOT NULL,
    runnable_config JSONB   NOT NULL,
    metrics         JSONB   NOT NULL,
    metadata        JSONB   NOT NULL,
    artifact_url    TEXT,
    is_best         BOOLEAN NOT NULL,
    parent_id       UUID,
    -- Bytes of JSON in this row: pages end by them.
    record_bytes    BIGINT  NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_agentensor_checkpoints PRIMARY KEY (id),
    CONSTRAINT uq_agentensor_checkpoints_workflow_id_config_version
        UNIQUE (workflow_id, config_version),
    CONSTRAINT fk_agentensor_checkpoints_workflow FOREIGN KEY (workflow_id)
        REFERENCES agentensor_workflows (workflow_id),
    CONSTRAINT fk_agentensor_checkpoints_parent FOREIGN KEY (parent_id)
        REFERENCES agentensor_checkpoints (id) ON DELETE SET NULL,
    CONSTRAINT ck_agentensor_checkpoints_config_version CHECK (config_version > 0),
    CONSTRAINT ck_agentensor_checkpoints_bytes CHECK (record_bytes >= 0)
);

CREATE UNIQUE INDEX uq_agentensor_checkpoints_workflow_id_best
    ON agentensor_checkpoints (workflow_id) WHERE is_best;
CREATE INDEX idx_agentensor_checkpoints_parent_id
    ON agentensor_checkpoints (parent_id) WHERE parent_id IS NOT NULL;
-- Only here: SQLite filters metrics and metadata row by row.
CREATE INDEX idx_agentensor_checkpoints_metrics
    ON agentensor_checkpoints USING gin (metrics jsonb_path_ops);
CREATE INDEX idx_agentensor_checkpoints_metadata
    ON agentensor_checkpoints USING gin (metadata jsonb_path_ops);

-- The numbers of each checkpoint: what ranking and comparing look at. NaN is left out.
CREATE TABLE agentensor_checkpoint_metrics (
    checkpoint_id  UUID    NOT NULL,
    path           TEXT COLLATE "C" NOT NULL,
    workflow_id    TEXT COLLATE "C" NOT NULL,
    config_version INTEGER NOT NULL,
    value          DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_agentensor_checkpoint_metrics PRIMARY KEY (checkpoint_id, path),
    CONSTRAINT fk_agentensor_checkpoint_metrics_checkpoint FOREIGN KEY (checkpoint_id)
        REFERENCES agentensor_checkpoints (id) ON DELETE CASCADE,
    CONSTRAINT ck_agentensor_checkpoint_metrics_value CHECK (value <> 'NaN')
);

CREATE INDEX idx_agentensor_checkpoint_metrics_workflow_id_path_value
    ON agentensor_checkpoint_metrics (workflow_id, path, value, config_version);

-- Faster than the default compression, where the server was built with it.
DO $$
BEGIN
    ALTER TABLE agentensor_checkpoints
        ALTER COLUMN runnable_config SET COMPRESSION lz4,
        ALTER COLUMN metrics SET COMPRESSION lz4,
        ALTER COLUMN metadata SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;
