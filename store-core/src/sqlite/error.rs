//! What SQLite's errors mean.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::{Error, Failure};

/// A violated constraint. SQLite names CHECK constraints, shows the columns of UNIQUE ones and
/// says nothing about foreign keys: the query function knows which one it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// The columns, as in `history_steps.execution_id, history_steps.step_index`.
    Unique(String),
    /// Some foreign key.
    ForeignKey,
    /// The name of the constraint.
    Check(String),
    /// The column.
    NotNull(String),
}

impl Violation {
    /// Returns the constraint a statement violated, if that is why it failed.
    #[must_use]
    pub fn of(error: &DieselError) -> Option<Self> {
        let DieselError::DatabaseError(kind, info) = error else { return None };
        let subject = || {
            let message = info.message();
            message.split_once("failed: ").map_or(message, |(_, rest)| rest).to_owned()
        };
        match kind {
            DatabaseErrorKind::UniqueViolation => Some(Self::Unique(subject())),
            DatabaseErrorKind::ForeignKeyViolation => Some(Self::ForeignKey),
            DatabaseErrorKind::CheckViolation => Some(Self::Check(subject())),
            DatabaseErrorKind::NotNullViolation => Some(Self::NotNull(subject())),
            _ => None,
        }
    }
}

/// Turns a driver error into the backend failure of one query function.
pub fn db_error(operation: &'static str) -> impl Fn(DieselError) -> Error {
    move |error| Error::backend(operation, classify(&error), error)
}

/// SQLite's result codes do not pass through Diesel, its messages do, and they are constant.
fn classify(error: &DieselError) -> Failure {
    let DieselError::DatabaseError(kind, info) = error else { return Failure::Other };
    let message = info.message();
    match kind {
        DatabaseErrorKind::ReadOnlyTransaction => Failure::ReadOnly,
        _ if message.contains("is locked") => Failure::Busy,
        _ if message.contains("database or disk is full") => Failure::DiskFull,
        _ if message.contains("readonly database") => Failure::ReadOnly,
        _ if message.contains("interrupted") => Failure::Timeout,
        _ if message.contains("unable to open database file") => {
            Failure::Unavailable { outcome_unknown: false }
        }
        _ => Failure::Other,
    }
}
