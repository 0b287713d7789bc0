//! Keys as text: in a setting, or in the file that a setting names.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::zeroize::Zeroizing;

use super::{Key, KeyRing};
use crate::settings::VaultKeySource;
use crate::{Error, Result, Settings};

/// The longest file that is read, enough for a thousand keys.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// Reads the keys that the settings hold, or that the file they name holds.
pub(super) fn from_settings(settings: &Settings) -> Result<Option<KeyRing>> {
    match settings.vault_key() {
        None | Some(VaultKeySource::Command(_)) => Ok(None),
        Some(VaultKeySource::Raw(text)) => {
            let ring = parse(text.expose_secret());
            ring.map(Some).map_err(|error| Error::settings("VAULT_KEY", error.to_string()))
        }
        Some(VaultKeySource::File(path)) => from_file(path).map(Some),
    }
}

/// Reads the keys of a file that is private.
pub(super) fn from_file(path: &Path) -> Result<KeyRing> {
    read(path).map_err(|reason| Error::settings("VAULT_KEY_FILE", reason))
}

/// Reads keys that commas or line ends separate.
pub(super) fn parse(text: &str) -> Result<KeyRing> {
    // Of the text `a,b\n\nc` these are `a`, `b` and `c`; of `a,,b` the second is empty, and no key.
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let texts: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let key = |(index, text): (usize, &&str)| {
        Key::named_by_check_value(text).map_err(|error| which(error, index, texts.len()))
    };
    let mut keys = texts.iter().enumerate().map(key);
    let current = keys.next().unwrap_or_else(|| Err(Error::invalid("key", "is empty")))?;
    keys.try_fold(KeyRing::new(current), |ring, key| ring.with_readable(key?))
}

/// Says which of several keys is none.
fn which(error: Error, index: usize, count: usize) -> Error {
    match error {
        Error::Invalid { field, reason } if count > 1 => {
            Error::Invalid { field: format!("{field} {} of {count}", index + 1), reason }
        }
        error => error,
    }
}

fn read(path: &Path) -> Result<KeyRing, String> {
    let shown = path.display();
    let failed = |cause: std::io::Error| format!("`{shown}` cannot be read: {cause}");
    let file = File::open(path).map_err(failed)?;
    check_private(&file, path)?;
    // With room for all of it from the start, no copy of a key is left behind. One byte more than
    // is allowed tells a file that is too long from one whose last keys would be cut off.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 64));
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() > MAX_FILE_BYTES {
        return Err(format!("`{shown}` is longer than {MAX_FILE_BYTES} bytes"));
    }
    let text = std::str::from_utf8(&content).map_err(|_bytes| format!("`{shown}` is not text"))?;
    parse(text).map_err(|reason| format!("`{shown}`: {reason}"))
}

/// Refuses a file that anyone but its owner may access.
#[cfg(unix)]
fn check_private(file: &File, path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;

    let shown = path.display();
    let metadata = file.metadata().map_err(|cause| format!("`{shown}`: {cause}"))?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(format!("others may access `{shown}`: run `chmod 600 {shown}`")),
    }
}

/// Access lists are not looked at on other platforms.
#[cfg(not(unix))]
fn check_private(_file: &File, _path: &Path) -> Result<(), String> {
    Ok(())
}
