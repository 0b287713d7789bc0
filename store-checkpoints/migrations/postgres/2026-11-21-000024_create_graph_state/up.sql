-- The row is the lock of the thread: whatever changes the thread locks it first.
CREATE TABLE graph_threads (
    thread_id  TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_graph_threads PRIMARY KEY (thread_id)
);

-- Values of channels and of writes, once for each content and thread.
CREATE TABLE graph_blobs (
    thread_id TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of type tag and bytes; of sealed ones an HMAC, which tells nothing about them.
    address   BYTEA   NOT NULL,
    type_tag  TEXT    NOT NULL,
    -- Bytes of the value before it was sealed.
    size      BIGINT  NOT NULL,
    sealed    BOOLEAN NOT NULL,
    bytes     BYTEA   NOT NULL,
    CONSTRAINT pk_graph_blobs PRIMARY KEY (thread_id, address),
    CONSTRAINT fk_graph_blobs_thread FOREIGN KEY (thread_id)
        REFERENCES graph_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT ck_graph_blobs_address CHECK (octet_length(address) = 32),
    CONSTRAINT ck_graph_blobs_size CHECK (size >= 0)
);

CREATE TABLE graph_values (
    thread_id     TEXT COLLATE "C" NOT NULL,
    checkpoint_ns TEXT COLLATE "C" NOT NULL,
    channel       TEXT COLLATE "C" NOT NULL,
    version       TEXT COLLATE "C" NOT NULL,
    address       BYTEA NOT NULL,
    CONSTRAINT pk_graph_values PRIMARY KEY (thread_id, checkpoint_ns, channel, version),
    CONSTRAINT fk_graph_values_thread FOREIGN KEY (thread_id)
        REFERENCES graph_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT fk_graph_values_blob FOREIGN KEY (thread_id, address)
        REFERENCES graph_blobs (thread_id, address)
);

CREATE INDEX idx_graph_values_thread_id_address ON graph_values (thread_id, address);

CREATE TABLE graph_checkpoints (
    thread_id        TEXT COLLATE "C" NOT NULL,
    checkpoint_ns    TEXT COLLATE "C" NOT NULL,
    checkpoint_id    UUID   NOT NULL,
    parent_id        UUID,
    channel_versions JSONB  NOT NULL,
    versions_seen    JSONB  NOT NULL,
    extra            JSONB  NOT NULL,
    metadata         JSONB  NOT NULL,
    -- The string `run_id` of the metadata.
    run_id           TEXT COLLATE "C",
    -- Bytes of JSON in this row: pages end by them and by those of the values it names.
    bytes            BIGINT NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_graph_checkpoints PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id),
    CONSTRAINT fk_graph_checkpoints_thread FOREIGN KEY (thread_id)
        REFERENCES graph_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT ck_graph_checkpoints_bytes CHECK (bytes >= 0)
);

CREATE INDEX idx_graph_checkpoints_thread_id_checkpoint_id
    ON graph_checkpoints (thread_id, checkpoint_id, checkpoint_ns);
CREATE INDEX idx_graph_checkpoints_run_id
    ON graph_checkpoints (run_id) WHERE run_id IS NOT NULL;
-- Only here: SQLite filters metadata row by row.
CREATE INDEX idx_graph_checkpoints_metadata
    ON graph_checkpoints USING gin (metadata jsonb_path_ops);

-- Without a foreign key to checkpoints: writes may come before theirs.
CREATE TABLE graph_writes (
    thread_id     TEXT COLLATE "C" NOT NULL,
    checkpoint_ns TEXT COLLATE "C" NOT NULL,
    checkpoint_id UUID    NOT NULL,
    task_id       TEXT COLLATE "C" NOT NULL,
    idx           INTEGER NOT NULL,
    task_path     TEXT COLLATE "C" NOT NULL,
    channel       TEXT COLLATE "C" NOT NULL,
    address       BYTEA   NOT NULL,
    CONSTRAINT pk_graph_writes
        PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx),
    CONSTRAINT fk_graph_writes_thread FOREIGN KEY (thread_id)
        REFERENCES graph_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT fk_graph_writes_blob FOREIGN KEY (thread_id, address)
        REFERENCES graph_blobs (thread_id, address)
);

CREATE INDEX idx_graph_writes_thread_id_address ON graph_writes (thread_id, address);

-- Faster than the default compression, where the server was built with it.
DO $$
BEGIN
    ALTER TABLE graph_blobs ALTER COLUMN bytes SET COMPRESSION lz4;
    ALTER TABLE graph_checkpoints
        ALTER COLUMN channel_versions SET COMPRESSION lz4,
        ALTER COLUMN versions_seen SET COMPRESSION lz4,
        ALTER COLUMN extra SET COMPRESSION lz4,
        ALTER COLUMN metadata SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;
