use std::collections::BTreeSet;

use ipnet::IpNet;

use super::SecretHash;
use crate::{Timestamp, TokenId};

/// What a token allows, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenGrant {
    /// What people call it: at most 255 bytes.
    pub name: Option<String>,
    /// What it may be used for: at most 10,000 scopes of 1 to 255 bytes, compared byte by byte.
    pub scopes: BTreeSet<String>,
    /// The workspaces it may be used in: at most 10,000 of 1 to 255 bytes. None means all.
    pub workspace_ids: BTreeSet<String>,
    /// From when on it is refused; none means never.
    pub expires_at: Option<Timestamp>,
    /// Where it may be used from: at most 1000 ranges. None means everywhere.
    ///
    /// They are kept without the bits of hosts, and IPv4 in IPv6 (`::ffff:10.0.0.0/104`) as IPv4.
    pub allowed_ip_ranges: BTreeSet<IpNet>,
    /// How often it may be used; none means without limit.
    pub rate_limit: Option<RateLimit>,
}

/// How often a token may be used, by all processes together.
///
/// Windows are fixed: one begins with the first use after the last one ended, so twice the limit
/// may fall into one interval that lies across two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    /// The most uses of a window: 1 to 2^31 - 1.
    pub limit: u32,
    /// The length of a window in seconds: 1 to 2^31 - 1.
    pub interval_seconds: u32,
}

/// A token to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewServiceToken {
    /// Its id, which is no secret.
    pub identifier: TokenId,
    /// The SHA-256 of the whole token.
    pub secret_hash: SecretHash,
    /// When it was issued, for a token that was minted elsewhere; none means now.
    pub issued_at: Option<Timestamp>,
    /// What it allows.
    pub grant: TokenGrant,
}
