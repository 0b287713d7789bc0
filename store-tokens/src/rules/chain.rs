//! The hash chain of a token's audit.
//!
//! An entry holds the SHA-256 of the one before it, and the head that of the newest. Hashed are,
//! behind the name of the format, the previous hash, the place and the instant (microseconds since
//! 1970) as 64 bits with the highest byte first, and then the texts, each behind its length; one
//! that is missing has the length 2^64 - 1.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use store_core::json::Admitted;
use store_core::tokens::{AuditFault, AuditFaultKind, AuditOrigin, AuditReport, TokenAuditAction};
use store_core::{Error, Result, Timestamp, TokenId};

use super::Context;

const FORMAT: &[u8] = b"parallel-stores.token-audit.v1";
const ABSENT: u64 = u64::MAX;
/// The most faults that a report names.
const FAULTS_MAX: i64 = 100;

/// The SHA-256 of an entry.
pub(crate) type EntryHash = [u8; 32];

/// The newest entry of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Head {
    pub(crate) sequence: i64,
    pub(crate) hash: EntryHash,
}

/// The heads that a transaction has read, by identifier.
pub(crate) type Heads = BTreeMap<String, Head>;

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
        let mut hasher = Sha256::new();
        hasher.update(FORMAT);
        hasher.update(self.previous);
        hasher.update(self.sequence.to_be_bytes());
        hasher.update(self.at.as_micros().to_be_bytes());
        let texts = [Some(self.identifier), Some(self.action), Some(self.actor)];
        for text in texts.into_iter().chain([self.ip, self.user_agent, Some(self.details)]) {
            hasher.update(text.map_or(ABSENT, |text| text.len() as u64).to_be_bytes());
            hasher.update(text.unwrap_or_default());
        }
        hasher.finalize().into()
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
    pub(crate) fn link(&self, head: &mut Head) -> Link<'_> {
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
        *head = Head { sequence: link.sequence, hash: link.hash() };
        link
    }
}

/// The chain as it should be, while its entries are read in their order.
#[derive(Debug, Default)]
pub(crate) struct Verification {
    /// The head before the entries were read.
    head: Head,
    /// The hash of the entry that the head names, made of what is stored.
    at_head: Option<EntryHash>,
    /// The last entry that was read; its hash is made of what is stored.
    last: Head,
    entries: u64,
    faults: Vec<AuditFault>,
}

impl Verification {
    /// Begins with the head as it is before the entries are read.
    pub(crate) fn new(head: Option<Head>) -> Self {
        Self { head: head.unwrap_or_default(), ..Self::default() }
    }

    /// Returns the place of the last entry that was read.
    pub(crate) const fn sequence(&self) -> i64 {
        self.last.sequence
    }

    /// Reads an entry.
    pub(crate) fn read(&mut self, link: &Link<'_>) {
        let expected = self.last.sequence + 1;
        self.missing(expected, link.sequence);
        // Behind a gap there is nothing to compare with.
        if link.sequence == expected && link.previous != self.last.hash {
            // The first entry has none before it: then it is the one that was edited.
            self.fault(self.last.sequence.max(1), AuditFaultKind::Edited);
        }
        self.last = Head { sequence: link.sequence, hash: link.hash() };
        if link.sequence == self.head.sequence {
            self.at_head = Some(self.last.hash);
        }
        self.entries += 1;
    }

    /// Ends with the head as it is after the entries were read, and those that were added meanwhile.
    pub(crate) fn end(
        mut self,
        identifier: &TokenId,
        head: Option<Head>,
        token_exists: bool,
    ) -> Result<AuditReport> {
        match head {
            None if self.entries == 0 && !token_exists => {
                return Err(Error::not_found("service token", identifier));
            }
            None => {
                // Each token has an entry about its creation.
                self.missing(self.last.sequence + 1, if self.entries == 0 { 2 } else { 0 });
                self.fault(self.last.sequence.max(1), AuditFaultKind::HeadMissing);
            }
            Some(head) => self.compare(head),
        }
        self.faults.sort_by_key(|fault| fault.sequence);
        Ok(AuditReport { entries: self.entries, faults: self.faults })
    }

    fn compare(&mut self, head: Head) {
        let known =
            if head.sequence == self.last.sequence { Some(self.last.hash) } else { self.at_head };
        // The head decides about its entry, and not one behind it that should not be there.
        self.faults
            .retain(|fault| fault.kind != AuditFaultKind::Edited || fault.sequence < head.sequence);
        if known.is_some_and(|hash| hash != head.hash) {
            self.fault(head.sequence, AuditFaultKind::Edited);
        }
        self.missing(self.last.sequence + 1, head.sequence.saturating_add(1));
        let last = self.last.sequence.min(head.sequence.saturating_add(FAULTS_MAX));
        for sequence in head.sequence.saturating_add(1)..=last {
            self.fault(sequence, AuditFaultKind::Unexpected);
        }
    }

    fn missing(&mut self, from: i64, before: i64) {
        // A head may claim any number.
        let before = before.min(from.saturating_add(FAULTS_MAX));
        for sequence in from..before {
            self.fault(sequence, AuditFaultKind::Missing);
        }
    }

    fn fault(&mut self, sequence: i64, kind: AuditFaultKind) {
        let fault = AuditFault { sequence, kind };
        let more = i64::try_from(self.faults.len()).is_ok_and(|count| count < FAULTS_MAX);
        if more && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
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

    #[test]
    fn an_intact_chain_has_no_faults() {
        let id = TokenId::new("t").unwrap();
        let first = link([0; 32], 1);
        let second = link(first.hash(), 2);
        let mut verification = Verification::new(None);
        verification.read(&first);
        verification.read(&second);
        let head = Head { sequence: 2, hash: second.hash() };
        let report = verification.end(&id, Some(head), true).unwrap();
        assert_eq!(report, AuditReport { entries: 2, faults: vec![] });
        assert!(Verification::new(None).end(&id, None, false).is_err());
    }
}
