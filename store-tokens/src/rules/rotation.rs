use std::time::Duration;

use store_core::tokens::{
    AuditOrigin, Lifetime, NewRotation, RotationChanges, SecretHash, ServiceToken, TokenGrant,
};
use store_core::{Actor, Error, Result, Timestamp, TokenId};

use super::token::{ReadyToken, checked_grant};
use super::{Context, checked_origin};

/// A rotation that may be carried out.
#[derive(Debug, Clone)]
pub(crate) struct ReadyRotation {
    pub(crate) successor: TokenId,
    secret_hash: SecretHash,
    pub(crate) now: Timestamp,
    /// When the old token ends.
    pub(crate) ends_at: Timestamp,
    pub(crate) overlap_ms: u64,
    changes: RotationChanges,
    actor: Actor,
}

impl ReadyRotation {
    /// Checks a rotation.
    pub(crate) fn new(
        context: &Context,
        rotation: NewRotation,
        origin: &AuditOrigin,
    ) -> Result<Self> {
        checked_origin(origin)?;
        let NewRotation { successor, secret_hash, overlap, changes } = rotation;
        let now = context.clock.now();
        if let Lifetime::For(lifetime) = changes.lifetime
            && later("lifetime", now, lifetime)? <= now
        {
            return Err(Error::invalid("lifetime", "is zero: the successor would be dead at once"));
        }
        Ok(Self {
            successor,
            secret_hash,
            now,
            ends_at: later("overlap", now, overlap)?,
            overlap_ms: u64::try_from(overlap.as_millis()).unwrap_or(u64::MAX),
            changes: checked_changes(changes)?,
            actor: origin.actor.clone(),
        })
    }

    /// Makes the successor of a token.
    pub(crate) fn successor_of(&self, old: &ServiceToken) -> Result<ReadyToken> {
        let RotationChanges { name, scopes, workspace_ids, allowed_ip_ranges, rate_limit, .. } =
            self.changes.clone();
        Ok(ReadyToken::of(ServiceToken {
            identifier: self.successor.clone(),
            secret_hash: self.secret_hash,
            name: name.apply(old.name.clone()),
            scopes: scopes.unwrap_or_else(|| old.scopes.clone()),
            workspace_ids: workspace_ids.unwrap_or_else(|| old.workspace_ids.clone()),
            created_at: self.now,
            created_by: self.actor.clone(),
            issued_at: self.now,
            expires_at: self.expires_at(old)?,
            last_used_at: None,
            use_count: 0,
            rotated_to: None,
            rotated_from: Some(old.identifier.clone()),
            rotated_at: None,
            rotation_expires_at: None,
            family: old.family.clone(),
            revoked_at: None,
            revoked_by: None,
            revocation_reason: None,
            allowed_ip_ranges: allowed_ip_ranges.unwrap_or_else(|| old.allowed_ip_ranges.clone()),
            rate_limit: rate_limit.apply(old.rate_limit),
        }))
    }

    fn expires_at(&self, old: &ServiceToken) -> Result<Option<Timestamp>> {
        match self.changes.lifetime {
            Lifetime::Remaining => Ok(old.expires_at),
            Lifetime::For(lifetime) => later("lifetime", self.now, lifetime).map(Some),
            Lifetime::Full => match old.expires_at {
                Some(end) => later("lifetime", self.now, end.since(old.issued_at)).map(Some),
                None => Ok(None),
            },
        }
    }
}

/// Returns the instant after a time that somebody asked for.
fn later(field: &'static str, now: Timestamp, time: Duration) -> Result<Timestamp> {
    now.plus(time).map_err(|_too_late| Error::invalid(field, "ends after the year 9999"))
}

/// Checks what a successor does not inherit, by the rules of a new token.
fn checked_changes(changes: RotationChanges) -> Result<RotationChanges> {
    let RotationChanges { lifetime, name, scopes, workspace_ids, allowed_ip_ranges, rate_limit } =
        changes;
    let grant = TokenGrant {
        name: name.clone().apply(None),
        scopes: scopes.clone().unwrap_or_default(),
        workspace_ids: workspace_ids.clone().unwrap_or_default(),
        expires_at: None,
        allowed_ip_ranges: allowed_ip_ranges.clone().unwrap_or_default(),
        rate_limit: rate_limit.apply(None),
    };
    let checked = checked_grant(grant)?;
    let allowed_ip_ranges = allowed_ip_ranges.map(|_given| checked.allowed_ip_ranges);
    Ok(RotationChanges { lifetime, name, scopes, workspace_ids, allowed_ip_ranges, rate_limit })
}
