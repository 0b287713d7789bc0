use std::collections::BTreeSet;

use secrecy::SecretString;

use super::{CredentialHealth, CredentialScope, OAuthState, OAuthTokens};
use crate::words::words;
use crate::{CredentialId, TemplateId, Timestamp};

words! {
    /// What kind of credential it is.
    pub enum CredentialKind of "kind" {
        /// A secret, such as an API key or a password.
        Secret = "secret",
        /// A secret of a client, and the tokens it got by OAuth.
        OAuth = "oauth",
    }
}

/// A credential as it is stored, without its secret and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// What people call it, trimmed. No two have the same name, whatever its case.
    pub name: String,
    /// Whose service it is for, such as `slack`.
    pub provider: String,
    /// What it may do there, as the provider calls it.
    pub scopes: BTreeSet<String>,
    /// Where it may be used from.
    pub scope: CredentialScope,
    /// What kind it is.
    pub kind: CredentialKind,
    /// The template it was issued from, as long as that is there.
    pub template_id: Option<TemplateId>,
    /// What the last check came to.
    pub health: CredentialHealth,
    /// The key that its secret is sealed with.
    pub key_id: String,
    /// The version of its secret: 1, 2, 3 and so on.
    pub secret_version: i64,
    /// When its secret changed last.
    pub last_rotated_at: Timestamp,
    /// Its tokens, for the kind that has them.
    pub oauth: Option<OAuthState>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was changed last. A reveal is no change, and neither is a lease.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub row_version: i64,
}

/// A credential to be stored.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// What people call it: 1 to 255 bytes once it is trimmed, without control characters.
    pub name: String,
    /// Whose service it is for: 1 to 255 bytes once it is trimmed.
    pub provider: String,
    /// The secret: 1 byte to 1 MiB.
    pub secret: SecretString,
    /// What it may do there: at most 1000 of 1 to 255 bytes. They are trimmed, empty ones are left out.
    pub scopes: BTreeSet<String>,
    /// Where it may be used from.
    pub scope: CredentialScope,
    /// What kind it is.
    pub kind: CredentialKind,
    /// Its first tokens, for the kind that has them.
    pub oauth: Option<OAuthTokens>,
}

impl NewCredential {
    /// Makes a secret that may be used from everywhere.
    pub fn secret(
        name: impl Into<String>,
        provider: impl Into<String>,
        secret: impl Into<SecretString>,
    ) -> Self {
        Self {
            name: name.into(),
            provider: provider.into(),
            secret: secret.into(),
            scopes: BTreeSet::new(),
            scope: CredentialScope::default(),
            kind: CredentialKind::Secret,
            oauth: None,
        }
    }

    /// Makes an OAuth credential of a client's secret and its tokens.
    pub fn oauth(
        name: impl Into<String>,
        provider: impl Into<String>,
        secret: impl Into<SecretString>,
        tokens: OAuthTokens,
    ) -> Self {
        let kind = CredentialKind::OAuth;
        Self { kind, oauth: Some(tokens), ..Self::secret(name, provider, secret) }
    }

    /// Restricts where it may be used from.
    #[must_use]
    pub fn within(self, scope: CredentialScope) -> Self {
        Self { scope, ..self }
    }
}

/// What an update changes; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct CredentialUpdate {
    /// Change it only if it still has this row version.
    pub expected_row_version: Option<i64>,
    /// Another name.
    pub name: Option<String>,
    /// Another provider.
    pub provider: Option<String>,
    /// Another secret; the one that is there makes no new version.
    pub secret: Option<SecretString>,
    /// Other scopes.
    pub scopes: Option<BTreeSet<String>>,
    /// Another place to use it from.
    pub scope: Option<CredentialScope>,
}
