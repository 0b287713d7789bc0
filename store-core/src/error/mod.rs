//! The one error type of all stores, and what can be said about a failure of a backend.

mod denial;
mod failure;
mod migration;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

pub use denial::Denial;
pub use failure::Failure;
pub use migration::MigrationError;

/// The result of every store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause behind an [`Error`]: shared, because one failed commit can fail many callers.
pub type Cause = Arc<dyn StdError + Send + Sync + 'static>;

/// Everything a store can answer instead of a value.
///
/// Messages name ids and fields, and say what to do next. They never hold a value, a secret or
/// the password of a DSN.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing has this id.
    #[error("{entity} `{id}` was not found")]
    NotFound {
        /// What was looked for, such as `execution`.
        entity: &'static str,
        /// Its id.
        id: String,
    },
    /// Another record, or another writer, already holds what was asked for.
    #[error("{entity} `{id}` conflicts with what is stored: {reason}")]
    Conflict {
        /// What conflicts.
        entity: &'static str,
        /// Its id.
        id: String,
        /// What is taken or has moved.
        reason: String,
    },
    /// The input breaks a rule; nothing was changed.
    #[error("{field} is invalid: {reason}")]
    Invalid {
        /// The field or parameter, for JSON with the path below it.
        field: String,
        /// The rule, without the value.
        reason: String,
    },
    /// The record is in a state from which this operation does not lead.
    #[error("{entity} `{id}` is {from} and cannot become {to}")]
    InvalidState {
        /// What was to change.
        entity: &'static str,
        /// Its id.
        id: String,
        /// The state it is in.
        from: String,
        /// The state, or the change, that was asked for.
        to: String,
    },
    /// Someone else holds the lease by now; nothing was changed.
    #[error("the lease on {entity} `{id}` was lost: stop this work, its new holder continues it")]
    LeaseLost {
        /// What was leased.
        entity: &'static str,
        /// Its id.
        id: String,
    },
    /// The caller may not do this.
    #[error("denied: {reason}")]
    Denied {
        /// Why.
        reason: Denial,
    },
    /// A sealed value does not open: it was changed, moved or rolled back.
    #[error("{entity} `{id}` was tampered with: its sealed value does not open here")]
    Tampered {
        /// What was sealed.
        entity: &'static str,
        /// Its id.
        id: String,
    },
    /// A stored row cannot be read.
    #[error("{table}.{column} of `{id}` cannot be read: {source}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The key of the row.
        id: String,
        /// What the decoder said.
        source: Cause,
    },
    /// A setting is missing, malformed or contradicts another.
    #[error("setting {variable}: {reason}")]
    Settings {
        /// The variable, or the variables.
        variable: String,
        /// What it held (never a secret) and what it accepts.
        reason: String,
    },
    /// The settings ask for a backend whose Cargo feature is off.
    #[error("the backend {backend} is not compiled in: enable the Cargo feature `{feature}`")]
    BackendNotCompiled {
        /// The backend asked for.
        backend: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// The schema of one crate and its code do not fit together.
    #[error("migrations of {crate_name}: {reason}")]
    Migration {
        /// The crate whose journal was read.
        crate_name: &'static str,
        /// What does not fit.
        reason: MigrationError,
    },
    /// The database, or the way to it, failed.
    #[error("{operation} failed: {failure}{}", cause_suffix(.source.as_ref()))]
    Backend {
        /// The query function, such as `step_append`.
        operation: &'static str,
        /// What kind of failure it was.
        failure: Failure,
        /// What the driver said.
        source: Option<Cause>,
    },
}

fn cause_suffix(source: Option<&Cause>) -> String {
    source.map_or_else(String::new, |cause| format!(" ({cause})"))
}

impl Error {
    /// Builds a [`Error::NotFound`].
    pub fn not_found(entity: &'static str, id: impl fmt::Display) -> Self {
        Self::NotFound { entity, id: id.to_string() }
    }

    /// Builds a [`Error::Conflict`].
    pub fn conflict(
        entity: &'static str,
        id: impl fmt::Display,
        reason: impl Into<String>,
    ) -> Self {
        Self::Conflict { entity, id: id.to_string(), reason: reason.into() }
    }

