//! The behaviours of `RunHistoryStore` and `TaskResults`, one file per area.

pub mod append;
pub mod input;
pub mod lifecycle;
pub mod listing;
pub mod maintenance;
pub mod retention;
pub mod steps;
pub mod tasks;
pub mod usage;

/// Emits every behaviour of run history on the fixture of one backend.
#[macro_export]
macro_rules! history_tests {
    ($fixture:path) => {
        $crate::history_lifecycle_tests!($fixture);
        $crate::history_append_tests!($fixture);
        $crate::history_steps_tests!($fixture);
        $crate::history_listing_tests!($fixture);
        $crate::history_usage_tests!($fixture);
        $crate::history_tasks_tests!($fixture);
        $crate::history_retention_tests!($fixture);
        $crate::history_maintenance_tests!($fixture);
        $crate::history_input_tests!($fixture);
    };
}
