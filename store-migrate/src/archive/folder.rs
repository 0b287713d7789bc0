//! The directory of an archive: taken for an export, or looked through for an import.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::files::{Stated, TEMPORARY, create, missing, of_other_length};
use crate::error::file as file_error;
use crate::{Error, Result};

/// The manifest: a directory that has it has a whole archive.
pub(super) const MANIFEST: &str = "manifest.json";

/// An empty file that an export makes first and removes last.
const MARK: &str = "unfinished";

/// Returns the name of the file of a batch.
pub(super) fn rows_name(table: usize, batch: usize) -> String {
    format!("{table:04}-{batch:06}.rows.zst")
}

/// Returns the name of the file of a large blob of a batch.
pub(super) fn blob_name(table: usize, batch: usize, number: usize) -> String {
    format!("{table:04}-{batch:06}-{number:06}.blob.zst")
}

/// Tells whether an export writes files of such a name.
fn is_ours(name: &str) -> bool {
    let whole = name.strip_suffix(TEMPORARY);
    if whole == Some(MANIFEST) {
        return true;
    }
    let name = whole.unwrap_or(name);
    let numbers = name.strip_suffix(".rows.zst").or_else(|| name.strip_suffix(".blob.zst"));
    let number = |part: &str| part.len() >= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|numbers| {
        (2..=3).contains(&numbers.split('-').count()) && numbers.split('-').all(number)
    })
}

/// What an export finds.
pub(super) enum Found {
    /// Nothing.
    Empty,
    /// An export that was interrupted: these files of it.
    Interrupted(Vec<PathBuf>),
}

/// Looks whether a directory can take an export, without changing it.
///
/// # Errors
/// `Refused` when it has a finished one, or what no export wrote.
pub(super) fn look(folder: &Path) -> Result<Found> {
    let entries = match entries(folder) {
        Ok(entries) => entries,
        Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Ok(Found::Empty);
        }
        Err(error) => return Err(error),
    };
    if entries.contains_key(MANIFEST) {
        return Err(Error::refused(format!(
            "{} has a finished archive: name another directory, or remove it first",
            folder.display()
        )));
    }
    if entries.is_empty() {
        return Ok(Found::Empty);
    }
    let foreign = entries.keys().find(|name| *name != MARK && !is_ours(name));
    match foreign {
        None if entries.contains_key(MARK) => {
            let names = entries.keys().filter(|name| *name != MARK);
            Ok(Found::Interrupted(names.map(|name| folder.join(name)).collect()))
        }
        other => Err(Error::refused(format!(
            "{} has files that are not of an unfinished export, {} for one: name a directory that is \
             empty or not there yet",
            folder.display(),
            other.or(entries.keys().next()).map_or("?", String::as_str)
        ))),
    }
}

/// A directory that an export writes to.
pub(super) struct Taken {
    folder: PathBuf,
    mark: File,
}

impl Taken {
    /// Takes a directory: makes it if need be, for its owner only, and removes what is left of an
    /// export that was interrupted.
    pub(super) fn begin(folder: &Path) -> Result<Self> {
        look(folder)?;
        make(folder)?;
        let path = folder.join(MARK);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mark = options.open(&path).map_err(file_error(&path))?;
        lock(folder, &mark)?;
        // Whoever had the lock may have finished meanwhile.
        if let Found::Interrupted(left) = look(folder)? {
            for path in left {
                std::fs::remove_file(&path).map_err(file_error(&path))?;
            }
        }
        Ok(Self { folder: folder.to_owned(), mark })
    }

    /// Writes the manifest: from here on the archive is whole.
    pub(super) fn finish(self, manifest: &[u8]) -> Result<()> {
        let Self { folder, mark } = self;
        sync(&folder)?;
        let path = folder.join(format!("{MANIFEST}{TEMPORARY}"));
        let mut file = create(&path)?;
        file.write_all(manifest).map_err(file_error(&path))?;
        file.sync_all().map_err(file_error(&path))?;
        let done = folder.join(MANIFEST);
        std::fs::rename(&path, &done).map_err(file_error(&done))?;
        let mark_path = folder.join(MARK);
        std::fs::remove_file(&mark_path).map_err(file_error(&mark_path))?;
        drop(mark);
        sync(&folder)
    }
}

