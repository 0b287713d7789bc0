CREATE TABLE service_tokens (
    identifier            TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of the whole token; the token itself is nowhere.
    secret_hash           BYTEA  NOT NULL,
    name                  TEXT,
    scopes                JSONB  NOT NULL,
    workspace_ids         JSONB  NOT NULL,
    created_at            TIMESTAMPTZ NOT NULL,
    created_by            TEXT COLLATE "C" NOT NULL,
    issued_at             TIMESTAMPTZ NOT NULL,
    expires_at            TIMESTAMPTZ,
    last_used_at          TIMESTAMPTZ,
    use_count             BIGINT NOT NULL DEFAULT 0,
    rotated_to            TEXT COLLATE "C",
    rotated_from          TEXT COLLATE "C",
    rotated_at            TIMESTAMPTZ,
    rotation_expires_at   TIMESTAMPTZ,
    family                TEXT COLLATE "C" NOT NULL,
    revoked_at            TIMESTAMPTZ,
    revoked_by            TEXT COLLATE "C",
    revocation_reason     TEXT,
    allowed_ip_ranges     JSONB  NOT NULL,
    rate_limit            INTEGER,
    rate_interval_seconds INTEGER,
    -- The earliest of expires_at, rotation_expires_at and revoked_at: what is purged goes by it.
    ends_at               TIMESTAMPTZ,
    -- Bytes of text in this row: pages end by them.
    record_bytes          BIGINT NOT NULL,
    CONSTRAINT pk_service_tokens PRIMARY KEY (identifier),
    CONSTRAINT ck_service_tokens_secret_hash CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT ck_service_tokens_sets
        CHECK (jsonb_typeof(scopes) = 'array' AND jsonb_typeof(workspace_ids) = 'array'
               AND jsonb_typeof(allowed_ip_ranges) = 'array'),
    CONSTRAINT ck_service_tokens_counters CHECK (use_count >= 0 AND record_bytes >= 0),
    CONSTRAINT ck_service_tokens_rotation
        CHECK ((rotated_to IS NULL) = (rotated_at IS NULL)
               AND (rotated_at IS NULL) = (rotation_expires_at IS NULL)),
    CONSTRAINT ck_service_tokens_revocation
        CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)
               AND (revoked_at IS NOT NULL OR revocation_reason IS NULL)),
    CONSTRAINT ck_service_tokens_rate
        CHECK ((rate_limit IS NULL) = (rate_interval_seconds IS NULL)
               AND coalesce(rate_limit, 1) > 0 AND coalesce(rate_interval_seconds, 1) > 0)
-- Flushed counts update this row: with room in its page the new version needs no index entry.
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX uq_service_tokens_secret_hash ON service_tokens (secret_hash);
-- One successor for each token, whatever happens.
CREATE UNIQUE INDEX uq_service_tokens_rotated_from
    ON service_tokens (rotated_from) WHERE rotated_from IS NOT NULL;
CREATE INDEX idx_service_tokens_created_at ON service_tokens (created_at, identifier);
CREATE INDEX idx_service_tokens_family ON service_tokens (family, identifier);
CREATE INDEX idx_service_tokens_ends_at
    ON service_tokens (ends_at, identifier) WHERE ends_at IS NOT NULL;
-- Only here: SQLite looks for scopes row by row.
CREATE INDEX idx_service_tokens_scopes ON service_tokens USING gin (scopes jsonb_path_ops);

-- What happened to tokens. Entries are only ever added and outlive their token: no foreign key.
CREATE TABLE service_token_audit (
    identifier    TEXT COLLATE "C" NOT NULL,
    sequence      BIGINT NOT NULL,
    action        TEXT COLLATE "C" NOT NULL,
    actor         TEXT COLLATE "C" NOT NULL,
    ip            TEXT COLLATE "C",
    user_agent    TEXT,
    details       JSONB  NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    -- SHA-256 of the entry before this one; zeros for the first.
    previous_hash BYTEA  NOT NULL,
    CONSTRAINT pk_service_token_audit PRIMARY KEY (identifier, sequence),
    CONSTRAINT ck_service_token_audit_sequence CHECK (sequence > 0),
    CONSTRAINT ck_service_token_audit_action
        CHECK (action IN ('created', 'rotated', 'revoked', 'denied', 'deleted', 'purged')),
    CONSTRAINT ck_service_token_audit_previous_hash CHECK (octet_length(previous_hash) = 32)
);

-- The newest entry of each audit: its place and its hash. The row is also the lock under which
-- entries are added and tokens are rotated, revoked and deleted.
CREATE TABLE service_token_audit_heads (
    identifier TEXT COLLATE "C" NOT NULL,
    sequence   BIGINT NOT NULL,
    hash       BYTEA  NOT NULL,
    CONSTRAINT pk_service_token_audit_heads PRIMARY KEY (identifier),
    CONSTRAINT ck_service_token_audit_heads_sequence CHECK (sequence >= 0),
    CONSTRAINT ck_service_token_audit_heads_hash CHECK (octet_length(hash) = 32)
);

-- The current window of each token with a rate limit, apart from its row: it changes at each use.
CREATE TABLE service_token_windows (
    identifier TEXT COLLATE "C" NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    uses       INTEGER NOT NULL,
    CONSTRAINT pk_service_token_windows PRIMARY KEY (identifier),
    CONSTRAINT fk_service_token_windows_identifier
        FOREIGN KEY (identifier) REFERENCES service_tokens (identifier) ON DELETE CASCADE,
    CONSTRAINT ck_service_token_windows_uses CHECK (uses > 0)
) WITH (fillfactor = 50);
