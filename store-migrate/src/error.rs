//! What can go wrong, and with which exit code a command ends for it.

use std::path::PathBuf;

use crate::report::PlanReport;

/// Why a migration stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line or a map file asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// A database cannot be used as a source or target. The message says what to do.
    #[error("{0}")]
    Refused(String),
    /// Values that the target cannot hold. Nothing was written.
    #[error(
        "{} value(s) cannot be converted; nothing was written. `--on-error quarantine` sets their \
         rows aside instead",
        .0.problem_count
    )]
    Unconvertible(Box<PlanReport>),
    /// SIGINT or SIGTERM: what was committed stays, and the same command goes on from there.
    #[error("stopped after a whole batch, as asked; run the same command again to go on")]
    Stopped,
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("SQLite, {doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: String,
        /// Why.
        source: rusqlite::Error,
    },
    /// PostgreSQL refused.
    #[error("PostgreSQL, {doing}: {message}")]
    Postgres {
        /// What was being done.
        doing: String,
        /// The message of the server, or why there is no connection.
        message: String,
        /// The driver's error.
        source: Option<tokio_postgres::Error>,
    },
    /// A store refused: its schema, a key ring.
    #[error(transparent)]
    Store(#[from] store_core::Error),
}

/// What a function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the exit code of the command that ends with this error.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Unconvertible(_) => 3,
            _ => 1,
        }
    }

    /// Refuses a source, a target or a combination of both.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

/// Wraps an error of SQLite with what was being done.
pub(crate) fn sqlite(doing: impl Into<String>) -> impl FnOnce(rusqlite::Error) -> Error {
    move |source| Error::Sqlite { doing: doing.into(), source }
}

/// Wraps an error of PostgreSQL with what was being done.
pub(crate) fn postgres(doing: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Error {
    move |source| {
        let message = match source.as_db_error() {
            Some(db) => match db.detail() {
                // The detail of a violated constraint repeats the values of the row.
                Some(_) if db.constraint().is_some() => db.message().to_owned(),
                Some(detail) => format!("{} ({detail})", db.message()),
                None => db.message().to_owned(),
            },
            None => chain(&source),
        };
        Error::Postgres { doing: doing.into(), message, source: Some(source) }
    }
}

/// Wraps an error of the file system with the path.
pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::File { path: path.into(), source }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
