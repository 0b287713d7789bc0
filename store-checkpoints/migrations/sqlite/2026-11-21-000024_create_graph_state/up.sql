-- The row is the lock of the thread: whatever changes the thread locks it first.
CREATE TABLE graph_threads (
    thread_id  TEXT NOT NULL,
    created_at TEXT NOT NULL,
    CONSTRAINT pk_graph_threads PRIMARY KEY (thread_id),
    CONSTRAINT ck_graph_threads_instants CHECK (length(created_at) = 32)
);

-- Values of channels and of writes, once for each content and thread.
CREATE TABLE graph_blobs (
    thread_id TEXT    NOT NULL,
    -- SHA-256 of type tag and bytes; of sealed ones an HMAC, which tells nothing about them.
    address   BLOB    NOT NULL,
    type_tag  TEXT    NOT NULL,
    -- Bytes of the value before it was sealed.
    size      BIGINT  NOT NULL,
    sealed    BOOLEAN NOT NULL,
    bytes     BLOB    NOT NULL,
    CONSTRAINT pk_graph_blobs PRIMARY KEY (thread_id, address),
    CONSTRAINT fk_graph_blobs_thread FOREIGN KEY (thread_id)
        REFERENCES graph_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT ck_graph_blobs_address CHECK (length(address) = 32),
    CONSTRAINT ck_graph_blobs_size CHECK (size >= 0),
    CONSTRAINT ck_graph_blobs_sealed CHECK (sealed IN (0, 1))
);

CREATE TABLE graph_values (
    thread_id     TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL,
    channel       TEXT NOT NULL,
    version       TEXT NOT NULL,
    address       BLOB NOT NULL,
    CONSTRAINT pk_graph_values PRIMARY KEY (thread_id, checkpoint_ns, channel, version),
    CONSTRAINT fk_graph_values_thread FOREIGN KEY (thread_id)
        REFERENCES graph_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT fk_graph_values_blob FOREIGN KEY (thread_id, address)
        REFERENCES graph_blobs (thread_id, address)
);

CREATE INDEX idx_graph_values_thread_id_address ON graph_values (thread_id, address);

CREATE TABLE graph_checkpoints (
    thread_id        TEXT   NOT NULL,
    checkpoint_ns    TEXT   NOT NULL,
    checkpoint_id    TEXT   NOT NULL,
    parent_id        TEXT,
    channel_versions TEXT   NOT NULL,
    versions_seen    TEXT   NOT NULL,
    extra            TEXT   NOT NULL,
    metadata         TEXT   NOT NULL,
    -- The string `run_id` of the metadata.
    run_id           TEXT,
    -- Bytes of JSON in this row: pages end by them and by those of the values it names.
    bytes            BIGINT NOT NULL,
    created_at       TEXT   NOT NULL,
    CONSTRAINT pk_graph_checkpoints PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id),
    CONSTRAINT fk_graph_checkpoints_thread FOREIGN KEY (thread_id)
        REFERENCES graph_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT ck_graph_checkpoints_ids
        CHECK (length(checkpoint_id) = 36 AND (parent_id IS NULL OR length(parent_id) = 36)),
    CONSTRAINT ck_graph_checkpoints_json
        CHECK (json_valid(channel_versions) AND json_valid(versions_seen) AND json_valid(extra)
               AND json_valid(metadata)),
    CONSTRAINT ck_graph_checkpoints_bytes CHECK (bytes >= 0),
    CONSTRAINT ck_graph_checkpoints_instants CHECK (length(created_at) = 32)
);

CREATE INDEX idx_graph_checkpoints_thread_id_checkpoint_id
    ON graph_checkpoints (thread_id, checkpoint_id, checkpoint_ns);
CREATE INDEX idx_graph_checkpoints_run_id
    ON graph_checkpoints (run_id) WHERE run_id IS NOT NULL;

-- Without a foreign key to checkpoints: writes may come before theirs.
CREATE TABLE graph_writes (
    thread_id     TEXT    NOT NULL,
    checkpoint_ns TEXT    NOT NULL,
    checkpoint_id TEXT    NOT NULL,
    task_id       TEXT    NOT NULL,
    idx           INTEGER NOT NULL,
    task_path     TEXT    NOT NULL,
    channel       TEXT    NOT NULL,
    address       BLOB    NOT NULL,
    CONSTRAINT pk_graph_writes
        PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx),
    CONSTRAINT fk_graph_writes_thread FOREIGN KEY (thread_id)
        REFERENCES graph_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT fk_graph_writes_blob FOREIGN KEY (thread_id, address)
        REFERENCES graph_blobs (thread_id, address),
    CONSTRAINT ck_graph_writes_ids CHECK (length(checkpoint_id) = 36)
);

CREATE INDEX idx_graph_writes_thread_id_address ON graph_writes (thread_id, address);
