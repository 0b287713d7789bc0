CREATE TABLE service_tokens (
    identifier            TEXT   NOT NULL,
    -- SHA-256 of the whole token; the token itself is nowhere.
    secret_hash           BLOB   NOT NULL,
    name                  TEXT,
    scopes                TEXT   NOT NULL,
    workspace_ids         TEXT   NOT NULL,
    created_at            TEXT   NOT NULL,
    created_by            TEXT   NOT NULL,
    issued_at             TEXT   NOT NULL,
    expires_at            TEXT,
    last_used_at          TEXT,
    use_count             BIGINT NOT NULL DEFAULT 0,
    rotated_to            TEXT,
    rotated_from          TEXT,
    rotated_at            TEXT,
    rotation_expires_at   TEXT,
    family                TEXT   NOT NULL,
    revoked_at            TEXT,
    revoked_by            TEXT,
    revocation_reason     TEXT,
    allowed_ip_ranges     TEXT   NOT NULL,
    rate_limit            INTEGER,
    rate_interval_seconds INTEGER,
    -- The earliest of expires_at, rotation_expires_at and revoked_at: what is purged goes by it.
    ends_at               TEXT,
    -- Bytes of text in this row: pages end by them.
    record_bytes          BIGINT NOT NULL,
    CONSTRAINT pk_service_tokens PRIMARY KEY (identifier),
    CONSTRAINT ck_service_tokens_secret_hash CHECK (length(secret_hash) = 32),
    CONSTRAINT ck_service_tokens_sets
        CHECK (json_valid(scopes) AND json_type(scopes) = 'array'
               AND json_valid(workspace_ids) AND json_type(workspace_ids) = 'array'
               AND json_valid(allowed_ip_ranges) AND json_type(allowed_ip_ranges) = 'array'),
    CONSTRAINT ck_service_tokens_instants
        CHECK (length(created_at) = 32 AND length(issued_at) = 32
               AND length(coalesce(expires_at, created_at)) = 32
               AND length(coalesce(last_used_at, created_at)) = 32
               AND length(coalesce(rotated_at, created_at)) = 32
               AND length(coalesce(rotation_expires_at, created_at)) = 32
               AND length(coalesce(revoked_at, created_at)) = 32
               AND length(coalesce(ends_at, created_at)) = 32),
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
);

CREATE UNIQUE INDEX uq_service_tokens_secret_hash ON service_tokens (secret_hash);
-- One successor for each token, whatever happens.
CREATE UNIQUE INDEX uq_service_tokens_rotated_from
    ON service_tokens (rotated_from) WHERE rotated_from IS NOT NULL;
CREATE INDEX idx_service_tokens_created_at ON service_tokens (created_at, identifier);
CREATE INDEX idx_service_tokens_family ON service_tokens (family, identifier);
CREATE INDEX idx_service_tokens_ends_at
    ON service_tokens (ends_at, identifier) WHERE ends_at IS NOT NULL;

-- What happened to tokens. Entries are only ever added and outlive their token: no foreign key.
CREATE TABLE service_token_audit (
    identifier    TEXT   NOT NULL,
    sequence      BIGINT NOT NULL,
    action        TEXT   NOT NULL,
    actor         TEXT   NOT NULL,
    ip            TEXT,
    user_agent    TEXT,
    details       TEXT   NOT NULL,
    at            TEXT   NOT NULL,
    -- SHA-256 of the entry before this one; zeros for the first.
    previous_hash BLOB   NOT NULL,
    CONSTRAINT pk_service_token_audit PRIMARY KEY (identifier, sequence),
    CONSTRAINT ck_service_token_audit_sequence CHECK (sequence > 0),
    CONSTRAINT ck_service_token_audit_action
        CHECK (action IN ('created', 'rotated', 'revoked', 'denied', 'deleted', 'purged')),
    CONSTRAINT ck_service_token_audit_details CHECK (json_valid(details)),
    CONSTRAINT ck_service_token_audit_instants CHECK (length(at) = 32),
    CONSTRAINT ck_service_token_audit_previous_hash CHECK (length(previous_hash) = 32)
);

-- The newest entry of each audit: its place and its hash. The row is also the lock under which
-- entries are added and tokens are rotated, revoked and deleted.
CREATE TABLE service_token_audit_heads (
    identifier TEXT   NOT NULL,
    sequence   BIGINT NOT NULL,
    hash       BLOB   NOT NULL,
    CONSTRAINT pk_service_token_audit_heads PRIMARY KEY (identifier),
    CONSTRAINT ck_service_token_audit_heads_sequence CHECK (sequence >= 0),
    CONSTRAINT ck_service_token_audit_heads_hash CHECK (length(hash) = 32)
);

-- The current window of each token with a rate limit, apart from its row: it changes at each use.
CREATE TABLE service_token_windows (
    identifier TEXT   NOT NULL,
    started_at TEXT   NOT NULL,
    uses       INTEGER NOT NULL,
    CONSTRAINT pk_service_token_windows PRIMARY KEY (identifier),
    CONSTRAINT fk_service_token_windows_identifier
        FOREIGN KEY (identifier) REFERENCES service_tokens (identifier) ON DELETE CASCADE,
    CONSTRAINT ck_service_token_windows_instants CHECK (length(started_at) = 32),
    CONSTRAINT ck_service_token_windows_uses CHECK (uses > 0)
);