fn make(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(file_error(folder)(error)),
        Ok(()) => Ok(()),
        Err(_there) => own(folder),
    }
}

/// Takes a directory that is there already for its owner only.
#[cfg(unix)]
fn own(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        .map_err(file_error(folder))
}

#[cfg(not(unix))]
fn own(_folder: &Path) -> Result<()> {
    Ok(())
}

/// Keeps a second export out, until the process ends.
#[cfg(unix)]
fn lock(folder: &Path, mark: &File) -> Result<()> {
    use rustix::fs::{FlockOperation, flock};

    flock(mark, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
        if error == rustix::io::Errno::WOULDBLOCK {
            return Error::refused(format!(
                "another export writes to {} at this moment",
                folder.display()
            ));
        }
        file_error(folder)(error.into())
    })
}

#[cfg(not(unix))]
fn lock(_folder: &Path, _mark: &File) -> Result<()> {
    Ok(())
}

/// Makes the names of a directory durable.
#[cfg(unix)]
fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error(folder))
}

#[cfg(not(unix))]
fn sync(_folder: &Path) -> Result<()> {
    Ok(())
}

/// Returns what is in a directory, with its length when it is a file.
fn entries(folder: &Path) -> Result<BTreeMap<String, Option<u64>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(file_error(folder))? {
        let entry = entry.map_err(file_error(folder))?;
        // Of a link itself, not of what it leads to.
        let data = entry.metadata().map_err(file_error(entry.path()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.insert(name, data.is_file().then_some(data.len()));
    }
    Ok(found)
}

/// Reads the manifest.
pub(super) fn manifest(folder: &Path) -> Result<Vec<u8>> {
    let path = folder.join(MANIFEST);
    std::fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound if folder.join(MARK).exists() => Error::refused(format!(
            "the export into {} was not finished: run it again",
            folder.display()
        )),
        ErrorKind::NotFound => Error::refused(format!(
            "{} has no archive: there is no {MANIFEST} in it",
            folder.display()
        )),
        _ => file_error(path)(error),
    })
}

/// Checks that a directory has exactly the files a manifest states.
pub(super) fn check<'s>(folder: &Path, stated: impl Iterator<Item = &'s Stated>) -> Result<()> {
    let mut entries = entries(folder)?;
    entries.remove(MANIFEST);
    // An export that was killed behind its manifest was whole.
    if entries.get(MARK) == Some(&Some(0)) {
        entries.remove(MARK);
    }
    for one in stated {
        let path = folder.join(&one.file);
        match entries.remove(&one.file) {
            None => return Err(missing(&path)),
            Some(None) => {
                return Err(Error::refused(format!("{} is not a file", path.display())));
            }
            Some(Some(bytes)) if bytes != one.bytes => {
                return Err(of_other_length(&path, bytes, one.bytes));
            }
            Some(Some(_bytes)) => {}
        }
    }
    match entries.keys().next() {
        None => Ok(()),
        Some(name) => Err(Error::refused(format!(
            "{} is not a file of the archive: move it away, or copy the whole directory again",
            folder.join(name).display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_known_again() {
        assert!(is_ours("manifest.json.tmp") && !is_ours(MANIFEST));
        let names = [rows_name(0, 0), rows_name(12345, 1_234_567), blob_name(1, 2, 3)];
        for name in names {
            assert!(is_ours(&name) && is_ours(&format!("{name}.tmp")), "{name}");
        }
        for name in ["", "notes.txt", "0001.rows.zst", "0001-x.rows.zst", "../0001-000001.rows.zst"]
        {
            assert!(!is_ours(name), "{name}");
        }
    }
}
