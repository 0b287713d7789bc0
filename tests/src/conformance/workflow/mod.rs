//! The behaviours of `WorkflowRepository`, one file per area.

pub mod attempts;
pub mod audit;
pub mod chat;
pub mod configs;
pub mod creating;
pub mod cron;
pub mod cron_dispatch;
pub mod cron_misfire;
pub mod cron_races;
pub mod deletion;
pub mod handles;
pub mod input;
pub mod listener_events;
pub mod listener_leases;
pub mod listeners;
pub mod listing;
pub mod manual;
pub mod manual_policy;
pub mod publishing;
pub mod purge;
pub mod retention;
pub mod retries;
pub mod retry_policy;
pub mod run_listing;
pub mod runs;
pub mod scale;
pub mod transitions;
pub mod updates;
pub mod versions;
pub mod webhook_limits;
pub mod webhook_requests;
pub mod webhook_secrets;
pub mod webhooks;

use std::fmt::Debug;

use store_core::{Error, Result};

/// Emits every behaviour of workflows on the fixture of one backend.
#[macro_export]
macro_rules! workflow_tests {
    ($fixture:path) => {
        $crate::workflow_creating_tests!($fixture);
        $crate::workflow_chat_tests!($fixture);
        $crate::workflow_updates_tests!($fixture);
        $crate::workflow_handles_tests!($fixture);
        $crate::workflow_publishing_tests!($fixture);
        $crate::workflow_listing_tests!($fixture);
        $crate::workflow_deletion_tests!($fixture);
        $crate::workflow_audit_tests!($fixture);
        $crate::workflow_versions_tests!($fixture);
        $crate::workflow_configs_tests!($fixture);
        $crate::workflow_runs_tests!($fixture);
        $crate::workflow_transitions_tests!($fixture);
        $crate::workflow_attempts_tests!($fixture);
        $crate::workflow_retry_policy_tests!($fixture);
        $crate::workflow_retries_tests!($fixture);
        $crate::workflow_run_listing_tests!($fixture);
        $crate::workflow_retention_tests!($fixture);
        $crate::workflow_input_tests!($fixture);
        $crate::workflow_scale_tests!($fixture);
        $crate::workflow_cron_tests!($fixture);
        $crate::workflow_cron_dispatch_tests!($fixture);
        $crate::workflow_cron_misfire_tests!($fixture);
        $crate::workflow_cron_races_tests!($fixture);
        $crate::workflow_webhooks_tests!($fixture);
        $crate::workflow_webhook_requests_tests!($fixture);
        $crate::workflow_webhook_secrets_tests!($fixture);
        $crate::workflow_webhook_limits_tests!($fixture);
        $crate::workflow_manual_tests!($fixture);
        $crate::workflow_manual_policy_tests!($fixture);
        $crate::workflow_listeners_tests!($fixture);
        $crate::workflow_listener_leases_tests!($fixture);
        $crate::workflow_listener_events_tests!($fixture);
        $crate::workflow_purge_tests!($fixture);
    };
}

/// Asserts that an answer is `Invalid` and names a field, or something below it.
#[track_caller]
pub(crate) fn assert_invalid<T: Debug>(answer: Result<T>, expected: &str) {
    match answer.expect_err(expected) {
        Error::Invalid { field, .. } => {
            let root = field.split(['.', '[']).next().unwrap_or_default();
            assert!(field == expected || root == expected, "`{field}` instead of `{expected}`");
        }
        other => panic!("{expected}: {other}"),
    }
}

/// Asserts that an answer is `NotFound`.
#[track_caller]
pub(crate) fn assert_not_found<T: Debug>(answer: Result<T>) {
    let error = answer.expect_err("nothing is there");
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

/// Asserts that an answer is `Conflict`.
#[track_caller]
pub(crate) fn assert_conflict<T: Debug>(answer: Result<T>) {
    let error = answer.expect_err("something is in the way");
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
}

/// Asserts that an answer is `InvalidState`.
#[track_caller]
pub(crate) fn assert_invalid_state<T: Debug>(answer: Result<T>) {
    let error = answer.expect_err("the state does not allow it");
    assert!(matches!(error, Error::InvalidState { .. }), "{error}");
}
