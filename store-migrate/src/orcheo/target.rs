//! The file that a conversion makes: beside its place, and moved there when it is whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use store_core::migrations::Schema;
use store_core::sqlite::{Database, Options};

use super::source::quoted;
use crate::error::{Error, Result, file, sqlite};

/// The schemas of all stores.
static SCHEMAS: [&Schema; 6] = [
    &store_workflow::sqlite::SCHEMA,
    &store_history::sqlite::SCHEMA,
    &store_checkpoints::sqlite::SCHEMA,
    &store_chatkit::sqlite::SCHEMA,
    &store_tokens::sqlite::SCHEMA,
    &store_vault::sqlite::SCHEMA,
];

/// What belongs to a database beside its file.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A file that is not in its place yet. It is removed unless it is put there.
#[derive(Debug)]
pub(super) struct Target {
    place: PathBuf,
    partial: PathBuf,
}

impl Target {
    /// Makes a file with the tables of all stores, without rows.
    pub(super) async fn create(place: &Path) -> Result<Self> {
        check_free(place)?;
        let Some(name) = place.file_name() else {
            return Err(Error::refused(format!("{} is not the path of a file", place.display())));
        };
        let mut partial = name.to_os_string();
        partial.push(".converting");
        let this = Self { place: place.to_owned(), partial: place.with_file_name(partial) };
        // What a conversion left that was killed.
        remove_all(&this.partial)?;
        let database =
            Database::open(Options { readers: 1, ..Options::new(&this.partial) }).await?;
        for schema in SCHEMAS {
            database.migrate(schema).await?;
        }
        database.close().await;
        Ok(this)
    }

    /// Opens the file to write everything in one transaction, which the caller commits.
    pub(super) fn begin(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn =
            Connection::open_with_flags(&self.partial, flags).map_err(sqlite(self.doing()))?;
        conn.busy_timeout(std::time::Duration::from_secs(10)).map_err(sqlite(self.doing()))?;
        // Until it is in its place nobody needs the file: it is synchronized once, at the end.
        let pragmas = "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; \
             PRAGMA foreign_keys = ON; BEGIN IMMEDIATE";
        conn.execute_batch(pragmas).map_err(sqlite(self.doing()))?;
        conn.set_prepared_statement_cache_capacity(256);
        Ok(conn)
    }

    /// Commits what was written and puts the file in its place.
    pub(super) fn finish(self, conn: Connection) -> Result<()> {
        conn.execute_batch("COMMIT").map_err(sqlite(self.doing()))?;
        conn.close().map_err(|(_conn, error)| sqlite(self.doing())(error))?;
        File::open(&self.partial).and_then(|one| one.sync_all()).map_err(file(&self.partial))?;
        check_free(&self.place)?;
        remove_companions(&self.place)?;
        fs::rename(&self.partial, &self.place).map_err(file(&self.place))?;
        remove_companions(&self.partial)?;
        let directory = match self.place.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory).and_then(|one| one.sync_all()).map_err(file(directory))
    }

    fn doing(&self) -> String {
        format!("writing {}", self.partial.display())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Nothing can be done about it here, and the next conversion removes it first.
        drop(remove_all(&self.partial));
    }
}

/// Refuses a place that holds something: a file that is no database, or a database with rows.
fn check_free(place: &Path) -> Result<()> {
    let shown = place.display();
    match fs::metadata(place) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file(place)(error)),
        Ok(kind) if kind.is_file() => {}
        Ok(_) => return Err(Error::refused(format!("the target {shown} is not a file"))),
    }
    let doing = format!("looking at the target {shown}");
    let conn = Connection::open_with_flags(place, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(sqlite(&doing))?;
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%' \
         AND name NOT LIKE 'store\\_%\\_migrations' ESCAPE '\\' \
         AND name NOT LIKE 'chatkit\\_item\\_search%' ESCAPE '\\' ORDER BY name";
    let mut statement = conn.prepare(tables).map_err(sqlite(&doing))?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sqlite(&doing))?;
    for name in names {
        let name = name.map_err(sqlite(&doing))?;
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", quoted(&name));
        let filled: bool = conn.query_row(&sql, [], |row| row.get(0)).map_err(sqlite(&doing))?;
        if filled {
            return Err(Error::refused(format!(
                "the target {shown} has rows in its table {name}: name a file that does not exist, \
                 nothing is ever overwritten"
            )));
        }
    }
    Ok(())
}

fn remove_all(path: &Path) -> Result<()> {
    remove(path)?;
    remove_companions(path)
}

fn remove_companions(path: &Path) -> Result<()> {
    for suffix in COMPANIONS {
        let mut companion = path.as_os_str().to_owned();
        companion.push(suffix);
        remove(Path::new(&companion))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(path)(error)),
        _ => Ok(()),
    }
}
