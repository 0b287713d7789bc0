//! The key that the settings name.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::zeroize::Zeroizing;

use super::Key;
use crate::settings::VaultKeySource;
use crate::{Error, Result, Settings};

/// The longest file that is read; a key has 64 characters at most.
const MAX_FILE_BYTES: usize = 4096;

/// Reads the key that the settings hold, or that the file they name holds.
pub(super) fn key(settings: &Settings) -> Result<Option<Key>> {
    let (variable, key) = match settings.vault_key() {
        None | Some(VaultKeySource::Command(_)) => return Ok(None),
        Some(VaultKeySource::Raw(text)) => ("VAULT_KEY", parse(text.expose_secret())),
        Some(VaultKeySource::File(path)) => ("VAULT_KEY_FILE", read(path)),
    };
    key.map(Some).map_err(|reason| Error::settings(variable, reason))
}

fn parse(text: &str) -> Result<Key, String> {
    Key::named_by_check_value(text).map_err(|error| error.to_string())
}

fn read(path: &Path) -> Result<Key, String> {
    let shown = path.display();
    let failed = |cause: std::io::Error| format!("`{shown}` cannot be read: {cause}");
    let file = File::open(path).map_err(failed)?;
    check_private(&file, path)?;
    // With room for all of it from the start, no copy of the key is left behind.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES));
    file.take(MAX_FILE_BYTES as u64).read_to_end(&mut content).map_err(failed)?;
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
