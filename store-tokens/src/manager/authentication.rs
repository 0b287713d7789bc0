use std::net::IpAddr;
use std::sync::Arc;

use store_core::tokens::{SecretHash, ServiceToken, TokenDenial, TokenState};
use store_core::{Denial, Error, Result};
use subtle::ConstantTimeEq as _;

use super::{ServiceTokenManager, Shared};
use crate::format;

/// What a request asks of its token.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuthenticationRequest<'a> {
    /// Where it comes from: the peer's address, or what a trusted proxy says it is.
    pub ip: Option<IpAddr>,
    /// With what program it was made. It is kept with refusals alone, 255 bytes of it.
    pub user_agent: Option<&'a str>,
    /// The scopes that the token must have, all of them.
    pub required_scopes: &'a [&'a str],
    /// The workspace that the token must be allowed in.
    pub workspace_id: Option<&'a str>,
}

impl ServiceTokenManager {
    /// Finds out whose a token is, and whether it may be used for a request.
    ///
    /// Its form and its check are looked at first: what is no token costs no query. Then the token
    /// is found by its hash, with one query or in the cache, and must be neither revoked nor
    /// expired, allowed from the address, have the scopes, be allowed in the workspace, and have a
    /// use left. The use is counted in memory. Only a token with a rate limit writes, one statement.
    ///
    /// Refusals of tokens that exist are counted as well, and become entries of their audits.
    ///
    /// # Errors
    /// `Denied`: `Unauthenticated` (401) for a token that is malformed, unknown, revoked or
    /// expired, which nobody can tell apart from outside; `Forbidden` (403) for an address, a
    /// scope or a workspace; `RateLimited` (429). `Backend`.
    pub async fn authenticate(
        &self,
        presented: &str,
        request: &AuthenticationRequest<'_>,
    ) -> Result<Arc<ServiceToken>> {
        let unknown = Error::Denied { reason: Denial::Unauthenticated };
        let Some(hash) = format::hash_of(presented) else { return Err(unknown) };
        let Some(token) = self.shared.look_up(&hash).await? else { return Err(unknown) };
        // The index compared byte by byte; what counts is compared in constant time.
        if !bool::from(token.secret_hash.as_bytes().ct_eq(hash.as_bytes())) {
            return Err(unknown);
        }
        match self.shared.refusal(&token, request).await? {
            None => {
                self.shared.usage.used(&token.identifier, self.shared.clock.now());
                Ok(token)
            }
            Some(reason) => Err(self.shared.denied(&token, reason, request)),
        }
    }
}

impl Shared {
    async fn look_up(&self, hash: &SecretHash) -> Result<Option<Arc<ServiceToken>>> {
        let Some(cache) = &self.cache else {
            return Ok(self.repository.find_by_hash(hash).await?.map(Arc::new));
        };
        if let Some(token) = cache.get(hash, self.clock.now()) {
            return Ok(Some(token));
        }
        let began = cache.generation();
        let token = self.repository.find_by_hash(hash).await?.map(Arc::new);
        if let Some(token) = &token {
            cache.put(began, Arc::clone(token), self.clock.now());
        }
        Ok(token)
    }

    /// Says why a token may not be used for a request.
    async fn refusal(
        &self,
        token: &ServiceToken,
        request: &AuthenticationRequest<'_>,
    ) -> Result<Option<TokenDenial>> {
        let reason = match token.state_at(self.clock.now()) {
            TokenState::Revoked => Some(TokenDenial::Revoked),
            TokenState::Expired => Some(TokenDenial::Expired),
            TokenState::Active if !token.allows_ip(request.ip) => Some(TokenDenial::Address),
            TokenState::Active if !token.has_scopes(request.required_scopes) => {
                Some(TokenDenial::Scope)
            }
            TokenState::Active
                if request.workspace_id.is_some_and(|id| !token.allows_workspace(id)) =>
            {
                Some(TokenDenial::Workspace)
            }
            TokenState::Active => None,
        };
        match (reason, token.rate_limit) {
            (None, Some(limit)) => match self.repository.take_use(&token.identifier, limit).await {
                Ok(true) => Ok(None),
                Ok(false) => Ok(Some(TokenDenial::RateLimit)),
                // It was deleted while it was looked up, or since it was cached.
                Err(Error::NotFound { .. }) => Ok(Some(TokenDenial::Revoked)),
                Err(error) => Err(error),
            },
            (reason, _) => Ok(reason),
        }
    }

    fn denied(
        &self,
        token: &ServiceToken,
        reason: TokenDenial,
        request: &AuthenticationRequest<'_>,
    ) -> Error {
        tracing::debug!(identifier = %token.identifier, %reason, "a token was refused");
        self.usage.denied(&token.identifier, reason, self.clock.now(), request);
        let reason = match reason {
            TokenDenial::Revoked | TokenDenial::Expired => Denial::Unauthenticated,
            TokenDenial::Address | TokenDenial::Scope | TokenDenial::Workspace => Denial::Forbidden,
            TokenDenial::RateLimit => Denial::RateLimited,
        };
        Error::Denied { reason }
    }
}
