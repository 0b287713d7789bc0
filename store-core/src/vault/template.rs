use std::collections::BTreeSet;

use secrecy::SecretString;

use super::{CredentialKind, CredentialScope, OAuthTokens};
use crate::workflow::Patch;
use crate::{TemplateId, Timestamp};

/// What credentials that are issued from a template have to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuancePolicy {
    /// They need a refresh token; for OAuth only.
    pub require_refresh_token: bool,
    /// Their secret is due for rotation after so many days: 1 to 36,500. None means never.
    pub rotation_period_days: Option<u32>,
    /// How long before their end tokens count as expiring: 1 to 5,256,000 minutes.
    pub expiry_threshold_minutes: u32,
}

impl Default for IssuancePolicy {
    fn default() -> Self {
        Self {
            require_refresh_token: false,
            rotation_period_days: None,
            expiry_threshold_minutes: 60,
        }
    }
}

/// What credentials are issued from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialTemplate {
    /// Its id.
    pub id: TemplateId,
    /// What people call it, trimmed. No two have the same name, whatever its case.
    pub name: String,
    /// Whose service it is for.
    pub provider: String,
    /// What it is good for.
    pub description: Option<String>,
    /// What its credentials may do at the provider.
    pub scopes: BTreeSet<String>,
    /// Where it may be used from, and its credentials.
    pub scope: CredentialScope,
    /// What kind its credentials are.
    pub kind: CredentialKind,
    /// What its credentials have to meet.
    pub issuance_policy: IssuancePolicy,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub row_version: i64,
}

/// A template to be stored. The limits are those of a [`NewCredential`](super::NewCredential).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTemplate {
    /// What people call it.
    pub name: String,
    /// Whose service it is for.
    pub provider: String,
    /// What it is good for: at most 4096 bytes without NUL.
    pub description: Option<String>,
    /// What its credentials may do at the provider.
    pub scopes: BTreeSet<String>,
    /// Where it may be used from, and its credentials.
    pub scope: CredentialScope,
    /// What kind its credentials are.
    pub kind: CredentialKind,
    /// What its credentials have to meet.
    pub issuance_policy: IssuancePolicy,
}

impl NewTemplate {
    /// Makes a template that restricts nothing.
    pub fn new(name: impl Into<String>, provider: impl Into<String>, kind: CredentialKind) -> Self {
        Self {
            name: name.into(),
            provider: provider.into(),
            description: None,
            scopes: BTreeSet::new(),
            scope: CredentialScope::default(),
            kind,
            issuance_policy: IssuancePolicy::default(),
        }
    }
}

/// What an update of a template changes; what is none stays. Credentials that were issued before
/// keep what they got, but are due by the policy as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateUpdate {
    /// Change it only if it still has this row version.
    pub expected_row_version: Option<i64>,
    /// Another name.
    pub name: Option<String>,
    /// Another provider.
    pub provider: Option<String>,
    /// Another description, or none.
    pub description: Patch<String>,
    /// Other scopes.
    pub scopes: Option<BTreeSet<String>>,
    /// Another place to use it from.
    pub scope: Option<CredentialScope>,
    /// Another kind.
    pub kind: Option<CredentialKind>,
    /// Another policy.
    pub issuance_policy: Option<IssuancePolicy>,
}

/// A credential that is to be issued from a template.
#[derive(Debug, Clone)]
pub struct NewIssuance {
    /// What the credential is called; the template's name unless given.
    pub name: Option<String>,
    /// The secret.
    pub secret: SecretString,
    /// What it may do at the provider; what the template says unless given.
    pub scopes: Option<BTreeSet<String>>,
    /// The first tokens, for the kind that has them.
    pub oauth: Option<OAuthTokens>,
}

impl NewIssuance {
    /// Issues a credential with a secret, and everything else as the template says.
    pub fn of(secret: impl Into<SecretString>) -> Self {
        Self { name: None, secret: secret.into(), scopes: None, oauth: None }
    }
}
