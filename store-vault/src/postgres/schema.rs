// @generated automatically by Diesel CLI.

diesel::table! {
    vault_alerts (id) {
        id -> Uuid,
        workflow_ids -> Jsonb,
        workspace_ids -> Jsonb,
        roles -> Jsonb,
        template_id -> Nullable<Uuid>,
        credential_id -> Nullable<Uuid>,
        kind -> Text,
        severity -> Text,
        message -> Text,
        subject_key -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        acknowledged_at -> Nullable<Timestamptz>,
        acknowledged_by -> Nullable<Text>,
        record_bytes -> Int8,
    }
}

diesel::table! {
    vault_audit (subject_id, sequence) {
        subject_id -> Uuid,
        sequence -> Int8,
        subject -> Text,
        action -> Text,
        actor -> Text,
        details -> Jsonb,
        at -> Timestamptz,
        previous_hash -> Bytea,
    }
}

diesel::table! {
    vault_audit_heads (subject_id) {
        subject_id -> Uuid,
        sequence -> Int8,
        hash -> Bytea,
    }
}

diesel::table! {
    vault_credentials (id) {
        id -> Uuid,
        name -> Text,
        name_key -> Text,
        provider -> Text,
        scopes -> Jsonb,
        workflow_ids -> Jsonb,
        workspace_ids -> Jsonb,
        roles -> Jsonb,
        kind -> Text,
        template_id -> Nullable<Uuid>,
        health_status -> Text,
        health_checked_at -> Nullable<Timestamptz>,
        health_failure_reason -> Nullable<Text>,
        key_id -> Text,
        secret_version -> Int8,
        last_rotated_at -> Timestamptz,
        tokens_version -> Int8,
        has_access_token -> Bool,
        has_refresh_token -> Bool,
        tokens_expire_at -> Nullable<Timestamptz>,
        lease_owner -> Nullable<Text>,
        lease_epoch -> Int8,
        lease_expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        row_version -> Int8,
        record_bytes -> Int8,
    }
}

diesel::table! {
    vault_issuances (credential_id) {
        credential_id -> Uuid,
        template_id -> Nullable<Uuid>,
        template_name -> Text,
        issued_at -> Timestamptz,
        issued_by -> Text,
    }
}

diesel::table! {
    vault_keys (key_id) {
        key_id -> Text,
        check_value -> Text,
        derivation -> Nullable<Text>,
        registered_at -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    vault_secrets (credential_id, field, version) {
        credential_id -> Uuid,
        field -> Text,
        version -> Int8,
        key_id -> Text,
        envelope -> Bytea,
        created_at -> Timestamptz,
        created_by -> Text,
    }
}

diesel::table! {
    vault_templates (id) {
        id -> Uuid,
        name -> Text,
        name_key -> Text,
        provider -> Text,
        description -> Nullable<Text>,
        scopes -> Jsonb,
        workflow_ids -> Jsonb,
        workspace_ids -> Jsonb,
        roles -> Jsonb,
        kind -> Text,
        require_refresh_token -> Bool,
        rotation_period_days -> Nullable<Int4>,
        expiry_threshold_minutes -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        row_version -> Int8,
        record_bytes -> Int8,
    }
}

diesel::joinable!(vault_alerts -> vault_credentials (credential_id));
diesel::joinable!(vault_alerts -> vault_templates (template_id));
diesel::joinable!(vault_credentials -> vault_keys (key_id));
diesel::joinable!(vault_credentials -> vault_templates (template_id));
diesel::joinable!(vault_issuances -> vault_credentials (credential_id));
diesel::joinable!(vault_issuances -> vault_templates (template_id));
diesel::joinable!(vault_secrets -> vault_credentials (credential_id));
diesel::joinable!(vault_secrets -> vault_keys (key_id));

diesel::allow_tables_to_appear_in_same_query!(
    vault_alerts,
    vault_audit,
    vault_audit_heads,
    vault_credentials,
    vault_issuances,
    vault_keys,
    vault_secrets,
    vault_templates,
);
