//! The handle of one SQLite file.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::Text;
use tokio::sync::oneshot;

use super::connect::{Connector, Options};
use super::db_error;
use super::job::Write;
use super::queue::{Jobs, Queue};
use super::readers::Readers;
use super::writer::Writer;
use crate::health::{Health, MigrationStatus};
use crate::migrations::Schema;
use crate::observe::or_of_database;
use crate::{Error, Failure, Message, Result};

/// One SQLite file: a writer and several readers. Clones share them.
///
/// A process opens a file once and hands the database to every store. Other processes may open
/// the same file.
#[derive(Clone, Debug)]
pub struct Database {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) connector: Connector,
    pub(super) readers: Readers,
    queue: Mutex<Option<Jobs>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    operation_timeout: Duration,
    /// The directory of a private database; removed with the last handle.
    private: Option<tempfile::TempDir>,
}

impl Database {
    /// Opens a file, creating it and its directories (mode 0600) when there is none.
    ///
    /// # Errors
    /// `Settings` naming the path when it is a directory, read-only, or no SQLite database;
    /// nothing is created then. Backend failures.
    pub async fn open(options: Options) -> Result<Self> {
        Self::open_blocking(options, None).await
    }

    /// Opens a private database in a temporary file, removed when the last handle is dropped.
    ///
    /// # Errors
    /// Backend failures.
    pub async fn open_private() -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("store-")
            .tempdir()
            .map_err(|cause| Error::backend("open_private", Failure::Other, cause))?;
        let options = Options::new(directory.path().join("private.sqlite"));
        Self::open_blocking(options, Some(directory)).await
    }

    async fn open_blocking(options: Options, private: Option<tempfile::TempDir>) -> Result<Self> {
        tokio::task::spawn_blocking(move || Self::open_now(&options, private))
            .await
            .unwrap_or_else(|join| Err(Error::backend("open", Failure::Other, join)))
    }

    fn open_now(options: &Options, private: Option<tempfile::TempDir>) -> Result<Self> {
        let connector = Connector::prepare(options)?;
        let readers = Readers::open(connector.clone(), options.readers, options.operation_timeout)?;
        let (queue, jobs) = Queue::new();
        let thread = Writer::start(connector.clone(), options.busy_timeout, jobs)?;
        Ok(Self {
            inner: Arc::new(Inner {
                connector,
                readers,
                queue: Mutex::new(Some(queue)),
                thread: Mutex::new(Some(thread)),
                operation_timeout: options.operation_timeout,
                private,
            }),
        })
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.connector.path
    }

    /// Tells whether the file is removed with the last handle.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.inner.private.is_some()
    }

    /// Runs a closure that writes, and answers once it is durable.
    ///
    /// The closure runs in a transaction it shares with others that were waiting, in a savepoint of
    /// its own unless it was alone; it must not open a transaction itself. When it fails or panics,
    /// only its own changes are undone. Once accepted it is carried out, even if the caller goes
    /// away.
    ///
    /// # Errors
    /// What the closure returns; `Timeout` when it was not begun in time (nothing was changed);
    /// `Unavailable` with an unknown outcome when it was begun and the answer did not come in time.
    pub async fn write<T, F>(&self, operation: &'static str, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T> + Send + 'static,
    {
        let deadline = Instant::now() + self.inner.operation_timeout;
        let (reply, answer) = oneshot::channel();
        let job = Write {
            operation,
            closure: Some(closure),
            outcome: None,
            reply,
            deadline,
            named: or_of_database(operation, "sqlite"),
            span: tracing::Span::current(),
        };
        let closed = || {
            let cause = Message("the database was closed".into());
            Error::backend(operation, Failure::Unavailable { outcome_unknown: false }, cause)
        };
        let queue = self.queue().ok_or_else(closed)?;
        match tokio::time::timeout_at(deadline.into(), queue.send(Box::new(job))).await {
            Ok(Ok(())) => {}
            Ok(Err(_receiver_gone)) => return Err(closed()),
            Err(_elapsed) => return Err(Error::failed(operation, Failure::Timeout)),
        }
        // Closing waits for every sender, and this one has sent.
        drop(queue);
        // An accepted job whose time runs out in the queue is answered by the writer. Only when
        // it hangs inside the database does nobody know.
        let patience = deadline + self.inner.operation_timeout;
        match tokio::time::timeout_at(patience.into(), answer).await {
            Ok(Ok(result)) => result,
            _ => Err(Error::failed(operation, Failure::Unavailable { outcome_unknown: true })),
        }
    }

    /// Runs a closure that only reads.
    ///
    /// # Errors
    /// What the closure returns; `PoolExhausted` when no reader became free in time; `Timeout`.
    pub async fn read<T, F>(&self, operation: &'static str, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T> + Send + 'static,
    {
        self.inner.readers.run(operation, closure).await
    }

    /// Carries out everything that was accepted, and accepts nothing more.
    pub async fn close(&self) {
        let queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(queue);
        let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The writer's panics are caught one by one, so that joining it cannot fail.
            drop(tokio::task::spawn_blocking(move || thread.join()).await);
        }
    }

    /// Returns how many statements were run since the database was opened.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.inner.connector.statements.load(Ordering::Relaxed)
    }

    /// Tells how the database and the schemas in it are doing. Never fails, and takes no longer
    /// than `deadline`.
    pub async fn health(&self, deadline: Duration, schemas: &[&'static Schema]) -> Health {
        let unreachable =
            |problem: String| Health::unreachable("sqlite", problem, self.inner.readers.status());
        match tokio::time::timeout(deadline, self.vitals(schemas)).await {
            Ok(Ok((version, round_trip, migrations))) => Health {
                reachable: true,
                problem: None,
                server_version: Some(version),
                round_trip: Some(round_trip),
                writable: Some(self.is_writable()),
                migrations,
                ..unreachable(String::new())
            },
            Ok(Err(error)) => unreachable(error.to_string()),
            Err(_elapsed) => unreachable("no answer before the deadline".into()),
        }
    }

    async fn vitals(
        &self,
        schemas: &[&'static Schema],
    ) -> Result<(String, Duration, Vec<MigrationStatus>)> {
        let started = Instant::now();
        let version = self.read("health", |conn| {
            diesel::select(diesel::dsl::sql::<Text>("sqlite_version()"))
                .get_result::<String>(conn)
                .map_err(db_error("health"))
        });
        let version = version.await?;
        let round_trip = started.elapsed();
        let mut migrations = Vec::with_capacity(schemas.len());
        for schema in schemas {
            migrations.push(self.migration_status(schema).await?);
        }
        Ok((version, round_trip, migrations))
    }

    fn is_writable(&self) -> bool {
        let open = self.queue().is_some();
        open && std::fs::metadata(self.path()).is_ok_and(|meta| !meta.permissions().readonly())
    }

    fn queue(&self) -> Option<Jobs> {
        self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
