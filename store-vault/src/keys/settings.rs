//! The provider that the settings name.

use store_core::seal::KeyRing;
use store_core::settings::VaultKeySource;
use store_core::{Error, Result, Settings};

use super::{KeyCommand, KeyFile, KeyProvider};

/// Makes the provider of keys that the settings name.
///
/// `VAULT_KEY` holds one key, or several separated by commas or line ends: the first seals, the
/// others are readable. `VAULT_KEY_FILE` names a [`KeyFile`], which has to be there, and
/// `VAULT_KEY_COMMAND` is a [`KeyCommand`]. File and command are not touched before the vault
/// asks for keys.
///
/// # Errors
/// `Settings`, naming `VAULT_KEY`, when none of the three is set, or it holds something else.
pub fn provider(settings: &Settings) -> Result<Box<dyn KeyProvider>> {
    match settings.vault_key() {
        Some(VaultKeySource::File(path)) => Ok(Box::new(KeyFile::new(path))),
        Some(VaultKeySource::Command(command)) => Ok(Box::new(KeyCommand::new(command.as_str()))),
        Some(VaultKeySource::Raw(_)) | None => match KeyRing::from_settings(settings)? {
            Some(ring) => Ok(Box::new(ring)),
            None => Err(Error::settings("VAULT_KEY", NOT_SET)),
        },
    }
}

const NOT_SET: &str = "not set, and without a key no credential can be sealed: make one with \
    `openssl rand -hex 32` and keep a copy of it, or set VAULT_KEY_FILE or VAULT_KEY_COMMAND";
