// @generated automatically by Diesel CLI.

diesel::table! {
    vault_alerts (id) {
        id -> Text,
        workflow_ids -> Text,
        workspace_ids -> Text,
        roles -> Text,
        template_id -> Nullable<Text>,
        credential_id -> Nullable<Text>,
        kind -> Text,
        severity -> Text,
        message -> Text,
        subject_key -> Text,
        created_at -> Text,
        updated_at -> Text,
        acknowledged_at -> Nullable<Text>,
        acknowledged_by -> Nullable<Text>,
        record_bytes -> BigInt,
    }
}

diesel::table! {
    vault_audit (subject_id, sequence) {
        subject_id -> Text,
        sequence -> BigInt,
        subject -> Text,
        action -> Text,
        actor -> Text,
        details -> Text,
        at -> Text,
        previous_hash -> Binary,
    }
}

diesel::table! {
    vault_audit_heads (subject_id) {
        subject_id -> Text,
        sequence -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    vault_credentials (id) {
        id -> Text,
        name -> Text,
        name_key -> Text,
        provider -> Text,
        scopes -> Text,
        workflow_ids -> Text,
        workspace_ids -> Text,
        roles -> Text,
        kind -> Text,
        template_id -> Nullable<Text>,
        health_status -> Text,
        health_checked_at -> Nullable<Text>,
        health_failure_reason -> Nullable<Text>,
        key_id -> Text,
        secret_version -> BigInt,
        last_rotated_at -> Text,
        tokens_version -> BigInt,
        has_access_token -> Bool,
        has_refresh_token -> Bool,
        tokens_expire_at -> Nullable<Text>,
        lease_owner -> Nullable<Text>,
        lease_epoch -> BigInt,
        lease_expires_at -> Nullable<Text>,
        created_at -> Text,
        updated_at -> Text,
        row_version -> BigInt,
        record_bytes -> BigInt,
    }
}

diesel::table! {
    vault_issuances (credential_id) {
        credential_id -> Text,
        template_id -> Nullable<Text>,
        template_name -> Text,
        issued_at -> Text,
        issued_by -> Text,
    }
}

diesel::table! {
    vault_keys (key_id) {
        key_id -> Text,
        check_value -> Text,
        derivation -> Nullable<Text>,
        registered_at -> Text,
        retired_at -> Nullable<Text>,
    }
}

diesel::table! {
    vault_secrets (credential_id, field, version) {
        credential_id -> Text,
        field -> Text,
        version -> BigInt,
        key_id -> Text,
        envelope -> Binary,
        created_at -> Text,
        created_by -> Text,
    }
}

diesel::table! {
    vault_templates (id) {
        id -> Text,
        name -> Text,
        name_key -> Text,
        provider -> Text,
        description -> Nullable<Text>,
        scopes -> Text,
        workflow_ids -> Text,
        workspace_ids -> Text,
        roles -> Text,
        kind -> Text,
        require_refresh_token -> Bool,
        rotation_period_days -> Nullable<Integer>,
        expiry_threshold_minutes -> Integer,
        created_at -> Text,
        updated_at -> Text,
        row_version -> BigInt,
        record_bytes -> BigInt,
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
