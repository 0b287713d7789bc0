-- The key-encryption keys that this vault has seen; the keys themselves are nowhere.
CREATE TABLE vault_keys (
    key_id        TEXT NOT NULL,
    -- Tells a wrong key with the same id, and nothing about a random key.
    check_value   TEXT NOT NULL,
    -- Salt and parameters of a key that is made of a passphrase.
    derivation    TEXT,
    registered_at TEXT NOT NULL,
    -- Nothing is sealed with a retired key.
    retired_at    TEXT,
    CONSTRAINT pk_vault_keys PRIMARY KEY (key_id),
    CONSTRAINT ck_vault_keys_instants
        CHECK (length(registered_at) = 32
               AND coalesce(length(retired_at), 32) = 32)
);

CREATE TABLE vault_templates (
    id                       TEXT NOT NULL,
    name                     TEXT NOT NULL,
    -- The name without regard to case.
    name_key                 TEXT NOT NULL,
    provider                 TEXT NOT NULL,
    description              TEXT,
    scopes                   TEXT NOT NULL,
    workflow_ids             TEXT NOT NULL,
    workspace_ids            TEXT NOT NULL,
    roles                    TEXT NOT NULL,
    kind                     TEXT NOT NULL,
    require_refresh_token    BOOLEAN NOT NULL,
    rotation_period_days     INTEGER,
    expiry_threshold_minutes INTEGER NOT NULL,
    created_at               TEXT NOT NULL,
    updated_at               TEXT NOT NULL,
    row_version              BIGINT NOT NULL,
    -- Bytes of text in this row: pages end by them.
    record_bytes             BIGINT NOT NULL,
    CONSTRAINT pk_vault_templates PRIMARY KEY (id),
    CONSTRAINT ck_vault_templates_sets
        CHECK (json_valid(scopes) AND json_type(scopes) = 'array'
               AND json_valid(workflow_ids) AND json_type(workflow_ids) = 'array'
               AND json_valid(workspace_ids) AND json_type(workspace_ids) = 'array'
               AND json_valid(roles) AND json_type(roles) = 'array'),
    CONSTRAINT ck_vault_templates_kind CHECK (kind IN ('secret', 'oauth')),
    CONSTRAINT ck_vault_templates_policy
        CHECK ((kind = 'oauth' OR NOT require_refresh_token)
               AND coalesce(rotation_period_days, 1) > 0 AND expiry_threshold_minutes > 0),
    CONSTRAINT ck_vault_templates_counters CHECK (row_version > 0 AND record_bytes >= 0),
    CONSTRAINT ck_vault_templates_ids CHECK (length(id) = 36),
    CONSTRAINT ck_vault_templates_instants
        CHECK (length(created_at) = 32
               AND length(updated_at) = 32),
    CONSTRAINT ck_vault_templates_flags
        CHECK (require_refresh_token IN (0, 1))
);

CREATE UNIQUE INDEX uq_vault_templates_name_key ON vault_templates (name_key);
CREATE INDEX idx_vault_templates_created_at ON vault_templates (created_at, id);