    /// Builds a [`Error::Invalid`].
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// Builds a [`Error::InvalidState`].
    pub fn invalid_state(
        entity: &'static str,
        id: impl fmt::Display,
        from: impl fmt::Display,
        to: impl fmt::Display,
    ) -> Self {
        Self::InvalidState {
            entity,
            id: id.to_string(),
            from: from.to_string(),
            to: to.to_string(),
        }
    }

    /// Builds a [`Error::Corrupt`].
    pub fn corrupt(
        table: &'static str,
        column: &'static str,
        id: impl fmt::Display,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::Corrupt { table, column, id: id.to_string(), source: Arc::new(source) }
    }

    /// Builds a [`Error::Backend`] with the driver's own error behind it.
    pub fn backend(
        operation: &'static str,
        failure: Failure,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::Backend { operation, failure, source: Some(Arc::new(source)) }
    }

    /// Builds a [`Error::Backend`] that has no driver error behind it.
    #[must_use]
    pub const fn failed(operation: &'static str, failure: Failure) -> Self {
        Self::Backend { operation, failure, source: None }
    }

    /// Builds a [`Error::Settings`].
    pub fn settings(variable: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Settings { variable: variable.into(), reason: reason.into() }
    }

    /// Returns the backend's failure, when this is one.
    #[must_use]
    pub const fn failure(&self) -> Option<Failure> {
        match self {
            Self::Backend { failure, .. } => Some(*failure),
            _ => None,
        }
    }

    /// Tells whether the same operation may succeed when it is simply run again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.failure().is_some_and(Failure::is_transient)
    }

    /// Returns the word used for this outcome in metrics and spans.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Conflict { .. } => "conflict",
            Self::Invalid { .. } => "invalid",
            Self::InvalidState { .. } => "invalid_state",
            Self::LeaseLost { .. } => "lease_lost",
            Self::Denied { .. } => "denied",
            Self::Tampered { .. } => "tampered",
            Self::Corrupt { .. } => "corrupt",
            Self::Settings { .. } => "settings",
            Self::BackendNotCompiled { .. } => "backend_not_compiled",
            Self::Migration { .. } => "migration",
            Self::Backend { failure, .. } => failure.as_str(),
        }
    }

    /// Returns the HTTP status an application may answer with, where HTTP has a word for it.
    #[must_use]
    pub const fn http_status(&self) -> Option<u16> {
        match self {
            Self::NotFound { .. } => Some(404),
            Self::Conflict { .. } | Self::InvalidState { .. } | Self::LeaseLost { .. } => Some(409),
            Self::Invalid { .. } => Some(422),
            Self::Denied { reason } => Some(reason.http_status()),
            Self::Backend { failure, .. } if failure.is_transient() => Some(503),
            _ => None,
        }
    }
}

/// An error that is only a message: what decoders use as the cause of [`Error::Corrupt`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Message(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_not_transient() {
        assert!(Failure::Unavailable { outcome_unknown: false }.is_transient());
        assert!(!Failure::Unavailable { outcome_unknown: true }.is_transient());
        assert!(!Failure::DiskFull.is_transient());
    }

    #[test]
    fn messages_say_what_to_do_next() {
        let pool = Failure::PoolExhausted { size: 10, in_use: 10, waiting: 3 };
        let error = Error::failed("step_append", pool);
        assert_eq!(
            error.to_string(),
            "step_append failed: no connection became free: 10 of 10 in use, 3 callers waiting; \
             raise the pool size or look for slow queries"
        );
        assert_eq!(error.http_status(), Some(503));
    }

    #[test]
    fn every_denial_has_its_http_status() {
        let all = [
            (Denial::Malformed, 400),
            (Denial::Unauthenticated, 401),
            (Denial::Forbidden, 403),
            (Denial::MethodNotAllowed, 405),
            (Denial::Unprocessable, 422),
            (Denial::RateLimited, 429),
        ];
        for (reason, status) in all {
            assert_eq!(Error::Denied { reason }.http_status(), Some(status));
        }
    }
}
