//! The raw side on SQLite: `rusqlite`, prepared statements, one connection, one commit per write.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;

use crate::common::Result;
use crate::common::load::Figures;
use crate::common::sqlite::{open, serve};
use crate::operation::{Operation, Texts};
use crate::raw::{HeldOpen, Raw};
use crate::sqlite_statements::{CLEAR, HOLD, Statements};

/// The connection, and what it works with.
#[derive(Clone)]
pub(crate) struct RawSqlite {
    path: PathBuf,
    conn: Arc<Mutex<Connection>>,
    texts: Arc<Texts>,
}

impl RawSqlite {
    /// Opens a migrated file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let conn = Arc::new(Mutex::new(open(path)?));
        Ok(Self { path: path.to_owned(), conn, texts: Arc::new(Texts::new()) })
    }

    /// Works on the connection, on a thread that may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Texts, &Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let conn = this.conn.lock().unwrap_or_else(PoisonError::into_inner);
            work(&this.texts, &conn)
        })
        .await?
    }
}

#[async_trait]
impl Raw for RawSqlite {
    async fn clear(&self) -> Result<()> {
        self.blocking(|_texts, conn| Ok(conn.execute_batch(CLEAR)?)).await
    }

    async fn add_jobs(&self, count: usize) -> Result<()> {
        self.blocking(move |texts, conn| Statements::new(texts, conn)?.enqueue(count)).await
    }

    async fn hold(&self) -> Result<HeldOpen> {
        let path = self.path.clone();
        self.blocking(move |_texts, _conn| {
            let conn = open(&path)?;
            conn.execute_batch(HOLD)?;
            Ok(Box::new(conn) as HeldOpen)
        })
        .await
    }

    async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        self.blocking(move |texts, conn| {
            let mut statements = Statements::new(texts, conn)?;
            serve(callers, round, |caller| statements.run(operation, caller))
        })
        .await
    }
}
