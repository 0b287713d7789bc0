use std::net::IpAddr;

use crate::words::words;
use crate::{Timestamp, TokenId};

/// How often a token was used since the last flush.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUses {
    /// The token.
    pub identifier: TokenId,
    /// How often.
    pub uses: u32,
    /// When last.
    pub last_used_at: Timestamp,
}

words! {
    /// Why a token that exists was refused.
    pub enum TokenDenial of "reason" {
        /// It is revoked.
        Revoked = "revoked",
        /// Its time is over.
        Expired = "expired",
        /// The address is in none of its ranges.
        Address = "address",
        /// It lacks a scope.
        Scope = "scope",
        /// It is not for that workspace.
        Workspace = "workspace",
        /// It was used too often.
        RateLimit = "rate_limit",
    }
}

/// How often a token was refused for one reason since the last flush: one entry of its audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedUses {
    /// The token.
    pub identifier: TokenId,
    /// Why.
    pub reason: TokenDenial,
    /// How often.
    pub count: u32,
    /// When last.
    pub last_at: Timestamp,
    /// Where from, the last time.
    pub ip: Option<IpAddr>,
    /// By what, the last time.
    pub user_agent: Option<String>,
}
