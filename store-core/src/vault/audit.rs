use std::fmt;

use serde_json::Value;

use crate::words::words;
use crate::{Actor, CredentialId, TemplateId, Timestamp};

/// What an audit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VaultSubject {
    /// A credential.
    Credential(CredentialId),
    /// A template.
    Template(TemplateId),
}

impl VaultSubject {
    /// Returns what errors call it.
    #[must_use]
    pub const fn entity(self) -> &'static str {
        match self {
            Self::Credential(_) => "credential",
            Self::Template(_) => "credential template",
        }
    }
}

impl fmt::Display for VaultSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(id) => fmt::Display::fmt(id, f),
            Self::Template(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl From<CredentialId> for VaultSubject {
    fn from(id: CredentialId) -> Self {
        Self::Credential(id)
    }
}

impl From<TemplateId> for VaultSubject {
    fn from(id: TemplateId) -> Self {
        Self::Template(id)
    }
}

words! {
    /// What an entry of an audit says was done. No entry holds a secret, nor a hash of one.
    pub enum VaultAuditAction of "action" {
        /// It was created: `{}`, a credential from a template `{template_id}`.
        Created = "created",
        /// It was changed: `{field: {from, to}}` for each field that is another now; a new secret
        /// is `{secret_version: {from, to}}`.
        Updated = "updated",
        /// It got another secret: `{secret_version}`.
        Rotated = "rotated",
        /// Its secret was revealed: `{secret_version}`.
        Revealed = "revealed",
        /// It got an older secret again: `{restored, secret_version}`.
        Restored = "restored",
        /// It got other tokens: `{tokens_version}`, by a refresh `{tokens_version, epoch}`.
        TokensUpdated = "tokens_updated",
        /// Its tokens were revealed: `{tokens_version}`.
        TokensRevealed = "tokens_revealed",
        /// It was checked: `{status}`.
        HealthMarked = "health_marked",
        /// It was deleted: `{}`.
        Deleted = "deleted",
    }
}

/// One entry of an audit. Entries are only ever added, and outlive what they are about.
#[derive(Debug, Clone, PartialEq)]
pub struct VaultAuditEntry {
    /// What it is about.
    pub subject: VaultSubject,
    /// Its place: 1, 2, 3 and so on for each subject.
    pub sequence: i64,
    /// What was done.
    pub action: VaultAuditAction,
    /// Who did it.
    pub actor: Actor,
    /// What there is to say about it, an object.
    pub details: Value,
    /// When.
    pub at: Timestamp,
    /// The SHA-256 of the entry before it; zeros for the first.
    pub previous_hash: [u8; 32],
}
