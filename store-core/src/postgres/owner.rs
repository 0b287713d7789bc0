//! Connections of the role that owns the tables.

use diesel_async::AsyncPgConnection;

use super::Database;
use crate::Result;

impl Database {
    /// Opens a connection of its own over the migrator's DSN, or over the ordinary one when there is
    /// none: for changes of tables at run time, which only their owner may make.
    ///
    /// It is no part of the pool, and closed when it is dropped.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be made.
    pub async fn migrator_conn(&self) -> Result<AsyncPgConnection> {
        self.inner.migrator.connect().await
    }
}
