//! A table to write into, and ways to make writes wait.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use store_core::Result;
use store_core::sqlite::{Database, Options, db_error};
use store_tests::fixture::{History, Place, sqlite};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A database with a table of notes.
pub(crate) struct Notes {
    pub(crate) db: Database,
    pub(crate) directory: TempDir,
}

impl Notes {
    pub(crate) async fn new() -> Self {
        Self::with(|_options| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(directory.path().join("notes.sqlite"));
        change(&mut options);
        let db = Database::open(options).await.unwrap();
        db.write("create", |conn| run(conn, "CREATE TABLE notes (id INTEGER PRIMARY KEY)"))
            .await
            .unwrap();
        Self { db, directory }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.db.path().to_path_buf()
    }

    pub(crate) fn add(&self, id: i64) -> impl Future<Output = Result<()>> + Send + 'static {
        let db = self.db.clone();
        async move { db.write("add", move |conn| insert(conn, id)).await }
    }

    /// The ids that are stored, read by another connection.
    pub(crate) fn ids(&self) -> Vec<i64> {
        let conn = rusqlite::Connection::open(self.path()).unwrap();
        let mut ids = conn.prepare("SELECT id FROM notes ORDER BY id").unwrap();
        let ids = ids.query_map([], |row| row.get(0)).unwrap();
        ids.collect::<Result<_, _>>().unwrap()
    }

    /// Keeps the writer busy until it is released.
    pub(crate) async fn hold(&self) -> Hold {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let db = self.db.clone();
        let writer = tokio::spawn(async move {
            db.write("hold", move |_conn| {
                started.send(()).unwrap();
                // Ends by the release, or by the drop of the other side.
                let _either = released.recv();
                Ok(())
            })
            .await
        });
        has_started.await.unwrap();
        Hold { release, writer }
    }
}

/// A writer that is kept busy.
pub(crate) struct Hold {
    release: mpsc::Sender<()>,
    writer: JoinHandle<Result<()>>,
}

impl Hold {
    pub(crate) async fn release(self) {
        self.release_into_batch().await.unwrap();
    }

    /// Releases it where it may share the fate of a batch that fails.
    pub(crate) async fn release_into_batch(self) -> Result<()> {
        drop(self.release);
        self.writer.await.unwrap()
    }
}

/// The file under a fixture of run history.
pub(crate) fn place(t: &History) -> &sqlite::Place {
    match &t.place {
        Place::Sqlite(place) => place,
        #[cfg(feature = "postgres")]
        Place::Postgres(_) => unreachable!("a SQLite fixture"),
    }
}

pub(crate) fn run(conn: &mut SqliteConnection, sql: &str) -> Result<()> {
    diesel::sql_query(sql).execute(conn).map(drop).map_err(db_error("run"))
}

pub(crate) fn insert(conn: &mut SqliteConnection, id: i64) -> Result<()> {
    diesel::sql_query("INSERT INTO notes VALUES (?)")
        .bind::<BigInt, _>(id)
        .execute(conn)
        .map(drop)
        .map_err(db_error("insert"))
}

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Reads a setting of a connection.
pub(crate) fn pragma(conn: &mut SqliteConnection, name: &str) -> Result<String> {
    let column = if name == "busy_timeout" { "timeout" } else { name };
    let sql = format!("SELECT CAST(\"{column}\" AS TEXT) AS value FROM pragma_{name}");
    let one: One = diesel::sql_query(sql).get_result(conn).map_err(db_error("pragma"))?;
    Ok(one.value)
}

/// A write that is in the queue, in the order of these calls.
pub(crate) type Queued<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Starts a write and returns when it is in the queue, but not carried out.
pub(crate) async fn queued<T>(
    write: impl Future<Output = Result<T>> + Send + 'static,
) -> Queued<T> {
    // A fresh budget: a task that did much in one go is put off by tokio without being queued.
    tokio::task::yield_now().await;
    let mut write: Queued<T> = Box::pin(write);
    let pending =
        std::future::poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "the writer is busy");
    write
}

/// Waits until something is so, and fails when that takes long.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
