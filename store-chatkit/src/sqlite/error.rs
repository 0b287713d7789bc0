//! What a violated constraint means here.

use diesel::result::Error as DieselError;
use store_core::sqlite::Violation;

// parity: PostgreSQL names the constraint.
/// The columns by which each item occurs once.
const ITEMS: &str = "chatkit_items.thread_id, chatkit_items.item_id";

/// Tells whether a statement failed because the thread has an item with this id.
pub(super) fn is_taken(error: &DieselError) -> bool {
    matches!(Violation::of(error), Some(Violation::Unique(columns)) if columns == ITEMS)
}
