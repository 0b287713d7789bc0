//! What a violated constraint means here.

use diesel::result::Error as DieselError;
use store_core::postgres::{Violation, db_error};
use store_core::{CredentialId, Error, TemplateId};

use crate::rules::chain::head_tampered;

/// Maps the failure of a statement that stores a credential.
pub(super) fn on_credential(
    operation: &'static str,
    id: CredentialId,
    error: DieselError,
) -> Error {
    match Violation::of(&error) {
        Some(Violation::Unique(name)) if name == "uq_vault_credentials_name_key" => {
            Error::conflict("credential", id, "another credential has this name")
        }
        _ => db_error(operation)(error),
    }
}

/// Maps the failure of a statement that stores a template.
pub(super) fn on_template(operation: &'static str, id: TemplateId, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::Unique(name)) if name == "uq_vault_templates_name_key" => {
            Error::conflict("credential template", id, "another template has this name")
        }
        _ => db_error(operation)(error),
    }
}

/// Maps the failure of a statement that adds an entry to an audit.
pub(super) fn on_append(subject_id: &str, error: DieselError) -> Error {
    match Violation::of(&error) {
        // The head goes up with each entry: somebody set it back.
        Some(Violation::Unique(name)) if name == "pk_vault_audit" => head_tampered(subject_id),
        _ => db_error("entry_append")(error),
    }
}
