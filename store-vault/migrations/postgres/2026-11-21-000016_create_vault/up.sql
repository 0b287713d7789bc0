-- The key-encryption keys that this vault has seen; the keys themselves are nowhere.
CREATE TABLE vault_keys (
    key_id        TEXT COLLATE "C" NOT NULL,
    -- Tells a wrong key with the same id, and nothing about a random key.
    check_value   TEXT COLLATE "C" NOT NULL,
    -- Salt and parameters of a key that is made of a passphrase.
    derivation    TEXT COLLATE "C",
    registered_at TIMESTAMPTZ NOT NULL,
    -- Nothing is sealed with a retired key.
    retired_at    TIMESTAMPTZ,
    CONSTRAINT pk_vault_keys PRIMARY KEY (key_id)
);

CREATE TABLE vault_templates (
    id                       UUID NOT NULL,
    name                     TEXT COLLATE "C" NOT NULL,
    -- The name without regard to case.
    name_key                 TEXT COLLATE "C" NOT NULL,
    provider                 TEXT COLLATE "C" NOT NULL,
    description              TEXT,
    scopes                   JSONB NOT NULL,
    workflow_ids             JSONB NOT NULL,
    workspace_ids            JSONB NOT NULL,
    roles                    JSONB NOT NULL,
    kind                     TEXT COLLATE "C" NOT NULL,
    require_refresh_token    BOOLEAN NOT NULL,
    rotation_period_days     INTEGER,
    expiry_threshold_minutes INTEGER NOT NULL,
    created_at               TIMESTAMPTZ NOT NULL,
    updated_at               TIMESTAMPTZ NOT NULL,
    row_version              BIGINT NOT NULL,
    -- Bytes of text in this row: pages end by them.
    record_bytes             BIGINT NOT NULL,
    CONSTRAINT pk_vault_templates PRIMARY KEY (id),
    CONSTRAINT ck_vault_templates_sets
        CHECK (jsonb_typeof(scopes) = 'array' AND jsonb_typeof(workflow_ids) = 'array'
               AND jsonb_typeof(workspace_ids) = 'array' AND jsonb_typeof(roles) = 'array'),
    CONSTRAINT ck_vault_templates_kind CHECK (kind IN ('secret', 'oauth')),
    CONSTRAINT ck_vault_templates_policy
        CHECK ((kind = 'oauth' OR NOT require_refresh_token)
               AND coalesce(rotation_period_days, 1) > 0 AND expiry_threshold_minutes > 0),
    CONSTRAINT ck_vault_templates_counters CHECK (row_version > 0 AND record_bytes >= 0)
);

CREATE UNIQUE INDEX uq_vault_templates_name_key ON vault_templates (name_key);
CREATE INDEX idx_vault_templates_created_at ON vault_templates (created_at, id);

