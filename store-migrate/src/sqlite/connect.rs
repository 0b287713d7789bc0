//! Opening files.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::{file, sqlite};
use crate::{Error, Result};

/// How long a write to the source waits for those of the application.
const WRITE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Quotes an identifier.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Opens a database that is only read.
///
/// A write-ahead log or a hot journal beside it is honoured. Nothing is created.
///
/// # Errors
/// `Refused` when there is no such database; what SQLite says of one that is damaged.
pub(crate) fn open_source(path: &Path) -> Result<Connection> {
    check_exists(path)?;
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    // A reader that may not write leaves the empty log behind that it had to make.
    if !beside(path, "-wal").exists()
        && let Ok(conn) = open_query_only(path, flags)
    {
        return Ok(conn);
    }
    let read_only = open(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY);
    match read_only {
        // A hot journal has to be rolled back, and the log of a process that died to be recovered.
        Err(Error::Sqlite { source, .. }) if must_recover(&source) => open_query_only(path, flags),
        other => other,
    }
}

fn open_query_only(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let conn = open(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.execute_batch("PRAGMA query_only = ON").map_err(sqlite("opening the source"))?;
    Ok(conn)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let doing = || format!("opening {}", path.display());
    let conn = Connection::open_with_flags(path, flags).map_err(sqlite(doing()))?;
    conn.execute_batch(
        "PRAGMA busy_timeout = 10000; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;",
    )
    .map_err(sqlite(doing()))?;
    // The first look at the file: what is not a database is found out here.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_row| Ok(()))
        .map_err(sqlite(doing()))?;
    Ok(conn)
}

fn must_recover(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

fn check_exists(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() > 0 => return Ok(()),
        Ok(found) if found.is_file() => {
            return Err(Error::refused(format!("{} is an empty file", path.display())));
        }
        Ok(_directory) => {
            return Err(Error::refused(format!("{} is not a file", path.display())));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(file(path)(error)),
    }
    for suffix in ["-wal", "-journal"] {
        let beside = beside(path, suffix);
        if beside.exists() {
            return Err(Error::refused(format!(
                "{} is there, but not the database it belongs to: restore {} first",
                beside.display(),
                path.display()
            )));
        }
    }
    Err(Error::refused(format!("there is no file {}", path.display())))
}

/// Returns the path of a file that SQLite keeps beside a database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens a source to put triggers into it or to remove them. Its journal mode stays what it is.
///
/// # Errors
/// Those of [`open_source`].
pub(crate) fn open_writable(path: &Path) -> Result<Connection> {
    check_exists(path)?;
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let conn = open(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(WRITE_TIMEOUT).map_err(sqlite("opening the source"))?;
    Ok(conn)
}

/// Opens a database that is loaded. It is created, for its owner only, when it is not there.
///
/// # Errors
/// What SQLite or the file system says.
pub(crate) fn open_target(path: &Path) -> Result<Connection> {
    create(path)?;
    let doing = || format!("opening {}", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(sqlite(doing()))?;
    conn.execute_batch(
        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
         PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; \
         PRAGMA journal_size_limit = 67108864;",
    )
    .map_err(sqlite(doing()))?;
    Ok(conn)
}

fn create(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(file(path)(error)),
        _ => Ok(()),
    }
}
