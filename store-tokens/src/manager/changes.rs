use std::time::Duration;

use store_core::tokens::{
    AuditOrigin, NewRotation, NewServiceToken, Rotated, RotationChanges, ServiceToken, TokenGrant,
};
use store_core::{Error, ExposeSecret, Result, SecretString, TokenId};

use super::ServiceTokenManager;
use crate::format;

/// A token to be minted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewToken {
    /// The id it is to have; none takes the random one that is part of its text.
    pub identifier: Option<TokenId>,
    /// What it allows.
    pub grant: TokenGrant,
}

impl From<TokenGrant> for NewToken {
    fn from(grant: TokenGrant) -> Self {
        Self { identifier: None, grant }
    }
}

/// How a token is rotated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rotation {
    /// How long both tokens may be used; zero, the default, ends the old one at once.
    pub overlap: Duration,
    /// What the successor does not inherit.
    pub changes: RotationChanges,
}

impl ServiceTokenManager {
    /// Makes a token. Its secret is returned this once, and is nowhere afterwards.
    ///
    /// # Errors
    /// Those of [`create`](store_core::tokens::ServiceTokenRepository::create); `Backend` when the
    /// operating system has no random numbers.
    pub async fn mint(
        &self,
        new: impl Into<NewToken> + Send,
        origin: &AuditOrigin,
    ) -> Result<(SecretString, ServiceToken)> {
        let NewToken { identifier, grant } = new.into();
        let minted = format::mint(&self.shared.prefix)?;
        let new = NewServiceToken {
            identifier: identifier.unwrap_or(minted.identifier),
            secret_hash: minted.hash,
            issued_at: None,
            grant,
        };
        let token = self.shared.repository.create(new, origin).await?;
        Ok((minted.secret, token))
    }

    /// Puts a new token in the place of one, and returns its secret with both records.
    ///
    /// # Errors
    /// Those of [`rotate`](store_core::tokens::ServiceTokenRepository::rotate); `Backend` when the
    /// operating system has no random numbers.
    pub async fn rotate(
        &self,
        identifier: &TokenId,
        rotation: Rotation,
        origin: &AuditOrigin,
    ) -> Result<(SecretString, Rotated)> {
        let minted = format::mint(&self.shared.prefix)?;
        let new = NewRotation {
            successor: minted.identifier,
            secret_hash: minted.hash,
            overlap: rotation.overlap,
            changes: rotation.changes,
        };
        let rotated = self.shared.repository.rotate(identifier, new, origin).await;
        self.forget(identifier);
        Ok((minted.secret, rotated?))
    }

    /// Revokes a token, or all of its family, and returns those that this call revoked.
    ///
    /// # Errors
    /// Those of [`revoke`](store_core::tokens::ServiceTokenRepository::revoke).
    pub async fn revoke(
        &self,
        identifier: &TokenId,
        reason: Option<&str>,
        family: bool,
        origin: &AuditOrigin,
    ) -> Result<Vec<ServiceToken>> {
        let revoked = self.shared.repository.revoke(identifier, reason, family, origin).await;
        self.forget(identifier);
        let revoked = revoked?;
        revoked.iter().for_each(|token| self.forget(&token.identifier));
        Ok(revoked)
    }

    /// Deletes a token; its audit stays.
    ///
    /// # Errors
    /// Those of [`delete`](store_core::tokens::ServiceTokenRepository::delete).
    pub async fn delete(&self, identifier: &TokenId, origin: &AuditOrigin) -> Result<()> {
        let deleted = self.shared.repository.delete(identifier, origin).await;
        self.forget(identifier);
        deleted
    }

    /// Makes sure that the token of the settings is there, the first one of an installation, and
    /// returns its record.
    ///
    /// Call it at each start: a token that is there is left as it is, whatever is asked for, so
    /// that one that was revoked stays revoked. One that was deleted is a `Conflict`: take another.
    ///
    /// # Errors
    /// `Invalid` for a text that is neither a token of [`mint`](Self::mint) nor 43 characters of
    /// URL-safe base 64, such as Python's `secrets.token_urlsafe(32)` makes; otherwise those of
    /// [`bootstrap`](store_core::tokens::ServiceTokenRepository::bootstrap).
    pub async fn bootstrap(
        &self,
        secret: &SecretString,
        grant: TokenGrant,
        origin: &AuditOrigin,
    ) -> Result<ServiceToken> {
        let Some(hash) = format::hash_of(secret.expose_secret()) else {
            let reason = "must be a token that was minted here, or 43 characters of URL-safe base \
                          64: 32 random bytes";
            return Err(Error::invalid("bootstrap token", reason));
        };
        // Made of the hash, so that two processes that start at once take the same.
        let digits: String =
            hash.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let new = NewServiceToken {
            identifier: TokenId::new(format!("bootstrap-{digits}"))?,
            secret_hash: hash,
            issued_at: None,
            grant,
        };
        self.shared.repository.bootstrap(new, origin).await
    }

    /// Forgets a token, whether its change succeeded or nobody knows.
    fn forget(&self, identifier: &TokenId) {
        if let Some(cache) = &self.shared.cache {
            cache.forget_token(identifier);
        }
    }
}
