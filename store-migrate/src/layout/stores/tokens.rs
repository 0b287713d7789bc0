//! The tables of `store-tokens`: service tokens.

use super::Stored;
use crate::model::PgType::{Bytea, Int4, Int8, Jsonb, Text, Timestamptz};

/// A referenced table stands before those that refer to it.
pub(super) const TABLES: &[Stored] = &[
    Stored {
        name: "service_token_audit",
        key: &["identifier", "sequence"],
        without_rowid: false,
        columns: &[
            ("identifier", Text),
            ("sequence", Int8),
            ("action", Text),
            ("actor", Text),
            ("ip", Text),
            ("user_agent", Text),
            ("details", Jsonb),
            ("at", Timestamptz),
            ("previous_hash", Bytea),
        ],
    },
    Stored {
        name: "service_token_audit_heads",
        key: &["identifier"],
        without_rowid: false,
        columns: &[("identifier", Text), ("sequence", Int8), ("hash", Bytea)],
    },
    Stored {
        name: "service_tokens",
        key: &["identifier"],
        without_rowid: false,
        columns: &[
            ("identifier", Text),
            ("secret_hash", Bytea),
            ("name", Text),
            ("scopes", Jsonb),
            ("workspace_ids", Jsonb),
            ("created_at", Timestamptz),
            ("created_by", Text),
            ("issued_at", Timestamptz),
            ("expires_at", Timestamptz),
            ("last_used_at", Timestamptz),
            ("use_count", Int8),
            ("rotated_to", Text),
            ("rotated_from", Text),
            ("rotated_at", Timestamptz),
            ("rotation_expires_at", Timestamptz),
            ("family", Text),
            ("revoked_at", Timestamptz),
            ("revoked_by", Text),
            ("revocation_reason", Text),
            ("allowed_ip_ranges", Jsonb),
            ("rate_limit", Int4),
            ("rate_interval_seconds", Int4),
            ("ends_at", Timestamptz),
            ("record_bytes", Int8),
        ],
    },
    Stored {
        name: "service_token_windows",
        key: &["identifier"],
        without_rowid: false,
        columns: &[("identifier", Text), ("started_at", Timestamptz), ("uses", Int4)],
    },
];
