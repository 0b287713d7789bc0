//! The behaviours of `CheckpointStore`, one file per area.

pub mod best;
pub mod best_by;
pub mod comparing;
pub mod conditions;
pub mod containment;
pub mod deletion;
pub mod input;
pub mod lineage;
pub mod listing;
pub mod metrics;
pub mod pruning;
pub mod pruning_races;
pub mod racing;
pub mod recording;
pub mod statements;

pub(crate) use super::workflow::{
    assert_conflict, assert_invalid, assert_invalid_state, assert_not_found,
};

/// Emits every behaviour of training checkpoints on the fixture of one backend.
#[macro_export]
macro_rules! checkpoints_tests {
    ($fixture:path) => {
        $crate::checkpoints_recording_tests!($fixture);
        $crate::checkpoints_racing_tests!($fixture);
        $crate::checkpoints_best_tests!($fixture);
        $crate::checkpoints_listing_tests!($fixture);
        $crate::checkpoints_metrics_tests!($fixture);
        $crate::checkpoints_best_by_tests!($fixture);
        $crate::checkpoints_conditions_tests!($fixture);
        $crate::checkpoints_containment_tests!($fixture);
        $crate::checkpoints_comparing_tests!($fixture);
        $crate::checkpoints_lineage_tests!($fixture);
        $crate::checkpoints_pruning_tests!($fixture);
        $crate::checkpoints_pruning_races_tests!($fixture);
        $crate::checkpoints_deletion_tests!($fixture);
        $crate::checkpoints_input_tests!($fixture);
        $crate::checkpoints_statements_tests!($fixture);
    };
}
