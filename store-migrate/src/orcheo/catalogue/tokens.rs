//! Service tokens and their audit.

use super::{Table, none, to};

pub(super) static TOKENS: Table = Table {
    name: "service_tokens",
    key: &["identifier"],
    order: &["identifier"],
    columns: &[
        to("identifier", &["service_tokens.identifier", "service_tokens.family"]),
        to("secret_hash", &["service_tokens.secret_hash"]),
        to("scopes", &["service_tokens.scopes"]),
        to("workspace_ids", &["service_tokens.workspace_ids"]),
        to("created_at", &["service_tokens.created_at"]),
        to("created_by", &["service_tokens.created_by"]),
        to("issued_at", &["service_tokens.issued_at"]),
        to("expires_at", &["service_tokens.expires_at", "service_tokens.ends_at"]),
        to("last_used_at", &["service_tokens.last_used_at"]),
        to("use_count", &["service_tokens.use_count"]),
        to("rotation_expires_at", &["service_tokens.rotation_expires_at"]),
        to("rotated_to", &["service_tokens.rotated_to", "service_tokens.rotated_at"]),
        to("rotated_from", &["service_tokens.rotated_from"]),
        to("revoked_at", &["service_tokens.revoked_at"]),
        to("revoked_by", &["service_tokens.revoked_by"]),
        to("revocation_reason", &["service_tokens.revocation_reason"]),
        to("allowed_ip_ranges", &["service_tokens.allowed_ip_ranges"]),
        none(
            "rate_limit_override",
            "no release wrote or read it, so that nobody can say of which time; a value is refused",
        ),
    ],
};

pub(super) static AUDIT: Table = Table {
    name: "service_token_audit_log",
    key: &["id"],
    order: &["id"],
    columns: &[
        to("id", &["service_token_audit.sequence"]),
        to("token_id", &["service_token_audit.identifier", "service_token_audit_heads.identifier"]),
        to("action", &["service_token_audit.action"]),
        to("actor", &["service_token_audit.actor"]),
        to("ip_address", &["service_token_audit.ip"]),
        to("user_agent", &["service_token_audit.user_agent"]),
        to("timestamp", &["service_token_audit.at"]),
        to("details", &["service_token_audit.details"]),
    ],
};
