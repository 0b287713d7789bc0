//! The entries of a token's audit, as its hash chain has them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use store_core::audit::{AuditReport, ChainHead, EntryHash, Verification, entry_hash};
use store_core::json::Admitted;
use store_core::tokens::{AuditOrigin, TokenAuditAction};
use store_core::{Error, Result, Timestamp, TokenId};

use super::Context;

const FORMAT: &str = "parallel-stores.token-audit.v1";

/// The heads that a transaction has read, by identifier.
pub(crate) type Heads = BTreeMap<String, ChainHead>;

/// Checks that an identifier never was a token's: audits outlive tokens, and so do families.
pub(crate) fn checked_unused(heads: &Heads, identifier: &TokenId) -> Result<()> {
    match heads.get(identifier.as_str()) {
        Some(head) if head.sequence > 0 => {
            let reason = "this identifier is, or was, that of another token";
            Err(Error::conflict("service token", identifier, reason))
        }
        _ => Ok(()),
    }
}

/// An entry as it is hashed.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    pub(crate) previous: EntryHash,
    pub(crate) sequence: i64,
    pub(crate) at: Timestamp,
    pub(crate) identifier: &'a str,
    pub(crate) action: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) ip: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
    /// Compact JSON with sorted keys, as it is stored.
    pub(crate) details: &'a str,
}

impl Link<'_> {
    pub(crate) fn hash(&self) -> EntryHash {
        let texts = [
            Some(self.identifier),
            Some(self.action),
            Some(self.actor),
            self.ip,
            self.user_agent,
            Some(self.details),
        ];
        entry_hash(FORMAT, &self.previous, self.sequence, self.at, texts)
    }
}

/// An entry that is to be added, without its place.
#[derive(Debug, Clone)]
pub(crate) struct ReadyEntry {
    pub(crate) identifier: String,
    pub(crate) action: TokenAuditAction,
    pub(crate) actor: String,
    pub(crate) ip: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) details: Admitted,
    pub(crate) at: Timestamp,
}

impl ReadyEntry {
    pub(crate) fn new(
        context: &Context,
        identifier: &TokenId,
        action: TokenAuditAction,
        origin: &AuditOrigin,
        details: Map<String, Value>,
        at: Timestamp,
    ) -> Result<Self> {
        Ok(Self {
            identifier: identifier.to_string(),
            action,
            actor: origin.actor.to_string(),
            ip: origin.ip.map(|ip| ip.to_string()),
            user_agent: origin.user_agent.clone(),
            details: context.json.admit("details", Value::Object(details))?,
            at,
        })
    }

    /// Puts the entry behind the head of its chain, and returns what it is hashed as.
    pub(crate) fn link(&self, head: &mut ChainHead) -> Link<'_> {
        let link = Link {
            previous: head.hash,
            sequence: head.sequence + 1,
            at: self.at,
            identifier: &self.identifier,
            action: self.action.as_str(),
            actor: &self.actor,
            ip: self.ip.as_deref(),
            user_agent: self.user_agent.as_deref(),
            details: &self.details.text,
        };
        *head = ChainHead { sequence: link.sequence, hash: link.hash() };
        link
    }
}

/// Ends the check of a token's audit.
pub(crate) fn ended(
    verification: Verification,
    identifier: &TokenId,
    head: Option<ChainHead>,
    token_exists: bool,
) -> Result<AuditReport> {
    let report = verification.end(head, token_exists);
    report.ok_or_else(|| Error::not_found("service token", identifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(previous: EntryHash, sequence: i64) -> Link<'static> {
        Link {
            previous,
            sequence,
            at: Timestamp::EPOCH,
            identifier: "t",
            action: "created",
            actor: "ada",
            ip: None,
            user_agent: Some(""),
            details: "{}",
        }
    }

    /// Made with Python's hashlib over the bytes that the module describes.
    #[test]
    fn an_entry_has_the_hash_of_its_documented_bytes() {
        assert_eq!(
            link([0; 32], 1).hash().map(|byte| format!("{byte:02x}")).concat(),
            "acb64a270b04b150afccd8460f5136d90ff47c970f40878cf59750dfc358d75f"
        );
    }

    #[test]
    fn a_missing_text_is_not_an_empty_one() {
        let with = link([0; 32], 1);
        let without = Link { user_agent: None, ..link([0; 32], 1) };
        assert_ne!(with.hash(), without.hash());
    }
}
