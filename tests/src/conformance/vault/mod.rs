//! The behaviours of the vault, one file per area; those of templates, alerts, keys and rewrapping
//! are listed in `governance`.

pub mod atomicity;
pub mod audit;
mod calls;
pub mod chain;
pub mod completing;
pub mod corrupt;
pub mod creating;
pub mod deletion;
mod envelopes;
pub mod health;
pub mod input;
pub mod leases;
pub mod listing;
pub mod names;
pub mod oauth;
pub mod reading;
pub mod redaction;
pub mod refreshing;
pub mod restoring;
pub mod revealing;
pub mod rotating;
pub mod scopes;
pub mod statements;
pub mod tampering;
pub mod updating;

// Those that `governance` lists.
pub mod alert_listing;
pub mod alert_races;
pub mod alert_subjects;
pub mod alerts;
pub mod due;
pub mod expiring;
pub mod governance;
pub mod governance_rows;
pub mod issuing;
pub mod issuing_races;
pub mod keys;
pub mod rewrapping;
pub mod rewrapping_races;
pub mod rewrapping_tampered;
pub mod template_input;
pub mod template_listing;
pub mod template_races;
pub mod template_updates;
pub mod templates;
pub mod unsealed;

use std::fmt::Debug;

use store_core::{CredentialId, Denial, Error, Result};

pub(crate) use super::workflow::{
    assert_conflict, assert_invalid, assert_invalid_state, assert_not_found,
};

/// Emits every behaviour of credentials on the fixture of one backend.
#[macro_export]
macro_rules! vault_tests {
    ($fixture:path) => {
        $crate::vault_creating_tests!($fixture);
        $crate::vault_input_tests!($fixture);
        $crate::vault_reading_tests!($fixture);
        $crate::vault_names_tests!($fixture);
        $crate::vault_updating_tests!($fixture);
        $crate::vault_listing_tests!($fixture);
        $crate::vault_scopes_tests!($fixture);
        $crate::vault_rotating_tests!($fixture);
        $crate::vault_restoring_tests!($fixture);
        $crate::vault_revealing_tests!($fixture);
        $crate::vault_tampering_tests!($fixture);
        $crate::vault_health_tests!($fixture);
        $crate::vault_deletion_tests!($fixture);
        $crate::vault_oauth_tests!($fixture);
        $crate::vault_leases_tests!($fixture);
        $crate::vault_completing_tests!($fixture);
        $crate::vault_refreshing_tests!($fixture);
        $crate::vault_audit_tests!($fixture);
        $crate::vault_chain_tests!($fixture);
        $crate::vault_atomicity_tests!($fixture);
        $crate::vault_redaction_tests!($fixture);
        $crate::vault_corrupt_tests!($fixture);
        $crate::vault_statements_tests!($fixture);
    };
}

/// Asserts that an answer is `Denied`, and that it says no more than that.
#[track_caller]
pub(crate) fn assert_forbidden<T: Debug>(answer: Result<T>) {
    match answer.expect_err("it is denied") {
        Error::Denied { reason } => assert_eq!(reason, Denial::Forbidden),
        other => panic!("denied: {other}"),
    }
}

/// Asserts that an answer is `Tampered`, and names a credential.
#[track_caller]
pub(crate) fn assert_tampered<T: Debug>(answer: Result<T>, expected: CredentialId) {
    match answer.expect_err("it does not open") {
        Error::Tampered { entity, id } => {
            assert_eq!((entity, id), ("vault_secrets", expected.to_string()));
        }
        other => panic!("tampered: {other}"),
    }
}

/// Asserts that an answer is `LeaseLost`.
#[track_caller]
pub(crate) fn assert_lease_lost<T: Debug>(answer: Result<T>) {
    let error = answer.expect_err("the lease was lost");
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
}
