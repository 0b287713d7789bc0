//! What PostgreSQL's errors mean.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::{Error, Failure};

/// A violated constraint, by the name it has in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// The name of the unique constraint or index.
    Unique(String),
    /// The name of the foreign key.
    ForeignKey(String),
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
        let constraint = || info.constraint_name().unwrap_or_default().to_owned();
        match kind {
            DatabaseErrorKind::UniqueViolation => Some(Self::Unique(constraint())),
            DatabaseErrorKind::ForeignKeyViolation => Some(Self::ForeignKey(constraint())),
            DatabaseErrorKind::CheckViolation => Some(Self::Check(constraint())),
            DatabaseErrorKind::NotNullViolation => {
                Some(Self::NotNull(info.column_name().unwrap_or_default().to_owned()))
            }
            _ => None,
        }
    }
}

/// Turns a driver error into the backend failure of one query function.
///
/// A lost connection is reported with an unknown outcome; reads know better and say so.
pub fn db_error(operation: &'static str) -> impl Fn(DieselError) -> Error {
    move |error| Error::backend(operation, classify(&error), error)
}

/// Diesel passes on no SQLSTATE, so that some kinds are told by PostgreSQL's messages. They are
/// localised by `lc_messages`: where that is not English these failures are `Other`.
fn classify(error: &DieselError) -> Failure {
    let DieselError::DatabaseError(kind, info) = error else { return Failure::Other };
    let message = info.message();
    match kind {
        DatabaseErrorKind::SerializationFailure => Failure::Serialization,
        DatabaseErrorKind::ReadOnlyTransaction => Failure::ReadOnly,
        DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
            Failure::Unavailable { outcome_unknown: true }
        }
        _ if message.starts_with("deadlock detected") => Failure::Deadlock,
        _ if message.starts_with("canceling statement due to") => Failure::Timeout,
        _ if message.starts_with("terminating connection") => {
            Failure::Unavailable { outcome_unknown: true }
        }
        _ if message.starts_with("the database system is") => {
            Failure::Unavailable { outcome_unknown: false }
        }
        _ if message.contains("No space left on device") => Failure::DiskFull,
        _ => Failure::Other,
    }
}
