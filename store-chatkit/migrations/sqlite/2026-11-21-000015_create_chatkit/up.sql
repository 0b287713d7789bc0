CREATE TABLE chatkit_threads (
    thread_id             TEXT   NOT NULL,
    -- Whose it is. It never changes.
    owner                 TEXT   NOT NULL,
    workflow_id           TEXT,
    title                 TEXT,
    status                TEXT   NOT NULL,
    status_reason         TEXT,
    allowed_image_domains TEXT,
    metadata              TEXT   NOT NULL,
    -- What else was in the JSON form of the thread.
    extra                 TEXT   NOT NULL,
    -- The place of the next item: adding takes it from here, so that it needs no MAX().
    next_ordinal          BIGINT NOT NULL DEFAULT 0,
    -- Grows whenever the thread is touched, whatever clocks say. It begins at random, so that a
    -- thread that is made anew is not taken for the one before.
    revision              BIGINT NOT NULL DEFAULT 0,
    -- Bytes of text and JSON in this row: pages end by them.
    record_bytes          BIGINT NOT NULL,
    created_at            TEXT   NOT NULL,
    -- In no index: every item that is added writes it.
    updated_at            TEXT   NOT NULL,
    CONSTRAINT pk_chatkit_threads PRIMARY KEY (thread_id),
    CONSTRAINT ck_chatkit_threads_status CHECK (status IN ('active', 'locked', 'closed')),
    CONSTRAINT ck_chatkit_threads_status_reason
        CHECK (status <> 'active' OR status_reason IS NULL),
    CONSTRAINT ck_chatkit_threads_json
        CHECK (json_valid(metadata) AND json_valid(extra)
               AND json_valid(coalesce(allowed_image_domains, '[]'))),
    CONSTRAINT ck_chatkit_threads_counters CHECK (next_ordinal >= 0 AND record_bytes >= 0),
    CONSTRAINT ck_chatkit_threads_instants
        CHECK (length(created_at) = 32 AND length(updated_at) = 32)
);

CREATE INDEX idx_chatkit_threads_created_at
    ON chatkit_threads (created_at, thread_id);
CREATE INDEX idx_chatkit_threads_owner_created_at
    ON chatkit_threads (owner, created_at, thread_id);
CREATE INDEX idx_chatkit_threads_workflow_id_created_at
    ON chatkit_threads (workflow_id, created_at, thread_id) WHERE workflow_id IS NOT NULL;

CREATE TABLE chatkit_items (
    -- Only here: what the index of words knows an item by.
    item_key      INTEGER NOT NULL CONSTRAINT pk_chatkit_items PRIMARY KEY,
    thread_id     TEXT   NOT NULL,
    item_id       TEXT   NOT NULL,
    ordinal       BIGINT NOT NULL,
    item_type     TEXT   NOT NULL,
    created_at    TEXT   NOT NULL,
    content       TEXT   NOT NULL,
    content_bytes BIGINT NOT NULL,
    -- The words of its text, cut by the application, and whose they are.
    search        TEXT   NOT NULL,
    CONSTRAINT uq_chatkit_items_thread_id_item_id UNIQUE (thread_id, item_id),
    CONSTRAINT uq_chatkit_items_thread_id_ordinal UNIQUE (thread_id, ordinal),
    CONSTRAINT fk_chatkit_items_thread FOREIGN KEY (thread_id)
        REFERENCES chatkit_threads (thread_id) ON DELETE CASCADE,
    CONSTRAINT ck_chatkit_items_ordinal CHECK (ordinal >= 0),
    CONSTRAINT ck_chatkit_items_json CHECK (json_valid(content)),
    CONSTRAINT ck_chatkit_items_bytes CHECK (content_bytes >= 0),
    CONSTRAINT ck_chatkit_items_instants CHECK (length(created_at) = 32)
);

-- The index of the words. It keeps none of the text: that is in the table.
CREATE VIRTUAL TABLE chatkit_item_search USING fts5 (
    search,
    content = 'chatkit_items',
    content_rowid = 'item_key',
    tokenize = 'unicode61 remove_diacritics 0'
);

-- Items without words are in it as well: otherwise its integrity check would miss them.
CREATE TRIGGER trg_chatkit_items_search_insert AFTER INSERT ON chatkit_items
BEGIN
    INSERT INTO chatkit_item_search (rowid, search) VALUES (new.item_key, new.search);
END;

CREATE TRIGGER trg_chatkit_items_search_delete AFTER DELETE ON chatkit_items
BEGIN
    INSERT INTO chatkit_item_search (chatkit_item_search, rowid, search)
        VALUES ('delete', old.item_key, old.search);
END;

CREATE TRIGGER trg_chatkit_items_search_update AFTER UPDATE OF search ON chatkit_items
WHEN new.search <> old.search BEGIN
    INSERT INTO chatkit_item_search (chatkit_item_search, rowid, search)
        VALUES ('delete', old.item_key, old.search);
    INSERT INTO chatkit_item_search (rowid, search) VALUES (new.item_key, new.search);
END;

CREATE TABLE chatkit_attachments (
    attachment_id   TEXT   NOT NULL,
    owner           TEXT   NOT NULL,
    attachment_type TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    mime_type       TEXT   NOT NULL,
    size            BIGINT,
    -- What else was in the JSON form of the attachment.
    details         TEXT   NOT NULL,
    thread_id       TEXT,
    created_at      TEXT   NOT NULL,
    CONSTRAINT pk_chatkit_attachments PRIMARY KEY (attachment_id),
    -- No cascade: an attachment does not go before its file was released.
    CONSTRAINT fk_chatkit_attachments_thread FOREIGN KEY (thread_id)
        REFERENCES chatkit_threads (thread_id),
    CONSTRAINT ck_chatkit_attachments_type CHECK (attachment_type IN ('file', 'image')),
    CONSTRAINT ck_chatkit_attachments_size CHECK (size >= 0),
    CONSTRAINT ck_chatkit_attachments_json CHECK (json_valid(details)),
    CONSTRAINT ck_chatkit_attachments_instants CHECK (length(created_at) = 32)
);

CREATE INDEX idx_chatkit_attachments_thread_id
    ON chatkit_attachments (thread_id) WHERE thread_id IS NOT NULL;
-- Uploads that never became part of a thread: what pruning looks for.
CREATE INDEX idx_chatkit_attachments_created_at
    ON chatkit_attachments (created_at, attachment_id) WHERE thread_id IS NULL;

-- Every file of an attachment, and after that until it is removed: the outbox. One table, so that
-- a path that waits for its removal cannot be used again.
CREATE TABLE chatkit_files (
    storage_path  TEXT NOT NULL,
    attachment_id TEXT,
    released_at   TEXT,
    CONSTRAINT pk_chatkit_files PRIMARY KEY (storage_path),
    CONSTRAINT uq_chatkit_files_attachment_id UNIQUE (attachment_id),
    CONSTRAINT fk_chatkit_files_attachment FOREIGN KEY (attachment_id)
        REFERENCES chatkit_attachments (attachment_id),
    CONSTRAINT ck_chatkit_files_released
        CHECK ((attachment_id IS NULL) = (released_at IS NOT NULL)),
    CONSTRAINT ck_chatkit_files_instants
        CHECK (released_at IS NULL OR length(released_at) = 32)
);

CREATE INDEX idx_chatkit_files_released_at
    ON chatkit_files (released_at, storage_path) WHERE released_at IS NOT NULL;
