//! What is measured, and the data it is measured on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use store_core::tokens::{AuditOrigin, TokenGrant};
use store_core::{Actor, ExposeSecret as _, SecretString, TokenId};
use store_tokens::ServiceTokenManager;

use crate::common::Result;
use crate::common::args::Measured;

/// An operation of the manager. Those that leave nothing behind come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// One of the 10,000 tokens.
    Authenticate,
    /// One of them, with a cache that holds them all. The raw side has none.
    AuthenticateCached,
    /// A new token.
    Mint,
    /// The newest token of a family is replaced.
    Rotate,
}

impl Measured for Operation {
    const ALL: &'static [Self] =
        &[Self::Authenticate, Self::AuthenticateCached, Self::Mint, Self::Rotate];

    fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::AuthenticateCached => "auth cached",
            Self::Mint => "mint",
            Self::Rotate => "rotate",
        }
    }
}

/// The tokens that are there.
const TOKENS: usize = 10_000;
/// Those of them that are rotated: more than there are callers.
const FAMILIES: usize = 500;

/// What was put into an empty database.
#[derive(Debug)]
pub(crate) struct Seeded {
    secrets: Vec<SecretString>,
    /// Numbers the look-ups, so that they spread over the tokens.
    used: AtomicUsize,
    /// The newest tokens of families that nobody works on.
    newest: Mutex<Vec<TokenId>>,
}

impl Seeded {
    /// Chooses a token.
    pub(crate) fn next(&self) -> &str {
        // A stride without a common factor, so that neighbours are not used after each other.
        let nth = self.used.fetch_add(1, Ordering::Relaxed).wrapping_mul(7919) % self.secrets.len();
        self.secrets[nth].expose_secret()
    }

    /// Takes a token that may be rotated.
    pub(crate) fn take(&self) -> Option<TokenId> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Gives back what it was replaced by.
    pub(crate) fn give_back(&self, newest: TokenId) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).push(newest);
    }
}

/// Fills empty tables with tokens.
pub(crate) async fn seed(tokens: &ServiceTokenManager) -> Result<Seeded> {
    let minted: Vec<(SecretString, TokenId)> = stream::iter(0..TOKENS)
        .map(async |_| {
            let (secret, token) = tokens.mint(grant(), &origin()).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((secret, token.identifier))
        })
        .buffer_unordered(8)
        .try_collect()
        .await?;
    let (secrets, ids): (Vec<_>, Vec<_>) = minted.into_iter().unzip();
    Ok(Seeded {
        secrets,
        used: AtomicUsize::new(0),
        newest: Mutex::new(ids.into_iter().take(FAMILIES).collect()),
    })
}

pub(crate) const ACTOR: &str = "benchmark";
pub(crate) const SCOPES: [&str; 2] = ["runs:read", "runs:start"];

/// What each token allows.
pub(crate) fn grant() -> TokenGrant {
    TokenGrant {
        name: Some("benchmark".into()),
        scopes: SCOPES.map(str::to_owned).into(),
        ..TokenGrant::default()
    }
}

#[expect(clippy::expect_used, reason = "the name is valid")]
pub(crate) fn origin() -> AuditOrigin {
    AuditOrigin::of(Actor::new(ACTOR).expect("a valid actor"))
}
