//! The single writer: a thread that commits once for all that are waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::{Duration, Instant};

use diesel::SqliteConnection;
use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};

use super::connect::{Connector, pragma};
use super::db_error;
use super::job::{Job, Kept};
use super::queue::Queue;
use crate::{Error, Failure, Result};

/// A batch ends after this many closures …
const BATCH_JOBS: usize = 256;
/// … or this much time, so that other processes get their turn.
const BATCH_TIME: Duration = Duration::from_millis(5);
/// Left free between two batches in a row, for a process that waits for the lock.
const BATCH_GAP: Duration = Duration::from_micros(100);
/// What SQLite itself waits for the lock before the writer looks at its deadline again.
const BUSY_SLICE_MS: u32 = 3;
/// The log is checkpointed after this many writes. Its file does not get shorter by that, so that
/// its size says nothing about how much is to be done.
const CHECKPOINT_JOBS: usize = 500;

/// The state of the writer thread.
pub(super) struct Writer {
    connector: Connector,
    conn: Option<SqliteConnection>,
    busy_timeout: Duration,
    checkpointer: Checkpointer,
    jobs_in_log: usize,
}

impl Writer {
    /// Opens the connection and starts the thread, which ends when the queue is closed and empty.
    pub(super) fn start(
        connector: Connector,
        busy_timeout: Duration,
        queue: Queue,
    ) -> Result<thread::JoinHandle<()>> {
        let checkpointer = Checkpointer::start(&connector)?;
        let mut writer = Self { connector, conn: None, busy_timeout, checkpointer, jobs_in_log: 0 };
        writer.connection()?;
        thread::Builder::new()
            .name("store-sqlite-writer".into())
            .spawn(move || writer.run(queue))
            .map_err(|cause| Error::backend("start_writer", Failure::Other, cause))
    }

    fn run(mut self, mut queue: Queue) {
        while let Some(first) = queue.wait() {
            let busy = self.batch(first, &mut queue);
            self.checkpoint();
            if busy {
                thread::sleep(BATCH_GAP);
            }
        }
    }

    /// Runs one batch; returns whether it ended with more jobs waiting.
    fn batch(&mut self, first: Box<dyn Job>, queue: &mut Queue) -> bool {
        if let Err(error) = self.begin(first.as_ref()) {
            first.answer(Err(error));
            return false;
        }
        let (done, ended) = self.run_jobs(first, queue);
        metrics::histogram!("store_sqlite_commit_batch_size").record(count(done.len()));
        self.jobs_in_log += done.len();
        let committed = match ended {
            Ended::Full => self.commit(),
            Ended::Undone => Ok(()),
            Ended::Lost(error) => Err(error),
        };
        if committed.is_err() {
            // Whatever state the connection is in, the next batch begins on a new one.
            self.conn = None;
        }
        for job in done {
            job.answer(committed.clone());
        }
        !queue.is_empty()
    }

    /// Runs jobs until the batch is full or nobody waits, or the transaction ends.
    fn run_jobs(&mut self, first: Box<dyn Job>, queue: &mut Queue) -> (Vec<Box<dyn Job>>, Ended) {
        let started = Instant::now();
        let mut done = Vec::new();
        let mut bare = false;
        let mut next = Some(first);
        while let Some(mut job) = next {
            if job.expired(Instant::now()) {
                let late = Error::failed(job.operation(), Failure::Timeout);
                job.answer(Err(late));
            } else if done.is_empty() && queue.is_empty() {
                let result = self.run_alone(job.as_mut());
                bare = true;
                done.push(job);
                match result {
                    Ok(Kept::Yes) => {}
                    Ok(Kept::No) => return (done, Ended::Undone),
                    Err(error) => return (done, Ended::Lost(error)),
                }
            } else {
                let open = if std::mem::take(&mut bare) { self.check_open() } else { Ok(()) };
                let result = open.and_then(|()| self.run_in_savepoint(job.as_mut()));
                done.push(job);
                if let Err(error) = result {
                    return (done, Ended::Lost(error));
                }
            }
            let full = done.len() >= BATCH_JOBS || started.elapsed() >= BATCH_TIME;
            next = if full { None } else { queue.try_next() };
        }
        (done, Ended::Full)
    }

    /// Runs the first job of a transaction while nobody else waits. It needs no savepoint, which
    /// would copy each page that it changes: the transaction is undone with it. An error means the
    /// same as in a savepoint.
    fn run_alone(&mut self, job: &mut dyn Job) -> Result<Kept> {
        let operation = job.operation();
        let conn = self.connection()?;
        let kept = job.run(conn);
        if kept == Kept::No {
            let undone = conn.batch_execute("ROLLBACK");
            undone.map_err(|error| ended_underneath(job, db_error(operation)(error)))?;
        }
        settled(job, conn)?;
        Ok(kept)
    }

    /// Makes sure, before another job joins one that ran without a savepoint, that the transaction
    /// is still there: without it a savepoint would be one of its own, which its release commits.
    fn check_open(&mut self) -> Result<()> {
        // Refused inside a transaction, and nothing else can fail in it.
        match self.connection()?.batch_execute("BEGIN") {
            Err(error) if error.to_string().contains("within a transaction") => Ok(()),
            Err(error) => Err(db_error("begin")(error)),
            Ok(()) => Err(Error::failed("begin", Failure::Other)),
        }
    }

