//! What a violated constraint means here.

use diesel::result::Error as DieselError;
use store_core::postgres::{Violation, db_error};
use store_core::{Error, ExecutionId, Failure};

// parity: only a statement of PostgreSQL can meet a key that another process is just storing.
/// What the index that keeps idempotency keys unique is called after; each partition has its own.
const IDEMPOTENCY_INDEX: &str = "idempotency_key";

/// Maps the failure of a statement that inserts an execution.
pub(super) fn on_insert(id: &ExecutionId, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::Unique(name)) if name == "pk_history_executions" => {
            Error::conflict("execution", id, "an execution with this id was started before")
        }
        _ => db_error("execution_insert")(error),
    }
}

/// Maps the failure of a statement that adds to an execution's counters.
pub(super) fn on_append(operation: &'static str, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::Check(name)) if name == "ck_history_executions_usage" => {
            Error::invalid("usage", "the execution's total would exceed 2^62")
        }
        // Who stores the same key at the same moment won: running the statement again finds it.
        Some(Violation::Unique(name)) if name.contains(IDEMPOTENCY_INDEX) => {
            Error::backend(operation, Failure::Serialization, error)
        }
        _ => db_error(operation)(error),
    }
}

/// Maps the failure of a statement that inserts a child of an execution: its only foreign key.
pub(super) fn on_child(operation: &'static str, id: &ExecutionId, error: DieselError) -> Error {
    match Violation::of(&error) {
        Some(Violation::ForeignKey(_)) => Error::not_found("execution", id),
        _ => db_error(operation)(error),
    }
}
