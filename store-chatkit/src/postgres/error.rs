//! What a violated constraint means here.

use diesel::result::Error as DieselError;
use store_core::postgres::Violation;

/// Tells whether a statement failed because the thread got an item with this id meanwhile.
pub(super) fn is_taken(error: &DieselError) -> bool {
    matches!(Violation::of(error), Some(Violation::Unique(name)) if name == "pk_chatkit_items")
}