    /// Runs one job in a savepoint. An error means that the transaction is gone: disk full and
    /// I/O errors end it underneath, and what ran after that would commit on its own.
    fn run_in_savepoint(&mut self, job: &mut dyn Job) -> Result<()> {
        let operation = job.operation();
        let conn = self.connection()?;
        conn.batch_execute("SAVEPOINT store_job").map_err(db_error(operation))?;
        let kept = job.run(conn);
        let undo_or_keep = match kept {
            Kept::Yes => conn.batch_execute("RELEASE store_job"),
            Kept::No => conn.batch_execute("ROLLBACK TO store_job; RELEASE store_job"),
        };
        undo_or_keep.map_err(|error| ended_underneath(job, db_error(operation)(error)))?;
        settled(job, conn)
    }

    /// Begins a transaction, waiting for other processes up to the busy timeout.
    fn begin(&mut self, job: &dyn Job) -> Result<()> {
        let deadline = Instant::now() + self.busy_timeout;
        loop {
            let conn = self.connection()?;
            match conn.batch_execute("BEGIN IMMEDIATE").map_err(db_error(job.operation())) {
                Ok(()) => return Ok(()),
                Err(error) if error.failure() == Some(Failure::Busy) => {
                    let now = Instant::now();
                    if now >= deadline || job.expired(now) {
                        return Err(error);
                    }
                }
                Err(error) => {
                    self.conn = None;
                    return Err(error);
                }
            }
        }
    }

    fn commit(&mut self) -> Result<()> {
        self.connection()?.batch_execute("COMMIT").map_err(db_error("commit"))
    }

    /// Returns the connection, opening it again after a failure.
    fn connection(&mut self) -> Result<&mut SqliteConnection> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => {
                let mut conn = self.connector.writer()?;
                // Short slices, so that a writer that waits tries again soon: SQLite's own
                // handler backs off to 100 ms and would rarely meet the gap between two batches.
                pragma(&mut conn, &format!("PRAGMA busy_timeout = {BUSY_SLICE_MS}"))?;
                conn
            }
        };
        Ok(self.conn.insert(conn))
    }

    /// Has the log copied into the file, in two parts: most of it by another thread, and what came
    /// in meanwhile here. Only a log that is copied whole is begun anew; otherwise it would grow,
    /// and syncing a file that grows takes longer than syncing one that is written over.
    fn checkpoint(&mut self) {
        if self.checkpointer.is_done() {
            let rest = self.connection().and_then(|conn| pragma(conn, CHECKPOINT));
            if let Err(error) = rest {
                tracing::debug!(%error, "checkpoint put off");
            }
        } else if self.jobs_in_log >= CHECKPOINT_JOBS {
            self.jobs_in_log = 0;
            self.checkpointer.request();
        }
    }
}

/// How a batch ended.
enum Ended {
    /// It is to be committed.
    Full,
    /// Its only job was undone, and the transaction with it.
    Undone,
    /// The transaction is gone, or must not be committed.
    Lost(Error),
}

/// Checks what a job left behind.
fn settled(job: &dyn Job, conn: &mut SqliteConnection) -> Result<()> {
    if let Some(error) = job.failure().filter(ends_the_batch) {
        return Err(error);
    }
    match AnsiTransactionManager::transaction_manager_status_mut(conn).transaction_depth() {
        Ok(None) => Ok(()),
        // The closure left a transaction of Diesel's open, by a panic inside it.
        _ => Err(Error::failed(job.operation(), Failure::Other)),
    }
}

/// The error all callers of a batch get: what the job said first, if it failed.
fn ended_underneath(job: &dyn Job, savepoint: Error) -> Error {
    job.failure().unwrap_or(savepoint)
}

/// A full disk usually ends the transaction, but not always: the batch then ends in either case,
/// so that its callers are all told the same.
fn ends_the_batch(error: &Error) -> bool {
    error.failure() == Some(Failure::DiskFull)
}

/// Copies as much of the log as it can without making anybody wait.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Checkpoints from a connection and a thread of its own: an automatic checkpoint stalls the writer.
struct Checkpointer {
    requests: std_mpsc::SyncSender<()>,
    done: Arc<AtomicBool>,
}

impl Checkpointer {
    fn start(connector: &Connector) -> Result<Self> {
        let (requests, received) = std_mpsc::sync_channel::<()>(1);
        let done = Arc::new(AtomicBool::new(false));
        let mut conn = connector.establish()?;
        let finished = Arc::clone(&done);
        let run = move || {
            while received.recv().is_ok() {
                if let Err(error) = pragma(&mut conn, CHECKPOINT) {
                    tracing::debug!(%error, "checkpoint put off");
                }
                finished.store(true, Ordering::Release);
            }
        };
        thread::Builder::new()
            .name("store-sqlite-checkpoint".into())
            .spawn(run)
            .map_err(|cause| Error::backend("start_checkpointer", Failure::Other, cause))?;
        Ok(Self { requests, done })
    }

    fn request(&self) {
        let _already_under_way = self.requests.try_send(());
    }

    /// Tells once of each checkpoint that it is done.
    fn is_done(&self) -> bool {
        self.done.swap(false, Ordering::Acquire)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a batch has at most 256 jobs")]
const fn count(jobs: usize) -> f64 {
    jobs as f64
}
