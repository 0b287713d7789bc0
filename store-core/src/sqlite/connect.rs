//! Finding or creating the file, and what every connection to it is told first.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::{db_error, functions};
use crate::instrument::StatementWatch;
use crate::settings::Synchronous;
use crate::{Error, Failure, Result, Settings, Subsystem};

/// How a SQLite database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file. Missing directories and the file itself are created, readable by its owner only.
    pub path: PathBuf,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// What a commit waits for: `Full` survives a power cut, `Normal` may lose the last commits.
    pub synchronous: Synchronous,
    /// Connections that read.
    pub readers: u32,
    /// How long an operation may take, waiting included.
    pub operation_timeout: Duration,
    /// From when on a query is slow.
    pub slow_query: Duration,
}

impl Options {
    /// Opens this file with the defaults.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            busy_timeout: Duration::from_secs(5),
            synchronous: Synchronous::Full,
            readers: 4,
            operation_timeout: Duration::from_secs(30),
            slow_query: Duration::from_millis(100),
        }
    }

    /// Takes the file of a subsystem and everything else from settings.
    #[must_use]
    pub fn from_settings(settings: &Settings, subsystem: Subsystem) -> Self {
        let sqlite = settings.sqlite_options();
        Self {
            busy_timeout: sqlite.busy_timeout,
            synchronous: sqlite.synchronous,
            readers: sqlite.readers,
            slow_query: settings.slow_query(),
            ..Self::new(settings.sqlite_path(subsystem))
        }
    }
}

/// Makes connections to one file.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub(super) path: PathBuf,
    url: String,
    busy_timeout: Duration,
    synchronous: Synchronous,
    slow_query: Duration,
    pub(super) statements: Arc<AtomicU64>,
}

impl Connector {
    /// Checks the path and creates the file when there is none.
    ///
    /// Nothing is created when the path cannot be a database.
    pub(super) fn prepare(options: &Options) -> Result<Self> {
        let path = std::path::absolute(&options.path)
            .map_err(|cause| refused(&options.path, cause.to_string()))?;
        let url = path
            .to_str()
            .filter(|url| !url.contains('\0'))
            .ok_or_else(|| refused(&path, "the path is not valid UTF-8 without NUL"))?
            .to_owned();
        check_or_create(&path)?;
        let connector = Self {
            path,
            url,
            busy_timeout: options.busy_timeout,
            synchronous: options.synchronous,
            slow_query: options.slow_query,
            statements: Arc::default(),
        };
        connector.initialize()?;
        Ok(connector)
    }

    /// Turns a new file into a database in WAL mode; several processes may do so at once.
    fn initialize(&self) -> Result<()> {
        let deadline = Instant::now() + self.busy_timeout;
        loop {
            // Switching to WAL reports a lock at once, without asking the busy handler.
            match self.try_initialize() {
                Err(Error::Backend { failure: Failure::Busy, .. }) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                other => return other,
            }
        }
    }

    fn try_initialize(&self) -> Result<()> {
        let mut conn = self.establish()?;
        let empty = fs::metadata(&self.path).is_ok_and(|meta| meta.len() == 0);
        if empty {
            // Before WAL: afterwards it is ignored.
            pragma(&mut conn, "PRAGMA auto_vacuum = INCREMENTAL")?;
        }
        pragma(&mut conn, "PRAGMA journal_mode = WAL").map_err(|error| self.explain(error))
    }

    fn explain(&self, error: Error) -> Error {
        match &error {
            Error::Backend { source: Some(cause), .. }
                if cause.to_string().contains("not a database") =>
            {
                refused(&self.path, "the file is not a SQLite database")
            }
            _ => error,
        }
    }

    /// Opens a connection that may write.
    pub(super) fn writer(&self) -> Result<SqliteConnection> {
        let mut conn = self.establish()?;
        let synchronous = match self.synchronous {
            Synchronous::Full => "PRAGMA synchronous = FULL",
            Synchronous::Normal => "PRAGMA synchronous = NORMAL",
        };
        let settings = [
            synchronous,
            "PRAGMA foreign_keys = ON",
            "PRAGMA temp_store = MEMORY",
            "PRAGMA cache_size = -16384",
            "PRAGMA mmap_size = 67108864",
            // The checkpointer usually comes first; this bounds the log if it falls behind.
            "PRAGMA wal_autocheckpoint = 16384",
            "PRAGMA journal_size_limit = 67108864",
        ];
        settings.into_iter().try_for_each(|setting| pragma(&mut conn, setting))?;
        self.finish(conn)
    }

    /// Opens a connection that cannot write.
    pub(super) fn reader(&self) -> Result<SqliteConnection> {
        let mut conn = self.establish()?;
        let settings = [
            "PRAGMA query_only = ON",
            "PRAGMA temp_store = MEMORY",
            "PRAGMA cache_size = -8192",
            "PRAGMA mmap_size = 67108864",
        ];
        settings.into_iter().try_for_each(|setting| pragma(&mut conn, setting))?;
        self.finish(conn)
    }

    /// Registers the functions, and only then begins to count statements.
    fn finish(&self, mut conn: SqliteConnection) -> Result<SqliteConnection> {
        functions::register(&mut conn).map_err(db_error("register_functions"))?;
        let watch = StatementWatch::new("sqlite", Arc::clone(&self.statements), self.slow_query);
        conn.set_instrumentation(watch);
        Ok(conn)
    }

    /// Opens a bare connection; `busy_timeout` comes before anything that could wait.
    pub(super) fn establish(&self) -> Result<SqliteConnection> {
        let mut conn = SqliteConnection::establish(&self.url)
            .map_err(|cause| refused(&self.path, cause.to_string()))?;
        let millis = self.busy_timeout.as_millis();
        pragma(&mut conn, &format!("PRAGMA busy_timeout = {millis}"))?;
        Ok(conn)
    }
}

/// Runs one PRAGMA: each in a call of its own, because a failing one would hide the next.
pub(super) fn pragma(conn: &mut SqliteConnection, text: &str) -> Result<()> {
    conn.batch_execute(text).map_err(db_error("pragma"))
}

fn check_or_create(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(refused(path, "it is a directory")),
        Ok(meta) if meta.permissions().readonly() => {
            Err(refused(path, "the file is read-only: make it writable by this user"))
        }
        Ok(meta) if meta.len() > 0 => check_header(path),
        Ok(_empty) => Ok(()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => create(path),
        Err(cause) => Err(refused(path, cause.to_string())),
    }
}

/// Looks at the first bytes, so that a text file is refused before SQLite touches it.
fn check_header(path: &Path) -> Result<()> {
    use std::io::Read as _;
    let mut header = [0_u8; 16];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) if header == *b"SQLite format 3\0" => Ok(()),
        Ok(()) => Err(refused(path, "the file is not a SQLite database")),
        Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
            Err(refused(path, "the file is not a SQLite database"))
        }
        Err(cause) => Err(refused(path, cause.to_string())),
    }
}

fn create(path: &Path) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .map_err(|cause| refused(path, format!("its directory cannot be created: {cause}")))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_file) => Ok(()),
        // Another process was faster: its file is as good.
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(cause) => Err(refused(path, format!("the file cannot be created: {cause}"))),
    }
}

fn refused(path: &Path, reason: impl Into<String>) -> Error {
    Error::settings("SQLITE_PATH", format!("`{}`: {}", path.display(), reason.into()))
}
