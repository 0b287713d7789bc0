//! What a violated constraint means here.

use diesel::result::Error as DieselError;
use store_core::postgres::{Violation, db_error};
use store_core::{Error, TokenId};

/// Maps the failure of a statement that inserts a token.
pub(super) fn on_insert(identifier: &TokenId, error: DieselError) -> Error {
    let taken = |reason: &str| Error::conflict("service token", identifier, reason);
    match Violation::of(&error) {
        Some(Violation::Unique(name)) if name == "pk_service_tokens" => {
            taken("a token with this identifier is there")
        }
        Some(Violation::Unique(name)) if name == "uq_service_tokens_secret_hash" => {
            taken("this secret belongs to another token")
        }
        _ => db_error("token_insert")(error),
    }
}

/// Maps the failure of a statement that adds entries to audits.
pub(super) fn on_append(identifier: &str, error: DieselError) -> Error {
    match Violation::of(&error) {
        // The head goes up with each entry: somebody set it back.
        Some(Violation::Unique(name)) if name == "pk_service_token_audit" => {
            Error::Tampered { entity: "service token audit", id: identifier.to_owned() }
        }
        _ => db_error("entries_append")(error),
    }
}

/// Maps the failure of a statement that takes a use out of a window: its only foreign key.
pub(super) fn on_take(identifier: &TokenId, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::ForeignKey(_)) => Error::not_found("service token", identifier),
        _ => db_error("use_take")(error),
    }
}
