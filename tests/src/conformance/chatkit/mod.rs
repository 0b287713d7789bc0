//! The behaviours of `ChatKitStore`, one file per area.

pub mod attachment_input;
pub mod attachments;
pub mod batches;
pub mod cursors;
pub mod deletion_races;
pub mod file_races;
pub mod files;
pub mod filtering;
pub mod forms;
pub mod input;
pub mod items;
pub mod listing;
pub mod owners;
pub mod paging;
pub mod prune_counts;
pub mod pruning;
pub mod racing;
pub mod saving;
pub mod search_forms;
pub mod search_pages;
pub mod search_scope;
pub mod search_text;
pub mod searching;
pub mod statements;
pub mod thread_context;
pub mod thread_races;
pub mod threads;
pub mod uploads;

pub(crate) use super::workflow::{assert_conflict, assert_invalid, assert_not_found};

/// Emits every behaviour of conversations on the fixture of one backend.
#[macro_export]
macro_rules! chatkit_tests {
    ($fixture:path) => {
        $crate::chatkit_threads_tests!($fixture);
        $crate::chatkit_thread_context_tests!($fixture);
        $crate::chatkit_forms_tests!($fixture);
        $crate::chatkit_owners_tests!($fixture);
        $crate::chatkit_listing_tests!($fixture);
        $crate::chatkit_filtering_tests!($fixture);
        $crate::chatkit_items_tests!($fixture);
        $crate::chatkit_batches_tests!($fixture);
        $crate::chatkit_saving_tests!($fixture);
        $crate::chatkit_paging_tests!($fixture);
        $crate::chatkit_cursors_tests!($fixture);
        $crate::chatkit_searching_tests!($fixture);
        $crate::chatkit_search_forms_tests!($fixture);
        $crate::chatkit_search_scope_tests!($fixture);
        $crate::chatkit_search_pages_tests!($fixture);
        $crate::chatkit_search_text_tests!($fixture);
        $crate::chatkit_attachments_tests!($fixture);
        $crate::chatkit_files_tests!($fixture);
        $crate::chatkit_uploads_tests!($fixture);
        $crate::chatkit_pruning_tests!($fixture);
        $crate::chatkit_prune_counts_tests!($fixture);
        $crate::chatkit_input_tests!($fixture);
        $crate::chatkit_attachment_input_tests!($fixture);
        $crate::chatkit_racing_tests!($fixture);
        $crate::chatkit_thread_races_tests!($fixture);
        $crate::chatkit_deletion_races_tests!($fixture);
        $crate::chatkit_file_races_tests!($fixture);
        $crate::chatkit_statements_tests!($fixture);
    };
}
