//! Why a row is not converted.

use crate::error::Error;

/// What stops a row, or the whole conversion.
#[derive(Debug)]
pub(super) enum Stop {
    /// The row breaks a rule: this row is refused, and the conversion goes on.
    Row(Fault),
    /// The conversion cannot go on.
    All(Error),
}

/// A rule that a row breaks.
#[derive(Debug)]
pub(super) struct Fault {
    /// The column, with the path into its JSON.
    pub(super) column: String,
    /// The rule, without the value.
    pub(super) reason: String,
}

/// What a function returns that converts a row or a part of it.
pub(super) type Checked<T> = Result<T, Stop>;

/// Refuses a row.
pub(super) fn fault(column: impl Into<String>, reason: impl Into<String>) -> Stop {
    Stop::Row(Fault { column: column.into(), reason: reason.into() })
}

/// Refuses a row because a rule of the stores says so.
pub(super) fn broken(column: &str) -> impl FnOnce(store_core::Error) -> Stop {
    let column = column.to_owned();
    move |error| match error {
        // The message names the field of the store, which has another name there at times.
        store_core::Error::Invalid { .. } | store_core::Error::Tampered { .. } => {
            fault(column, error.to_string())
        }
        other => Stop::All(Error::Store(other)),
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::All(error)
    }
}
