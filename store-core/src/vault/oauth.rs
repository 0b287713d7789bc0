use secrecy::SecretString;

use crate::{CredentialId, Timestamp};

/// The tokens of an OAuth credential. `Debug` shows none of them.
#[derive(Debug, Clone, Default)]
pub struct OAuthTokens {
    /// What requests are made with: 1 byte to 1 MiB.
    pub access_token: Option<SecretString>,
    /// What the next access token is got with: 1 byte to 1 MiB.
    pub refresh_token: Option<SecretString>,
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
}

/// Tokens as they are stored.
#[derive(Debug, Clone)]
pub struct StoredTokens {
    /// The tokens.
    pub tokens: OAuthTokens,
    /// Counts how often they were stored: 0 for a credential that never had any.
    pub version: i64,
}

/// What everybody may know of the tokens of an OAuth credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OAuthState {
    /// Whether there is an access token.
    pub has_access_token: bool,
    /// Whether there is a refresh token.
    pub has_refresh_token: bool,
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
}

/// The right to refresh the tokens of one credential, until it expires.
///
/// Each acquisition has a higher epoch than the one before it: what is done under an older one is
/// refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshLease {
    /// The credential.
    pub credential_id: CredentialId,
    /// Who holds it.
    pub owner: String,
    /// The how-manieth acquisition it is.
    pub epoch: i64,
    /// When it ends, by the clock of the database.
    pub expires_at: Timestamp,
}
