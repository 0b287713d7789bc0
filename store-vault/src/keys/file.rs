//! Keys in a file that only its owner may access.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use secrecy::zeroize::Zeroizing;
use store_core::seal::KeyRing;
use store_core::{Error, Result};

use super::{KeyProvider, ProvidedKeys, RegisteredKey, blocking};

/// A new key, and its line: 64 hexadecimal digits and the line's end.
const KEY_BYTES: usize = 32;
const LINE_BYTES: usize = 2 * KEY_BYTES + 1;

/// A file with a key on each line, hexadecimal or base64: the first seals, the others are readable.
///
/// On Unix nobody but its owner may have access to it (`chmod 600`).
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    create_missing: bool,
}

impl KeyFile {
    /// Names the file; it is read each time keys are asked for.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), create_missing: false }
    }

    /// Creates the file with a random key when it is missing, for a vault that has no key yet.
    ///
    /// Of several processes that find it missing one creates it and the others read it; it is there
    /// with all of its content or not at all, and is on disk before its key is used. A vault that has
    /// keys already gets no new one in place of a file that was lost: that is an error.
    #[must_use]
    pub fn create_missing(mut self, create: bool) -> Self {
        self.create_missing = create;
        self
    }

    fn read(&self, vault_has_keys: bool) -> Result<KeyRing> {
        if self.create_missing && is_missing(&self.path) {
            let refused = |reason| Err(Error::settings("VAULT_KEY_FILE", reason));
            let shown = self.path.display();
            if vault_has_keys {
                return refused(format!(
                    "`{shown}` is missing, and the vault has keys: restore the file from a copy, \
                     because no other key opens what they sealed"
                ));
            }
            if let Err(cause) = create(&self.path) {
                return refused(format!("`{shown}` cannot be created: {cause}"));
            }
        }
        KeyRing::from_file(&self.path)
    }
}

#[async_trait]
impl KeyProvider for KeyFile {
    async fn keys(&self, registered: &[RegisteredKey]) -> Result<ProvidedKeys> {
        let file = self.clone();
        let vault_has_keys = registered.iter().any(|key| !key.retired);
        Ok(blocking(move || file.read(vault_has_keys)).await?.into())
    }
}

/// Tells whether there is nothing at the path; a link that leads nowhere is something.
fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|cause| cause.kind() == ErrorKind::NotFound)
}

/// Writes a new key beside the path and gives it the name, unless another has the name by then.
///
/// The file that is written has mode 0600 and a name of its own (`O_EXCL`), and the name that counts
/// is given without replacing anything. Opened with `O_EXCL` under that name, the file would be
/// empty for a moment to those who come second, and for ever after a crash in that moment.
fn create(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".vault-key-").tempfile_in(directory)?;
    file.write_all(&*new_line()?)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_file) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    // Whoever came second seals with the key as well, so the name has to last for both.
    sync(directory)
}

fn new_line() -> io::Result<Zeroizing<[u8; LINE_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(&mut *key).map_err(io::Error::other)?;
    let mut line = Zeroizing::new([b'\n'; LINE_BYTES]);
    let digits = hex::encode_to_slice(key.as_slice(), &mut line[..2 * KEY_BYTES]);
    digits.map_err(|cause| io::Error::other(cause.to_string()))?;
    Ok(line)
}

/// Puts the names in a directory on disk.
#[cfg(unix)]
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Directories are not opened as files on other platforms.
#[cfg(not(unix))]
fn sync(_directory: &Path) -> io::Result<()> {
    Ok(())
}
