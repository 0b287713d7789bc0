//! The behaviours of the job queue, one file per area.

pub mod cancel;
pub mod claim;
pub mod claim_input;
pub mod counters;
pub mod dependencies;
pub mod endings;
pub mod enqueue;
pub mod event_waits;
pub mod events;
pub mod fencing;
pub mod graph_keys;
pub mod graphs;
pub mod handling;
pub mod heartbeats;
pub mod history;
pub mod input;
pub mod leases;
pub mod limits;
pub mod listing;
pub mod locks;
pub mod queues;
pub mod reaping;
pub mod redrive;
pub mod retention;
pub mod retrying;
pub mod run_cancelling;
pub mod run_endings;
pub mod run_failures;
pub mod running;
pub mod runs;
pub mod stopping;
pub mod unique;
pub mod waiting;
pub mod workers;

use std::fmt::Debug;

use store_core::{Error, Result};

pub(crate) use super::workflow::{
    assert_conflict, assert_invalid, assert_invalid_state, assert_not_found,
};

/// Emits every behaviour of the job queue on the fixture of one backend.
#[macro_export]
macro_rules! queue_tests {
    ($fixture:path) => {
        $crate::queue_enqueue_tests!($fixture);
        $crate::queue_input_tests!($fixture);
        $crate::queue_unique_tests!($fixture);
        $crate::queue_claim_tests!($fixture);
        $crate::queue_claim_input_tests!($fixture);
        $crate::queue_limits_tests!($fixture);
        $crate::queue_leases_tests!($fixture);
        $crate::queue_heartbeats_tests!($fixture);
        $crate::queue_fencing_tests!($fixture);
        $crate::queue_endings_tests!($fixture);
        $crate::queue_retrying_tests!($fixture);
        $crate::queue_reaping_tests!($fixture);
        $crate::queue_dependencies_tests!($fixture);
        $crate::queue_graphs_tests!($fixture);
        $crate::queue_graph_keys_tests!($fixture);
        $crate::queue_events_tests!($fixture);
        $crate::queue_event_waits_tests!($fixture);
        $crate::queue_cancel_tests!($fixture);
        $crate::queue_redrive_tests!($fixture);
        $crate::queue_retention_tests!($fixture);
        $crate::queue_listing_tests!($fixture);
        $crate::queue_history_tests!($fixture);
        $crate::queue_runs_tests!($fixture);
        $crate::queue_run_failures_tests!($fixture);
        $crate::queue_run_endings_tests!($fixture);
        $crate::queue_waiting_tests!($fixture);
        $crate::queue_workers_tests!($fixture);
        $crate::queue_locks_tests!($fixture);
        $crate::queue_counters_tests!($fixture);
        $crate::queue_queues_tests!($fixture);
        $crate::queue_handling_tests!($fixture);
        $crate::queue_run_cancelling_tests!($fixture);
        $crate::queue_running_tests!($fixture);
        $crate::queue_stopping_tests!($fixture);
    };
}

/// Asserts that an answer is `LeaseLost`.
#[track_caller]
pub(crate) fn assert_lost<T: Debug>(answer: Result<T>) {
    let error = answer.expect_err("the lease is lost");
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    assert_eq!(error.http_status(), Some(409));
}
