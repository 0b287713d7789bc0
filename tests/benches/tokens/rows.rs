//! The columns and texts that both raw sides share.

use store_core::RunId;

use crate::common::rows::Layout;

/// The hash, then eight texts, three JSON values, seven instants, three numbers.
pub(crate) const TOKEN: &str = "secret_hash, identifier, name, created_by, rotated_to, \
    rotated_from, family, revoked_by, revocation_reason, \
    scopes, workspace_ids, allowed_ip_ranges, \
    created_at, issued_at, expires_at, last_used_at, rotated_at, rotation_expires_at, revoked_at, \
    use_count, CAST(rate_limit AS BIGINT), CAST(rate_interval_seconds AS BIGINT)";

pub(crate) const TOKEN_LAYOUT: Layout =
    Layout { ids: 0..0, texts: 1..9, json: 9..12, instants: 12..19, numbers: 19..22 };

/// The columns of a new token, in the order in which they are bound.
pub(crate) const NEW_TOKEN: &str = "identifier, secret_hash, name, scopes, workspace_ids, \
    created_at, created_by, issued_at, rotated_from, family, allowed_ip_ranges, record_bytes";

/// The columns of an entry of an audit, in the order in which they are bound.
pub(crate) const NEW_ENTRY: &str =
    "identifier, sequence, action, actor, details, at, previous_hash";

/// The columns of a head.
pub(crate) const HEAD: &str = "identifier, sequence, hash";

/// JSON as it is stored.
pub(crate) const SCOPES: &str = r#"["runs:read","runs:start"]"#;
pub(crate) const EMPTY: &str = "[]";
pub(crate) const DETAILS: &str = "{}";

/// An identifier that nothing else has, and what is its hash on the raw side, which computes none.
pub(crate) fn unique() -> (String, Vec<u8>) {
    let id = RunId::mint();
    let hash = id.as_uuid().into_bytes().repeat(2);
    (id.to_string(), hash)
}