CREATE TABLE vault_credentials (
    id                    UUID NOT NULL,
    name                  TEXT COLLATE "C" NOT NULL,
    -- The name without regard to case.
    name_key              TEXT COLLATE "C" NOT NULL,
    provider              TEXT COLLATE "C" NOT NULL,
    scopes                JSONB NOT NULL,
    workflow_ids          JSONB NOT NULL,
    workspace_ids         JSONB NOT NULL,
    roles                 JSONB NOT NULL,
    kind                  TEXT COLLATE "C" NOT NULL,
    template_id           UUID,
    health_status         TEXT COLLATE "C" NOT NULL,
    health_checked_at     TIMESTAMPTZ,
    health_failure_reason TEXT,
    -- The key of the current secret, as its row in vault_secrets has it.
    key_id                TEXT COLLATE "C" NOT NULL,
    -- The counter of the secret's versions, and the current one.
    secret_version        BIGINT NOT NULL,
    last_rotated_at       TIMESTAMPTZ NOT NULL,
    -- The counter of the tokens' versions; 0 before there were any.
    tokens_version        BIGINT NOT NULL,
    has_access_token      BOOLEAN NOT NULL,
    has_refresh_token     BOOLEAN NOT NULL,
    tokens_expire_at      TIMESTAMPTZ,
    lease_owner           TEXT COLLATE "C",
    lease_epoch           BIGINT NOT NULL,
    lease_expires_at      TIMESTAMPTZ,
    created_at            TIMESTAMPTZ NOT NULL,
    updated_at            TIMESTAMPTZ NOT NULL,
    row_version           BIGINT NOT NULL,
    -- Bytes of text in this row: pages end by them.
    record_bytes          BIGINT NOT NULL,
    CONSTRAINT pk_vault_credentials PRIMARY KEY (id),
    CONSTRAINT fk_vault_credentials_template_id
        FOREIGN KEY (template_id) REFERENCES vault_templates (id) ON DELETE SET NULL,
    CONSTRAINT fk_vault_credentials_key_id FOREIGN KEY (key_id) REFERENCES vault_keys (key_id),
    CONSTRAINT ck_vault_credentials_sets
        CHECK (jsonb_typeof(scopes) = 'array' AND jsonb_typeof(workflow_ids) = 'array'
               AND jsonb_typeof(workspace_ids) = 'array' AND jsonb_typeof(roles) = 'array'),
    CONSTRAINT ck_vault_credentials_kind CHECK (kind IN ('secret', 'oauth')),
    CONSTRAINT ck_vault_credentials_health
        CHECK (health_status IN ('unknown', 'healthy', 'unhealthy')
               AND (health_failure_reason IS NOT NULL) = (health_status = 'unhealthy')),
    CONSTRAINT ck_vault_credentials_tokens
        CHECK (kind = 'oauth' OR (tokens_version = 0 AND NOT has_access_token
               AND NOT has_refresh_token AND tokens_expire_at IS NULL)),
    CONSTRAINT ck_vault_credentials_lease
        CHECK ((lease_owner IS NULL) = (lease_expires_at IS NULL)
               AND (lease_owner IS NULL OR kind = 'oauth')),
    CONSTRAINT ck_vault_credentials_counters
        CHECK (secret_version > 0 AND tokens_version >= 0 AND lease_epoch >= 0 AND row_version > 0
               AND record_bytes >= 0)
-- Leases and health update this row: with room in its page the new version needs no index entry.
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX uq_vault_credentials_name_key ON vault_credentials (name_key);
CREATE INDEX idx_vault_credentials_created_at ON vault_credentials (created_at, id);
CREATE INDEX idx_vault_credentials_template_id
    ON vault_credentials (template_id, id) WHERE template_id IS NOT NULL;
CREATE INDEX idx_vault_credentials_key_id ON vault_credentials (key_id, id);
CREATE INDEX idx_vault_credentials_tokens_expire_at
    ON vault_credentials (tokens_expire_at, id) WHERE tokens_expire_at IS NOT NULL;

-- Everything that is sealed: each value in an envelope that opens only in this row.
CREATE TABLE vault_secrets (
    credential_id UUID NOT NULL,
    field         TEXT COLLATE "C" NOT NULL,
    version       BIGINT NOT NULL,
    key_id        TEXT COLLATE "C" NOT NULL,
    envelope      BYTEA NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    created_by    TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_vault_secrets PRIMARY KEY (credential_id, field, version),
    CONSTRAINT fk_vault_secrets_credential_id
        FOREIGN KEY (credential_id) REFERENCES vault_credentials (id) ON DELETE CASCADE,
    CONSTRAINT fk_vault_secrets_key_id FOREIGN KEY (key_id) REFERENCES vault_keys (key_id),
    CONSTRAINT ck_vault_secrets_field CHECK (field IN ('secret', 'access_token', 'refresh_token')),
    CONSTRAINT ck_vault_secrets_version CHECK (version > 0)
);

CREATE INDEX idx_vault_secrets_key_id ON vault_secrets (key_id, credential_id);

-- That a credential was issued from a template.
CREATE TABLE vault_issuances (
    credential_id UUID NOT NULL,
    template_id   UUID,
    template_name TEXT COLLATE "C" NOT NULL,
    issued_at     TIMESTAMPTZ NOT NULL,
    issued_by     TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_vault_issuances PRIMARY KEY (credential_id),
    CONSTRAINT fk_vault_issuances_credential_id
        FOREIGN KEY (credential_id) REFERENCES vault_credentials (id) ON DELETE CASCADE,
    CONSTRAINT fk_vault_issuances_template_id
        FOREIGN KEY (template_id) REFERENCES vault_templates (id) ON DELETE SET NULL
);

CREATE INDEX idx_vault_issuances_template_id
    ON vault_issuances (template_id) WHERE template_id IS NOT NULL;

CREATE TABLE vault_alerts (
    id              UUID NOT NULL,
    workflow_ids    JSONB NOT NULL,
    workspace_ids   JSONB NOT NULL,
    roles           JSONB NOT NULL,
    template_id     UUID,
    credential_id   UUID,
    kind            TEXT COLLATE "C" NOT NULL,
    severity        TEXT COLLATE "C" NOT NULL,
    message         TEXT NOT NULL,
    -- Kind, credential and template: one alert of each is open.
    subject_key     TEXT COLLATE "C" NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    acknowledged_at TIMESTAMPTZ,
    acknowledged_by TEXT COLLATE "C",
    -- Bytes of text in this row: pages end by them.
    record_bytes    BIGINT NOT NULL,
    CONSTRAINT pk_vault_alerts PRIMARY KEY (id),
    CONSTRAINT fk_vault_alerts_template_id
        FOREIGN KEY (template_id) REFERENCES vault_templates (id) ON DELETE CASCADE,
    CONSTRAINT fk_vault_alerts_credential_id
        FOREIGN KEY (credential_id) REFERENCES vault_credentials (id) ON DELETE CASCADE,
    CONSTRAINT ck_vault_alerts_sets
        CHECK (jsonb_typeof(workflow_ids) = 'array' AND jsonb_typeof(workspace_ids) = 'array'
               AND jsonb_typeof(roles) = 'array'),
    CONSTRAINT ck_vault_alerts_kind
        CHECK (kind IN ('token_expiring', 'validation_failed', 'rotation_overdue')),
    CONSTRAINT ck_vault_alerts_severity CHECK (severity IN ('info', 'warning', 'critical')),
    CONSTRAINT ck_vault_alerts_acknowledged
        CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CONSTRAINT ck_vault_alerts_counters CHECK (record_bytes >= 0)
);

CREATE UNIQUE INDEX uq_vault_alerts_subject_key
    ON vault_alerts (subject_key) WHERE acknowledged_at IS NULL;
CREATE INDEX idx_vault_alerts_created_at ON vault_alerts (created_at, id);
CREATE INDEX idx_vault_alerts_credential_id
    ON vault_alerts (credential_id, id) WHERE credential_id IS NOT NULL;
CREATE INDEX idx_vault_alerts_template_id
    ON vault_alerts (template_id) WHERE template_id IS NOT NULL;

-- What happened to credentials and templates. Entries are only ever added and outlive what they
-- are about: no foreign key.
CREATE TABLE vault_audit (
    subject_id    UUID NOT NULL,
    sequence      BIGINT NOT NULL,
    subject       TEXT COLLATE "C" NOT NULL,
    action        TEXT COLLATE "C" NOT NULL,
    actor         TEXT COLLATE "C" NOT NULL,
    details       JSONB NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    -- SHA-256 of the entry before this one; zeros for the first.
    previous_hash BYTEA NOT NULL,
    CONSTRAINT pk_vault_audit PRIMARY KEY (subject_id, sequence),
    CONSTRAINT ck_vault_audit_sequence CHECK (sequence > 0),
    CONSTRAINT ck_vault_audit_subject CHECK (subject IN ('credential', 'template')),
    CONSTRAINT ck_vault_audit_action
        CHECK (action IN ('created', 'updated', 'rotated', 'revealed', 'restored',
                          'tokens_updated', 'tokens_revealed', 'health_marked', 'deleted')),
    CONSTRAINT ck_vault_audit_previous_hash CHECK (octet_length(previous_hash) = 32)
);

-- The newest entry of each audit: its place and its hash. The row is made with its subject, and is
-- locked with it.
CREATE TABLE vault_audit_heads (
    subject_id UUID NOT NULL,
    sequence   BIGINT NOT NULL,
    hash       BYTEA NOT NULL,
    CONSTRAINT pk_vault_audit_heads PRIMARY KEY (subject_id),
    CONSTRAINT ck_vault_audit_heads_sequence CHECK (sequence > 0),
    CONSTRAINT ck_vault_audit_heads_hash CHECK (octet_length(hash) = 32)
) WITH (fillfactor = 50);