CREATE TABLE vault_credentials (
    id                    TEXT NOT NULL,
    name                  TEXT NOT NULL,
    -- The name without regard to case.
    name_key              TEXT NOT NULL,
    provider              TEXT NOT NULL,
    scopes                TEXT NOT NULL,
    workflow_ids          TEXT NOT NULL,
    workspace_ids         TEXT NOT NULL,
    roles                 TEXT NOT NULL,
    kind                  TEXT NOT NULL,
    template_id           TEXT,
    health_status         TEXT NOT NULL,
    health_checked_at     TEXT,
    health_failure_reason TEXT,
    -- The key of the current secret, as its row in vault_secrets has it.
    key_id                TEXT NOT NULL,
    -- The counter of the secret's versions, and the current one.
    secret_version        BIGINT NOT NULL,
    last_rotated_at       TEXT NOT NULL,
    -- The counter of the tokens' versions; 0 before there were any.
    tokens_version        BIGINT NOT NULL,
    has_access_token      BOOLEAN NOT NULL,
    has_refresh_token     BOOLEAN NOT NULL,
    tokens_expire_at      TEXT,
    lease_owner           TEXT,
    lease_epoch           BIGINT NOT NULL,
    lease_expires_at      TEXT,
    created_at            TEXT NOT NULL,
    updated_at            TEXT NOT NULL,
    row_version           BIGINT NOT NULL,
    -- Bytes of text in this row: pages end by them.
    record_bytes          BIGINT NOT NULL,
    CONSTRAINT pk_vault_credentials PRIMARY KEY (id),
    CONSTRAINT fk_vault_credentials_template_id
        FOREIGN KEY (template_id) REFERENCES vault_templates (id) ON DELETE SET NULL,
    CONSTRAINT fk_vault_credentials_key_id FOREIGN KEY (key_id) REFERENCES vault_keys (key_id),
    CONSTRAINT ck_vault_credentials_sets
        CHECK (json_valid(scopes) AND json_type(scopes) = 'array'
               AND json_valid(workflow_ids) AND json_type(workflow_ids) = 'array'
               AND json_valid(workspace_ids) AND json_type(workspace_ids) = 'array'
               AND json_valid(roles) AND json_type(roles) = 'array'),
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
               AND record_bytes >= 0),
    CONSTRAINT ck_vault_credentials_ids CHECK (length(id) = 36
               AND coalesce(length(template_id), 36) = 36),
    CONSTRAINT ck_vault_credentials_instants
        CHECK (coalesce(length(health_checked_at), 32) = 32
               AND length(last_rotated_at) = 32
               AND coalesce(length(tokens_expire_at), 32) = 32
               AND coalesce(length(lease_expires_at), 32) = 32
               AND length(created_at) = 32
               AND length(updated_at) = 32),
    CONSTRAINT ck_vault_credentials_flags
        CHECK (has_access_token IN (0, 1)
               AND has_refresh_token IN (0, 1))
);

CREATE UNIQUE INDEX uq_vault_credentials_name_key ON vault_credentials (name_key);
CREATE INDEX idx_vault_credentials_created_at ON vault_credentials (created_at, id);
CREATE INDEX idx_vault_credentials_template_id
    ON vault_credentials (template_id, id) WHERE template_id IS NOT NULL;
CREATE INDEX idx_vault_credentials_key_id ON vault_credentials (key_id, id);
CREATE INDEX idx_vault_credentials_tokens_expire_at
    ON vault_credentials (tokens_expire_at, id) WHERE tokens_expire_at IS NOT NULL;

-- Everything that is sealed: each value in an envelope that opens only in this row.
CREATE TABLE vault_secrets (
    credential_id TEXT NOT NULL,
    field         TEXT NOT NULL,
    version       BIGINT NOT NULL,
    key_id        TEXT NOT NULL,
    envelope      BLOB NOT NULL,
    created_at    TEXT NOT NULL,
    created_by    TEXT NOT NULL,
    CONSTRAINT pk_vault_secrets PRIMARY KEY (credential_id, field, version),
    CONSTRAINT fk_vault_secrets_credential_id
        FOREIGN KEY (credential_id) REFERENCES vault_credentials (id) ON DELETE CASCADE,
    CONSTRAINT fk_vault_secrets_key_id FOREIGN KEY (key_id) REFERENCES vault_keys (key_id),
    CONSTRAINT ck_vault_secrets_field CHECK (field IN ('secret', 'access_token', 'refresh_token')),
    CONSTRAINT ck_vault_secrets_version CHECK (version > 0),
    CONSTRAINT ck_vault_secrets_ids CHECK (length(credential_id) = 36),
    CONSTRAINT ck_vault_secrets_instants
        CHECK (length(created_at) = 32)
);

CREATE INDEX idx_vault_secrets_key_id ON vault_secrets (key_id, credential_id);

-- That a credential was issued from a template.
CREATE TABLE vault_issuances (
    credential_id TEXT NOT NULL,
    template_id   TEXT,
    template_name TEXT NOT NULL,
    issued_at     TEXT NOT NULL,
    issued_by     TEXT NOT NULL,
    CONSTRAINT pk_vault_issuances PRIMARY KEY (credential_id),
    CONSTRAINT fk_vault_issuances_credential_id
        FOREIGN KEY (credential_id) REFERENCES vault_credentials (id) ON DELETE CASCADE,
    CONSTRAINT fk_vault_issuances_template_id
        FOREIGN KEY (template_id) REFERENCES vault_templates (id) ON DELETE SET NULL,
    CONSTRAINT ck_vault_issuances_ids CHECK (length(credential_id) = 36
               AND coalesce(length(template_id), 36) = 36),
    CONSTRAINT ck_vault_issuances_instants
        CHECK (length(issued_at) = 32)
);

