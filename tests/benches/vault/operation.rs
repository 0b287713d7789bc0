//! What is measured, and the data it is measured on.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use store_core::seal::{Key, KeyRing};
use store_core::vault::{AccessContext, CredentialScope, NewCredential, VaultStore};
use store_core::{Actor, CredentialId};

use crate::common::Result;
use crate::common::args::Measured;

/// An operation of the vault. Those that leave nothing behind come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The newest 20 of 10,000 that a workflow may use: every other one.
    List,
    /// The secret of one of them.
    Reveal,
    /// A new one.
    Create,
    /// Another key for all of 500 values of a vault of its own. The keys take turns.
    Rewrap,
}

impl Measured for Operation {
    const ALL: &'static [Self] = &[Self::List, Self::Reveal, Self::Create, Self::Rewrap];

    fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Reveal => "reveal",
            Self::Create => "create",
            Self::Rewrap => "rewrap",
        }
    }

    fn callers(self, asked: &[usize]) -> Vec<usize> {
        match self {
            // Whoever rewraps at once only takes turns.
            Self::Rewrap => vec![1],
            _ => asked.to_vec(),
        }
    }
}

/// The credentials that are listed and revealed.
const CREDENTIALS: usize = 10_000;
/// How many values a rewrap gives another key.
pub(crate) const REWRAPPED: usize = 500;
/// How many credentials a transaction of a rewrap holds.
pub(crate) const BATCH: u32 = 100;

pub(crate) const ACTOR: &str = "benchmark";
pub(crate) const SECRET: &str = "xoxb-0123456789-0123456789-abcdefghijklmnopqrstuvwx";
pub(crate) const WORKFLOW: &str = "triage";

/// What was put into an empty database.
#[derive(Debug)]
pub(crate) struct Seeded {
    ids: Vec<CredentialId>,
    /// Numbers the reveals, so that they spread.
    used: AtomicUsize,
}

impl Seeded {
    /// Chooses a credential.
    pub(crate) fn next(&self) -> CredentialId {
        // A stride without a common factor, so that neighbours are not used after each other.
        let nth = self.used.fetch_add(1, Ordering::Relaxed).wrapping_mul(7919) % self.ids.len();
        self.ids[nth]
    }
}

/// Fills empty tables.
pub(crate) async fn seed(vault: &dyn VaultStore, count: usize) -> Result<Seeded> {
    let ids = stream::iter(0..count)
        .map(async |number| {
            let workflow = if number % 2 == 0 { WORKFLOW } else { "another" };
            let new = credential().within(CredentialScope::of_workflow(workflow));
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                vault.create(&operator(), new).await?.id,
            )
        })
        .buffer_unordered(8)
        .try_collect()
        .await?;
    Ok(Seeded { ids, used: AtomicUsize::new(0) })
}

/// Fills the tables that are listed and revealed.
pub(crate) async fn seed_credentials(vault: &dyn VaultStore) -> Result<Seeded> {
    seed(vault, CREDENTIALS).await
}

/// A credential with a name that no other has.
pub(crate) fn credential() -> NewCredential {
    NewCredential::secret(format!("benchmark {}", CredentialId::mint()), "slack", SECRET)
}

#[expect(clippy::expect_used, reason = "the name is valid")]
fn actor() -> Actor {
    Actor::new(ACTOR).expect("a valid actor")
}

pub(crate) fn operator() -> AccessContext {
    AccessContext::administrator(actor())
}

pub(crate) fn caller() -> AccessContext {
    AccessContext::new(actor()).in_workflow(WORKFLOW)
}

/// Two keys; the first seals.
#[expect(clippy::expect_used, reason = "the ids are valid")]
pub(crate) fn keys([current, readable]: [u8; 2]) -> KeyRing {
    let key = |number: u8| Key::new(format!("k{number}"), [number; 32]).expect("a valid id");
    KeyRing::new(key(current)).with_readable(key(readable)).expect("two keys")
}
