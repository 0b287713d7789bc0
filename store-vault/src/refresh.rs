//! Refreshing OAuth tokens: by one process at a time, whoever asks.

use std::sync::Arc;
use std::time::Duration;

use store_core::vault::{AccessContext, CredentialVault, OAuthTokens, RefreshLease};
use store_core::{Clock, CredentialId, Error, Result, SystemClock};

/// How often somebody who waits looks whether the tokens are there: first and at the longest.
const FIRST_NAP: Duration = Duration::from_millis(20);
const LONGEST_NAP: Duration = Duration::from_millis(250);

/// How tokens are refreshed.
#[derive(Debug, Clone)]
pub struct RefreshOptions {
    /// Who refreshes them: another name for each process, and random unless given.
    pub owner: String,
    /// How long the lease lasts without being renewed, 1 millisecond to 1 hour: how long others wait
    /// for a process that has died. 30 seconds unless given.
    pub ttl: Duration,
    /// Tokens that end later than so long from now are returned as they are: 60 seconds unless
    /// given.
    pub margin: Duration,
    /// What tells whether they do.
    pub clock: Arc<dyn Clock>,
}

impl Default for RefreshOptions {
    fn default() -> Self {
        Self {
            owner: CredentialId::mint().to_string(),
            ttl: Duration::from_secs(30),
            margin: Duration::from_secs(60),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Returns the tokens of a credential, and refreshes them first when they end soon.
///
/// `refresh` gets the tokens and asks the provider for others; when its answer has no refresh token,
/// the one that is there is kept. Of any number of callers in any number of processes one calls the
/// provider, under a lease that is renewed meanwhile; the others wait and get what it stored. Tokens
/// of which nobody knows when they end are refreshed, unless somebody else does so while this
/// caller waits.
///
/// # Errors
/// Whatever `refresh` fails with, and then the lease is given back; `LeaseLost` when the lease was
/// taken by somebody else while the provider was asked: nothing is stored; those of
/// [`reveal_oauth_tokens`](CredentialVault::reveal_oauth_tokens) and
/// [`acquire_refresh_lease`](CredentialVault::acquire_refresh_lease).
pub async fn with_refresh_lease<F>(
    vault: &dyn CredentialVault,
    context: &AccessContext,
    id: CredentialId,
    options: &RefreshOptions,
    refresh: F,
) -> Result<OAuthTokens>
where
    F: AsyncFnOnce(OAuthTokens) -> Result<OAuthTokens>,
{
    let first = vault.reveal_oauth_tokens(context, id).await?;
    if fresh(&first.tokens, options)? {
        return Ok(first.tokens);
    }
    let lease = match lease_or_tokens(vault, context, id, options, first.version).await? {
        Either::Lease(lease) => lease,
        Either::Tokens(tokens) => return Ok(tokens),
    };
    // Who had the lease before may have stored other tokens.
    let current = match vault.reveal_oauth_tokens(context, id).await {
        Ok(current) => current,
        Err(error) => return given_back(vault, context, &lease, error).await,
    };
    if current.version > first.version {
        vault.release_refresh_lease(context, &lease).await?;
        return Ok(current.tokens);
    }
    let kept = current.tokens.refresh_token.clone();
    let refreshed = renewing(vault, context, &lease, options.ttl, refresh(current.tokens)).await;
    let mut tokens = match refreshed {
        Ok(tokens) => tokens,
        Err(error) => return given_back(vault, context, &lease, error).await,
    };
    tokens.refresh_token = tokens.refresh_token.or(kept);
    match vault.complete_refresh(context, &lease, tokens.clone()).await {
        Ok(_stored) => Ok(tokens),
        Err(error) => given_back(vault, context, &lease, error).await,
    }
}

/// What came first.
enum Either {
    /// The lease: nobody refreshes the tokens.
    Lease(RefreshLease),
    /// The tokens that somebody else has stored.
    Tokens(OAuthTokens),
}

/// Waits until the lease is free, or somebody has stored other tokens.
async fn lease_or_tokens(
    vault: &dyn CredentialVault,
    context: &AccessContext,
    id: CredentialId,
    options: &RefreshOptions,
    version: i64,
) -> Result<Either> {
    let mut row_version = None;
    let mut nap = FIRST_NAP;
    loop {
        let acquired = vault.acquire_refresh_lease(context, id, &options.owner, options.ttl);
        if let Some(lease) = acquired.await? {
            return Ok(Either::Lease(lease));
        }
        // Looking at the row is no reveal: it is in no audit.
        let found = Some(vault.fetch(context, id).await?.row_version);
        if found != row_version {
            row_version = found;
            let current = vault.reveal_oauth_tokens(context, id).await?;
            if current.version > version {
                return Ok(Either::Tokens(current.tokens));
            }
        }
        tokio::time::sleep(nap).await;
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

/// Tells whether tokens last longer than the margin.
fn fresh(tokens: &OAuthTokens, options: &RefreshOptions) -> Result<bool> {
    let Some(end) = tokens.expires_at.filter(|_| tokens.access_token.is_some()) else {
        return Ok(false);
    };
    let soon = options.clock.now().plus(options.margin);
    Ok(end > soon.map_err(|_range| Error::invalid("margin", "ends after the year 9999"))?)
}

/// Runs what asks the provider, and renews the lease meanwhile.
async fn renewing(
    vault: &dyn CredentialVault,
    context: &AccessContext,
    lease: &RefreshLease,
    ttl: Duration,
    refresh: impl Future<Output = Result<OAuthTokens>>,
) -> Result<OAuthTokens> {
    let mut refresh = std::pin::pin!(refresh);
    loop {
        tokio::select! {
            biased;
            refreshed = &mut refresh => return refreshed,
            () = tokio::time::sleep(ttl / 3) => {
                match vault.renew_refresh_lease(context, lease, ttl).await {
                    // Tokens come all the same, and whether they may be stored is seen then.
                    Ok(_) | Err(Error::Backend { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// Gives a lease back, and returns the error that is the reason.
async fn given_back<T>(
    vault: &dyn CredentialVault,
    context: &AccessContext,
    lease: &RefreshLease,
    error: Error,
) -> Result<T> {
    // A lease that was lost, or cannot be given back, ends by itself.
    let _ = vault.release_refresh_lease(context, lease).await;
    Err(error)
}