CREATE INDEX idx_vault_issuances_template_id
    ON vault_issuances (template_id) WHERE template_id IS NOT NULL;

CREATE TABLE vault_alerts (
    id              TEXT NOT NULL,
    workflow_ids    TEXT NOT NULL,
    workspace_ids   TEXT NOT NULL,
    roles           TEXT NOT NULL,
    template_id     TEXT,
    credential_id   TEXT,
    kind            TEXT NOT NULL,
    severity        TEXT NOT NULL,
    message         TEXT NOT NULL,
    -- Kind, credential and template: one alert of each is open.
    subject_key     TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    updated_at      TEXT NOT NULL,
    acknowledged_at TEXT,
    acknowledged_by TEXT,
    -- Bytes of text in this row: pages end by them.
    record_bytes    BIGINT NOT NULL,
    CONSTRAINT pk_vault_alerts PRIMARY KEY (id),
    CONSTRAINT fk_vault_alerts_template_id
        FOREIGN KEY (template_id) REFERENCES vault_templates (id) ON DELETE CASCADE,
    CONSTRAINT fk_vault_alerts_credential_id
        FOREIGN KEY (credential_id) REFERENCES vault_credentials (id) ON DELETE CASCADE,
    CONSTRAINT ck_vault_alerts_sets
        CHECK (json_valid(workflow_ids) AND json_type(workflow_ids) = 'array'
               AND json_valid(workspace_ids) AND json_type(workspace_ids) = 'array'
               AND json_valid(roles) AND json_type(roles) = 'array'),
    CONSTRAINT ck_vault_alerts_kind
        CHECK (kind IN ('token_expiring', 'validation_failed', 'rotation_overdue')),
    CONSTRAINT ck_vault_alerts_severity CHECK (severity IN ('info', 'warning', 'critical')),
    CONSTRAINT ck_vault_alerts_acknowledged
        CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CONSTRAINT ck_vault_alerts_counters CHECK (record_bytes >= 0),
    CONSTRAINT ck_vault_alerts_ids CHECK (length(id) = 36
               AND coalesce(length(template_id), 36) = 36
               AND coalesce(length(credential_id), 36) = 36),
    CONSTRAINT ck_vault_alerts_instants
        CHECK (length(created_at) = 32
               AND length(updated_at) = 32
               AND coalesce(length(acknowledged_at), 32) = 32)
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
    subject_id    TEXT NOT NULL,
    sequence      BIGINT NOT NULL,
    subject       TEXT NOT NULL,
    action        TEXT NOT NULL,
    actor         TEXT NOT NULL,
    details       TEXT NOT NULL,
    at            TEXT NOT NULL,
    -- SHA-256 of the entry before this one; zeros for the first.
    previous_hash BLOB NOT NULL,
    CONSTRAINT pk_vault_audit PRIMARY KEY (subject_id, sequence),
    CONSTRAINT ck_vault_audit_sequence CHECK (sequence > 0),
    CONSTRAINT ck_vault_audit_subject CHECK (subject IN ('credential', 'template')),
    CONSTRAINT ck_vault_audit_action
        CHECK (action IN ('created', 'updated', 'rotated', 'revealed', 'restored',
                          'tokens_updated', 'tokens_revealed', 'health_marked', 'deleted')),
    CONSTRAINT ck_vault_audit_previous_hash CHECK (length(previous_hash) = 32),
    CONSTRAINT ck_vault_audit_ids CHECK (length(subject_id) = 36),
    CONSTRAINT ck_vault_audit_instants
        CHECK (length(at) = 32),
    CONSTRAINT ck_vault_audit_details CHECK (json_valid(details))
);

-- The newest entry of each audit: its place and its hash. The row is made with its subject, and is
-- locked with it.
CREATE TABLE vault_audit_heads (
    subject_id TEXT NOT NULL,
    sequence   BIGINT NOT NULL,
    hash       BLOB NOT NULL,
    CONSTRAINT pk_vault_audit_heads PRIMARY KEY (subject_id),
    CONSTRAINT ck_vault_audit_heads_sequence CHECK (sequence > 0),
    CONSTRAINT ck_vault_audit_heads_hash CHECK (length(hash) = 32),
    CONSTRAINT ck_vault_audit_heads_ids CHECK (length(subject_id) = 36)
);
