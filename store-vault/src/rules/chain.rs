//! The entries of an audit, as its hash chain has them.

use serde_json::{Map, Value};
use store_core::audit::{AuditReport, ChainHead, EntryHash, Verification, entry_hash};
use store_core::json::Admitted;
use store_core::vault::{AccessContext, VaultAuditAction, VaultSubject};
use store_core::{Error, Result, Timestamp};

use super::Context;

const FORMAT: &str = "parallel-stores.vault-audit.v1";

/// An entry as it is hashed.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    pub(crate) previous: EntryHash,
    pub(crate) sequence: i64,
    pub(crate) at: Timestamp,
    pub(crate) subject: &'a str,
    pub(crate) subject_id: &'a str,
    pub(crate) action: &'a str,
    pub(crate) actor: &'a str,
    /// Compact JSON with sorted keys, as it is stored.
    pub(crate) details: &'a str,
}

impl Link<'_> {
    pub(crate) fn hash(&self) -> EntryHash {
        let texts = [self.subject, self.subject_id, self.action, self.actor, self.details];
        entry_hash(FORMAT, &self.previous, self.sequence, self.at, texts.map(Some))
    }
}

/// An entry that is to be added, without its place.
#[derive(Debug, Clone)]
pub(crate) struct ReadyEntry {
    pub(crate) subject: VaultSubject,
    pub(crate) subject_id: String,
    action: VaultAuditAction,
    actor: String,
    details: Admitted,
    at: Timestamp,
}

impl ReadyEntry {
    pub(crate) fn new(
        cx: &Context,
        subject: impl Into<VaultSubject>,
        action: VaultAuditAction,
        access: &AccessContext,
        details: Map<String, Value>,
    ) -> Result<Self> {
        let subject = subject.into();
        Ok(Self {
            subject_id: subject.to_string(),
            subject,
            action,
            actor: access.actor().to_string(),
            details: cx.json.admit("details", Value::Object(details))?,
            at: cx.clock.now(),
        })
    }

    /// Returns the id of what the entry is about.
    #[cfg(feature = "postgres")]
    pub(crate) const fn subject_uuid(&self) -> uuid::Uuid {
        match self.subject {
            VaultSubject::Credential(id) => id.as_uuid(),
            VaultSubject::Template(id) => id.as_uuid(),
        }
    }

    /// Puts the entry behind the head of its chain, and returns what it is hashed as.
    pub(crate) fn link(&self, head: &mut ChainHead) -> Link<'_> {
        let link = Link {
            previous: head.hash,
            sequence: head.sequence + 1,
            at: self.at,
            subject: subject_word(self.subject),
            subject_id: &self.subject_id,
            action: self.action.as_str(),
            actor: &self.actor,
            details: &self.details.text,
        };
        *head = ChainHead { sequence: link.sequence, hash: link.hash() };
        link
    }
}

/// The word that is stored for what an audit is about.
pub(crate) const fn subject_word(subject: VaultSubject) -> &'static str {
    match subject {
        VaultSubject::Credential(_) => "credential",
        VaultSubject::Template(_) => "template",
    }
}

/// Makes the details of an entry.
pub(crate) fn details<const N: usize>(items: [(&str, Value); N]) -> Map<String, Value> {
    items.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The head of a chain is not there, or was set back: somebody removed or changed it.
pub(crate) fn head_tampered(subject_id: impl std::fmt::Display) -> Error {
    Error::Tampered { entity: "vault audit", id: subject_id.to_string() }
}

/// Ends the check of an audit.
pub(crate) fn ended(
    verification: Verification,
    subject: VaultSubject,
    head: Option<ChainHead>,
    exists: bool,
) -> Result<AuditReport> {
    let report = verification.end(head, exists);
    report.ok_or_else(|| Error::not_found(subject.entity(), subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's hashlib over the bytes that `store_core::audit` describes.
    #[test]
    fn an_entry_has_the_hash_of_its_documented_bytes() {
        let link = Link {
            previous: [0; 32],
            sequence: 1,
            at: Timestamp::EPOCH,
            subject: "credential",
            subject_id: "c",
            action: "created",
            actor: "ada",
            details: "{}",
        };
        assert_eq!(
            link.hash().map(|byte| format!("{byte:02x}")).concat(),
            "03bdd160d5e2bd6d6adf75c41e292f80012cdd2bccb91150b84363007620d4db"
        );
    }
}
