use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::IpNet;

use super::{RateLimit, SecretHash, ServiceToken};
use crate::TokenId;
use crate::workflow::Patch;

/// How long the successor of a rotated token lives.
///
/// There is no way to let the successor of a token that expires live for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifetime {
    /// As long as the token it replaces would have: the same `expires_at`.
    #[default]
    Remaining,
    /// As long as the token it replaces was issued for, from now on.
    Full,
    /// So long from now on.
    For(Duration),
}

/// What a successor does not inherit. The default changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotationChanges {
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Another name.
    pub name: Patch<String>,
    /// Other scopes.
    pub scopes: Option<BTreeSet<String>>,
    /// Other workspaces.
    pub workspace_ids: Option<BTreeSet<String>>,
    /// Other addresses.
    pub allowed_ip_ranges: Option<BTreeSet<IpNet>>,
    /// Another limit.
    pub rate_limit: Patch<RateLimit>,
}

/// A rotation to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRotation {
    /// The id of the successor.
    pub successor: TokenId,
    /// The SHA-256 of the successor's whole token.
    pub secret_hash: SecretHash,
    /// How long both tokens may be used; zero ends the old one at once.
    pub overlap: Duration,
    /// What the successor does not inherit.
    pub changes: RotationChanges,
}

/// What a rotation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The old token.
    pub predecessor: ServiceToken,
    /// The new token.
    pub successor: ServiceToken,
}
