//! The behaviours of service tokens, one file per area: their storage first, then the manager.

pub mod addresses;
pub mod audit;
pub mod authenticating;
pub mod bootstrap;
pub mod caching;
pub mod chain;
pub mod corrupt;
pub mod counting;
pub mod creating;
pub mod deletion;
pub mod denials;
pub mod families;
pub mod input;
pub mod invalidations;
pub mod lifetimes;
pub mod limits;
pub mod listing;
pub mod lookup;
pub mod managing;
pub mod minting;
pub mod purge;
pub mod refusals;
pub mod revocation;
pub mod rotation;
pub mod usage;

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

pub(crate) use store_core::tokens::ServiceTokenRepository as Repository;

pub(crate) use super::workflow::{
    assert_conflict, assert_invalid, assert_invalid_state, assert_not_found,
};
use crate::fixture::Tokens;
use store_core::{Denial, Error, Result};

/// Emits every behaviour of service tokens on the fixture of one backend.
#[macro_export]
macro_rules! tokens_tests {
    ($fixture:path) => {
        $crate::tokens_creating_tests!($fixture);
        $crate::tokens_input_tests!($fixture);
        $crate::tokens_bootstrap_tests!($fixture);
        $crate::tokens_lookup_tests!($fixture);
        $crate::tokens_corrupt_tests!($fixture);
        $crate::tokens_listing_tests!($fixture);
        $crate::tokens_rotation_tests!($fixture);
        $crate::tokens_lifetimes_tests!($fixture);
        $crate::tokens_revocation_tests!($fixture);
        $crate::tokens_families_tests!($fixture);
        $crate::tokens_deletion_tests!($fixture);
        $crate::tokens_purge_tests!($fixture);
        $crate::tokens_usage_tests!($fixture);
        $crate::tokens_denials_tests!($fixture);
        $crate::tokens_limits_tests!($fixture);
        $crate::tokens_audit_tests!($fixture);
        $crate::tokens_chain_tests!($fixture);
        $crate::tokens_invalidations_tests!($fixture);
        $crate::tokens_minting_tests!($fixture);
        $crate::tokens_authenticating_tests!($fixture);
        $crate::tokens_refusals_tests!($fixture);
        $crate::tokens_addresses_tests!($fixture);
        $crate::tokens_counting_tests!($fixture);
        $crate::tokens_caching_tests!($fixture);
        $crate::tokens_managing_tests!($fixture);
    };
}

/// How many statements a write of one statement costs: SQLite's writer begins and ends a
/// transaction around it.
pub(crate) fn one_write(t: &Tokens) -> u64 {
    if t.place.is_sqlite() { 3 } else { 1 }
}

/// Asserts that an answer is `Denied`, and why.
#[track_caller]
pub(crate) fn assert_denied<T: Debug>(answer: Result<T>, expected: Denial) {
    match answer.expect_err("it is denied") {
        Error::Denied { reason } => assert_eq!(reason, expected),
        other => panic!("{expected:?}: {other}"),
    }
}

/// Looks until something is there, which a task of a manager brings about.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    const PATIENCE: Duration = Duration::from_secs(30);
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::task::yield_now().await;
    }
}
