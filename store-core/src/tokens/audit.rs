use std::net::IpAddr;

use serde_json::Value;

use crate::words::words;
use crate::{Actor, Timestamp, TokenId};

/// Who changes a token, and from where: what its audit keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditOrigin {
    /// Who.
    pub actor: Actor,
    /// From which address.
    pub ip: Option<IpAddr>,
    /// With what program: at most 255 bytes.
    pub user_agent: Option<String>,
}

impl AuditOrigin {
    /// Names who changes a token, and nothing else.
    #[must_use]
    pub const fn of(actor: Actor) -> Self {
        Self { actor, ip: None, user_agent: None }
    }
}

words! {
    /// What an entry of a token's audit says was done.
    pub enum TokenAuditAction of "action" {
        /// It was created: `{rotated_from?, bootstrap?}`.
        Created = "created",
        /// It was rotated: `{rotated_to, overlap_ms}`.
        Rotated = "rotated",
        /// It was revoked: `{reason?, family}`, where `family` tells whether its family was.
        Revoked = "revoked",
        /// It was refused: `{reason, count, last_at}`, the uses between two flushes in one entry.
        Denied = "denied",
        /// It was deleted.
        Deleted = "deleted",
        /// It was deleted because it had ended long enough ago.
        Purged = "purged",
    }
}

/// One entry of a token's audit. Entries are only ever added, and outlive the token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenAuditEntry {
    /// The token.
    pub identifier: TokenId,
    /// Its place: 1, 2, 3 and so on for each identifier.
    pub sequence: i64,
    /// What was done.
    pub action: TokenAuditAction,
    /// Who did it.
    pub actor: Actor,
    /// From which address.
    pub ip: Option<IpAddr>,
    /// With what program.
    pub user_agent: Option<String>,
    /// What there is to say about it, an object.
    pub details: Value,
    /// When.
    pub at: Timestamp,
    /// The SHA-256 of the entry before it; zeros for the first.
    pub previous_hash: [u8; 32],
}
