//! Transactions around functions that only borrow their connection.
//!
//! `AsyncConnection::transaction` takes an async closure whose future must be known to be `Send`;
//! a store that passes its query functions on cannot say that. It begins, runs, and finishes.

use diesel::result::Error as DieselError;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager as _};

use super::db_error;
use crate::{Error, Failure, Result};

/// Begins a transaction. A future that is dropped before [`finish`] leaves it open: the pool then
/// closes the connection, and the server undoes the transaction.
///
/// # Errors
/// Backend failures; nothing was changed.
pub async fn begin(operation: &'static str, conn: &mut AsyncPgConnection) -> Result<()> {
    AnsiTransactionManager::begin_transaction(conn)
        .await
        .map_err(|error| uncommitted(db_error(operation)(error)))
}

/// Commits when the result is a success, else undoes everything since [`begin`].
///
/// # Errors
/// That of the result; when the commit fails, `Unavailable` with an unknown outcome if the
/// connection was lost on the way.
pub async fn finish<T>(
    operation: &'static str,
    conn: &mut AsyncPgConnection,
    result: Result<T>,
) -> Result<T> {
    match result {
        Ok(value) => {
            let committed = AnsiTransactionManager::commit_transaction(conn).await;
            committed.map(|()| value).map_err(db_error(operation))
        }
        Err(error) => {
            // A connection that cannot roll back is closed by the pool, which undoes as well.
            let undone: Result<(), DieselError> =
                AnsiTransactionManager::rollback_transaction(conn).await;
            drop(undone);
            Err(uncommitted(error))
        }
    }
}

/// What was never committed has surely changed nothing, also when the connection was lost.
fn uncommitted(error: Error) -> Error {
    match error {
        Error::Backend {
            operation,
            failure: Failure::Unavailable { outcome_unknown: true },
            source,
        } => Error::Backend {
            operation,
            failure: Failure::Unavailable { outcome_unknown: false },
            source,
        },
        other => other,
    }
}
