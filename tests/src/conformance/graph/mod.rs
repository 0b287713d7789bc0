//! The behaviours of `GraphCheckpointer`, one file per area.

pub mod conflicts;
pub mod copying;
pub mod deleting;
pub mod input;
pub mod listing;
pub mod pruning;
pub mod pruning_races;
pub mod putting;
pub mod reading;
pub mod sealing;
pub mod sealing_keys;
pub mod statements;
pub mod storage;
pub mod values;
pub mod writes;

pub(crate) use super::workflow::{assert_conflict, assert_invalid, assert_not_found};

/// Emits what holds with and without a key ring on the fixture of one backend.
#[macro_export]
macro_rules! graph_tests {
    ($fixture:path) => {
        $crate::graph_putting_tests!($fixture);
        $crate::graph_reading_tests!($fixture);
        $crate::graph_values_tests!($fixture);
        $crate::graph_conflicts_tests!($fixture);
        $crate::graph_writes_tests!($fixture);
        $crate::graph_listing_tests!($fixture);
        $crate::graph_deleting_tests!($fixture);
        $crate::graph_copying_tests!($fixture);
        $crate::graph_pruning_tests!($fixture);
        $crate::graph_pruning_races_tests!($fixture);
        $crate::graph_statements_tests!($fixture);
    };
}

/// Emits what a key ring has no part in, on a fixture without one.
#[macro_export]
macro_rules! graph_unsealed_tests {
    ($fixture:path) => {
        $crate::graph_input_tests!($fixture);
        $crate::graph_storage_tests!($fixture);
    };
}

/// Emits what a key ring adds, on a fixture that has one.
#[macro_export]
macro_rules! graph_sealing_suite {
    ($fixture:path) => {
        $crate::graph_sealing_tests!($fixture);
        $crate::graph_sealing_keys_tests!($fixture);
        $crate::graph_storage_tests!($fixture);
    };
}
