use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{RateLimit, SecretHash};
use crate::words::words;
use crate::{Actor, Timestamp, TokenId};

/// A service token as it is stored, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceToken {
    /// Its id, which is no secret.
    pub identifier: TokenId,
    /// The SHA-256 of the whole token.
    pub secret_hash: SecretHash,
    /// What people call it.
    pub name: Option<String>,
    /// What it may be used for.
    pub scopes: BTreeSet<String>,
    /// The workspaces it may be used in; none means all.
    pub workspace_ids: BTreeSet<String>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Actor,
    /// When the secret was issued.
    pub issued_at: Timestamp,
    /// From when on it is refused; none means never.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, as far as the counts were flushed.
    pub last_used_at: Option<Timestamp>,
    /// How often it was used, as far as the counts were flushed.
    pub use_count: i64,
    /// The token that took its place.
    pub rotated_to: Option<TokenId>,
    /// The token whose place it took.
    pub rotated_from: Option<TokenId>,
    /// When it was rotated.
    pub rotated_at: Option<Timestamp>,
    /// When it ends because it was rotated.
    pub rotation_expires_at: Option<Timestamp>,
    /// The first token of the rotations it belongs to; itself if it is that one.
    pub family: TokenId,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Who revoked it.
    pub revoked_by: Option<Actor>,
    /// Why it was revoked.
    pub revocation_reason: Option<String>,
    /// Where it may be used from; none means everywhere.
    pub allowed_ip_ranges: BTreeSet<IpNet>,
    /// How often it may be used; none means without limit.
    pub rate_limit: Option<RateLimit>,
}

words! {
    /// Whether a token may be used.
    pub enum TokenState of "state" {
        /// It may.
        Active = "active",
        /// Its time, or the overlap after its rotation, is over.
        Expired = "expired",
        /// Somebody revoked it.
        Revoked = "revoked",
    }
}

impl ServiceToken {
    /// Returns the state at an instant.
    ///
    /// A revoked token is revoked at any instant, and one that was rotated without an overlap is
    /// expired at any instant: a clock that goes back brings neither to life.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> TokenState {
        if self.revoked_at.is_some() {
            return TokenState::Revoked;
        }
        let rotated_out = self
            .rotation_expires_at
            .is_some_and(|end| end <= now || self.rotated_at.is_some_and(|at| end <= at));
        if rotated_out || self.expires_at.is_some_and(|end| end <= now) {
            return TokenState::Expired;
        }
        TokenState::Active
    }

    /// Tells whether the token may be used from an address; IPv4 in IPv6 counts as IPv4.
    ///
    /// With ranges, an unknown address is outside of them.
    #[must_use]
    pub fn allows_ip(&self, ip: Option<IpAddr>) -> bool {
        if self.allowed_ip_ranges.is_empty() {
            return true;
        }
        ip.is_some_and(|ip| {
            let ip = ip.to_canonical();
            self.allowed_ip_ranges.iter().any(|range| range.contains(&ip))
        })
    }

    /// Tells whether the token has all of these scopes.
    #[must_use]
    pub fn has_scopes<S: AsRef<str>>(&self, scopes: &[S]) -> bool {
        scopes.iter().all(|scope| self.scopes.contains(scope.as_ref()))
    }

    /// Tells whether the token may be used in a workspace.
    #[must_use]
    pub fn allows_workspace(&self, workspace_id: &str) -> bool {
        self.workspace_ids.is_empty() || self.workspace_ids.contains(workspace_id)
    }
}
