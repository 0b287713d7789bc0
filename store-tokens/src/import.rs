//! What a tool needs that writes rows of tokens that were made elsewhere: the rules they have to
//! meet, the columns that are made of them, and the chains of their audits. Nothing here touches a
//! database.

use std::sync::Arc;

use serde_json::{Map, Value};
use store_core::audit::ChainHead;
use store_core::json::JsonPolicy;
use store_core::tokens::{AuditOrigin, ServiceToken, TokenAuditAction, TokenGrant};
use store_core::{Error, Result, SystemClock, Timestamp, TokenId};

use crate::rules::chain::ReadyEntry;
use crate::rules::retention::checked_revocation;
use crate::rules::token::{ReadyToken, checked_grant, checked_rate};
use crate::rules::{Context, checked_origin};

/// The rules of service tokens, for those that were made elsewhere.
#[derive(Debug, Clone)]
pub struct Import {
    context: Context,
}

/// A token and the columns of its row that are made of it.
#[derive(Debug, Clone)]
pub struct TokenColumns {
    /// The token in the form of the rules.
    pub token: ServiceToken,
    /// Its scopes as a JSON array.
    pub scopes: String,
    /// Its workspaces as a JSON array.
    pub workspace_ids: String,
    /// Its address ranges as a JSON array.
    pub allowed_ip_ranges: String,
    /// Its rate limit: how many uses, in how many seconds.
    pub rate: Option<(i32, i32)>,
    /// The earliest of the instants at which it ends.
    pub ends_at: Option<Timestamp>,
    /// The size of the row, as far as it varies much.
    pub record_bytes: i64,
}

/// An entry of an audit as its row has it.
#[derive(Debug, Clone)]
pub struct EntryColumns {
    /// Its place in the audit of its token.
    pub sequence: i64,
    /// What there is to say, as JSON.
    pub details: String,
    /// The hash of the entry before it.
    pub previous_hash: [u8; 32],
}

impl Import {
    /// Takes the JSON policy of the target.
    #[must_use]
    pub fn new(json: JsonPolicy) -> Self {
        Self { context: Context { json, clock: Arc::new(SystemClock) } }
    }

    /// Checks a token, whatever became of it since it was made.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn token(&self, given: ServiceToken) -> Result<TokenColumns> {
        let rotated = [given.rotated_to.is_some(), given.rotated_at.is_some()];
        if rotated.contains(&given.rotation_expires_at.is_none()) {
            let reason = "a rotated token has a successor, an instant and an end, others have none";
            return Err(Error::invalid("rotation_expires_at", reason));
        }
        if given.revoked_at.is_none() && given.revocation_reason.is_some() {
            return Err(Error::invalid("revocation_reason", "the token is not revoked"));
        }
        if given.use_count < 0 {
            return Err(Error::invalid("use_count", "is negative"));
        }
        let reason = given.revocation_reason.as_deref();
        checked_revocation(reason, &AuditOrigin::of(given.created_by.clone()))?;
        let grant = checked_grant(TokenGrant {
            name: given.name.clone(),
            scopes: given.scopes.clone(),
            workspace_ids: given.workspace_ids.clone(),
            expires_at: given.expires_at,
            allowed_ip_ranges: given.allowed_ip_ranges.clone(),
            rate_limit: given.rate_limit,
        })?;
        let allowed_ip_ranges = grant.allowed_ip_ranges;
        let ready = ReadyToken::of(ServiceToken { allowed_ip_ranges, ..given });
        let token = &ready.token;
        let ends = [token.expires_at, token.rotation_expires_at, token.revoked_at];
        Ok(TokenColumns {
            rate: token.rate_limit.map(checked_rate).transpose()?,
            ends_at: ends.into_iter().flatten().min(),
            record_bytes: ready.record_bytes(),
            token: ready.token,
            scopes: ready.scopes,
            workspace_ids: ready.workspace_ids,
            allowed_ip_ranges: ready.allowed_ip_ranges,
        })
    }

    /// Checks an entry of an audit and puts it behind the head of its chain.
    ///
    /// # Errors
    /// `Invalid` names what breaks a rule; the head is what it was then.
    pub fn entry(
        &self,
        head: &mut ChainHead,
        identifier: &TokenId,
        action: TokenAuditAction,
        origin: &AuditOrigin,
        details: Map<String, Value>,
        at: Timestamp,
    ) -> Result<EntryColumns> {
        checked_origin(origin)?;
        let ready = ReadyEntry::new(&self.context, identifier, action, origin, details, at)?;
        let link = ready.link(head);
        let (sequence, previous_hash) = (link.sequence, link.previous);
        Ok(EntryColumns { sequence, previous_hash, details: ready.details.text })
    }
}
