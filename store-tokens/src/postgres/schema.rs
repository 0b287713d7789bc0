// @generated automatically by Diesel CLI.

diesel::table! {
    service_token_audit (identifier, sequence) {
        identifier -> Text,
        sequence -> Int8,
        action -> Text,
        actor -> Text,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        details -> Jsonb,
        at -> Timestamptz,
        previous_hash -> Bytea,
    }
}

diesel::table! {
    service_token_audit_heads (identifier) {
        identifier -> Text,
        sequence -> Int8,
        hash -> Bytea,
    }
}

diesel::table! {
    service_token_windows (identifier) {
        identifier -> Text,
        started_at -> Timestamptz,
        uses -> Int4,
    }
}

diesel::table! {
    service_tokens (identifier) {
        identifier -> Text,
        secret_hash -> Bytea,
        name -> Nullable<Text>,
        scopes -> Jsonb,
        workspace_ids -> Jsonb,
        created_at -> Timestamptz,
        created_by -> Text,
        issued_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        use_count -> Int8,
        rotated_to -> Nullable<Text>,
        rotated_from -> Nullable<Text>,
        rotated_at -> Nullable<Timestamptz>,
        rotation_expires_at -> Nullable<Timestamptz>,
        family -> Text,
        revoked_at -> Nullable<Timestamptz>,
        revoked_by -> Nullable<Text>,
        revocation_reason -> Nullable<Text>,
        allowed_ip_ranges -> Jsonb,
        rate_limit -> Nullable<Int4>,
        rate_interval_seconds -> Nullable<Int4>,
        ends_at -> Nullable<Timestamptz>,
        record_bytes -> Int8,
    }
}

diesel::joinable!(service_token_windows -> service_tokens (identifier));

diesel::allow_tables_to_appear_in_same_query!(
    service_token_audit,
    service_token_audit_heads,
    service_token_windows,
    service_tokens,
);
