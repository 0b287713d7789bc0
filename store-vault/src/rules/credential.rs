use store_core::audit::ChainHead;
use store_core::vault::{
    AccessContext, Credential, CredentialHealth, CredentialKind, HealthStatus, NewCredential,
    OAuthState, OAuthTokens,
};
use store_core::{CredentialId, Error, Result, Timestamp};

use super::Context;
use super::access::{ScopeTexts, checked_context, checked_scope};
use super::secret::{Field, ReadySecret, checked_secret, checked_tokens, sealed, sealed_tokens};
use super::text::{array, checked_name, checked_set, name_key};

/// A credential as a transaction holds it: nobody else changes it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) credential: Credential,
    pub(crate) tokens_version: i64,
    pub(crate) lease_owner: Option<String>,
    pub(crate) lease_epoch: i64,
    pub(crate) head: ChainHead,
}

/// The columns of a credential that are made of its record.
#[derive(Debug, Clone)]
pub(crate) struct CredentialTexts {
    pub(crate) name_key: String,
    pub(crate) scopes: String,
    pub(crate) scope: ScopeTexts,
}

impl CredentialTexts {
    pub(crate) fn of(credential: &Credential) -> Self {
        Self {
            name_key: name_key(&credential.name),
            scopes: array(&credential.scopes),
            scope: ScopeTexts::of(&credential.scope),
        }
    }

    /// The size of the row, as far as it varies much.
    pub(crate) fn record_bytes(&self) -> i64 {
        i64::try_from(self.scopes.len() + self.scope.bytes()).unwrap_or(i64::MAX)
    }
}

/// A credential that may be stored, with what it seals.
#[derive(Debug, Clone)]
pub(crate) struct ReadyCredential {
    pub(crate) credential: Credential,
    pub(crate) tokens_version: i64,
    pub(crate) secrets: Vec<ReadySecret>,
}

impl ReadyCredential {
    pub(crate) fn new(cx: &Context, access: &AccessContext, new: NewCredential) -> Result<Self> {
        checked_context(access)?;
        let name = checked_name("name", &new.name)?;
        let provider = checked_name("provider", &new.provider)?;
        checked_secret("secret", &new.secret)?;
        let scopes = checked_set("scopes", &new.scopes)?;
        let scope = checked_scope(new.scope)?;
        let tokens = tokens_of_kind(new.kind, new.oauth)?;
        let (id, now) = (CredentialId::mint(), cx.clock.now());
        let tokens_version = i64::from(tokens.is_some());
        let mut secrets = vec![sealed(&cx.keys, id, Field::Secret, 1, &new.secret)?];
        let oauth = (new.kind == CredentialKind::OAuth).then(|| state_of(tokens.as_ref()));
        if let Some(tokens) = &tokens {
            secrets.extend(sealed_tokens(&cx.keys, id, tokens_version, tokens)?);
        }
        let credential = Credential {
            id,
            name,
            provider,
            scopes,
            scope,
            kind: new.kind,
            template_id: None,
            health: CredentialHealth {
                status: HealthStatus::Unknown,
                last_checked_at: None,
                failure_reason: None,
            },
            key_id: cx.keys.current_id().to_owned(),
            secret_version: 1,
            last_rotated_at: now,
            oauth,
            created_at: now,
            updated_at: now,
            row_version: 1,
        };
        Ok(Self { credential, tokens_version, secrets })
    }
}

/// Checks that tokens are given only for the kind that has them.
fn tokens_of_kind(
    kind: CredentialKind,
    tokens: Option<OAuthTokens>,
) -> Result<Option<OAuthTokens>> {
    let Some(tokens) = tokens else { return Ok(None) };
    if kind != CredentialKind::OAuth {
        return Err(Error::invalid("oauth", "only credentials of the kind oauth have tokens"));
    }
    checked_tokens(&tokens)?;
    Ok(Some(tokens))
}

/// Says of tokens what everybody may know.
pub(crate) fn state_of(tokens: Option<&OAuthTokens>) -> OAuthState {
    tokens.map_or_else(OAuthState::default, |tokens| OAuthState {
        has_access_token: tokens.access_token.is_some(),
        has_refresh_token: tokens.refresh_token.is_some(),
        expires_at: tokens.expires_at,
    })
}

/// Checks that a credential has tokens.
pub(crate) fn checked_oauth(credential: &Credential) -> Result<()> {
    match credential.kind {
        CredentialKind::OAuth => Ok(()),
        CredentialKind::Secret => {
            let to = "given tokens: it is not of the kind oauth";
            Err(Error::invalid_state("credential", credential.id, credential.kind, to))
        }
    }
}

impl Held {
    /// Counts a change at an instant. Time does not go back in a row.
    pub(crate) fn changed(&mut self, now: Timestamp) {
        let credential = &mut self.credential;
        credential.updated_at = now.max(credential.updated_at);
        credential.row_version += 1;
    }

    /// Seals the next version of the secret.
    pub(crate) fn next_secret(
        &mut self,
        cx: &Context,
        secret: &store_core::SecretString,
        now: Timestamp,
    ) -> Result<ReadySecret> {
        let credential = &mut self.credential;
        let version = credential.secret_version + 1;
        let ready = sealed(&cx.keys, credential.id, Field::Secret, version, secret)?;
        credential.secret_version = version;
        credential.key_id = cx.keys.current_id().to_owned();
        credential.last_rotated_at = now.max(credential.last_rotated_at);
        Ok(ready)
    }

    /// Seals the next version of the tokens.
    pub(crate) fn next_tokens(
        &mut self,
        cx: &Context,
        tokens: &OAuthTokens,
    ) -> Result<Vec<ReadySecret>> {
        self.tokens_version += 1;
        self.credential.oauth = Some(state_of(Some(tokens)));
        // The last check was of other tokens.
        self.credential.health = CredentialHealth {
            status: HealthStatus::Unknown,
            failure_reason: None,
            ..self.credential.health.clone()
        };
        sealed_tokens(&cx.keys, self.credential.id, self.tokens_version, tokens)
    }
}
