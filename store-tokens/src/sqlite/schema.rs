// @generated automatically by Diesel CLI.

diesel::table! {
    service_token_audit (identifier, sequence) {
        identifier -> Text,
        sequence -> BigInt,
        action -> Text,
        actor -> Text,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        details -> Text,
        at -> Text,
        previous_hash -> Binary,
    }
}

diesel::table! {
    service_token_audit_heads (identifier) {
        identifier -> Text,
        sequence -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    service_token_windows (identifier) {
        identifier -> Text,
        started_at -> Text,
        uses -> Integer,
    }
}

diesel::table! {
    service_tokens (identifier) {
        identifier -> Text,
        secret_hash -> Binary,
        name -> Nullable<Text>,
        scopes -> Text,
        workspace_ids -> Text,
        created_at -> Text,
        created_by -> Text,
        issued_at -> Text,
        expires_at -> Nullable<Text>,
        last_used_at -> Nullable<Text>,
        use_count -> BigInt,
        rotated_to -> Nullable<Text>,
        rotated_from -> Nullable<Text>,
        rotated_at -> Nullable<Text>,
        rotation_expires_at -> Nullable<Text>,
        family -> Text,
        revoked_at -> Nullable<Text>,
        revoked_by -> Nullable<Text>,
        revocation_reason -> Nullable<Text>,
        allowed_ip_ranges -> Text,
        rate_limit -> Nullable<Integer>,
        rate_interval_seconds -> Nullable<Integer>,
        ends_at -> Nullable<Text>,
        record_bytes -> BigInt,
    }
}

diesel::joinable!(service_token_windows -> service_tokens (identifier));

diesel::allow_tables_to_appear_in_same_query!(
    service_token_audit,
    service_token_audit_heads,
    service_token_windows,
    service_tokens,
);
