//! Envelopes of the vault that Orcheo has, for an import: they are read, and never written.
//!
//! Neither is bound to a row: whoever could write to that vault could move a secret to another
//! credential, and no check finds it.

mod aes_gcm;
mod fernet;
#[cfg(test)]
mod tests;

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use store_core::{Error, Result};

const AES_GCM: &str = "aes256-gcm.v1";
const FERNET: &str = "fernet.v1";

/// The length of the key that both formats derive from the passphrase.
const KEY_BYTES: usize = 32;

/// Opens the two formats with the key that Orcheo derives from its passphrase: its SHA-256.
#[derive(Debug)]
pub struct LegacyCipher {
    key: SecretBox<[u8; KEY_BYTES]>,
}

impl LegacyCipher {
    /// Takes the passphrase of the old vault, `ORCHEO_VAULT_ENCRYPTION_KEY`, of any length.
    #[must_use]
    pub fn new(passphrase: &SecretString) -> Self {
        let mut digest = Sha256::digest(passphrase.expose_secret().as_bytes());
        let key = SecretBox::init_with_mut(|key: &mut [u8; KEY_BYTES]| {
            key.copy_from_slice(&digest);
        });
        digest.as_mut_slice().zeroize();
        Self { key }
    }

    /// Opens the ciphertext of an old envelope.
    ///
    /// `aes256-gcm.v1` is base64 of nonce, sealed text and tag; `fernet.v1` is a token of Fernet,
    /// whose age does not count. White space around either does not count.
    ///
    /// # Errors
    /// `Invalid` for another algorithm; `Tampered`, with the algorithm for an id, when the passphrase
    /// is another one, the ciphertext was changed, or what it holds is not text.
    pub fn open(&self, algorithm: &str, ciphertext: &str) -> Result<SecretString> {
        let (key, sealed) = (self.key.expose_secret(), ciphertext.trim());
        let opened = match algorithm {
            AES_GCM => aes_gcm::open(key, sealed),
            FERNET => fernet::open(key, sealed),
            _ => {
                let reason = format!("is none that is read here: {AES_GCM}, {FERNET}");
                return Err(Error::invalid("algorithm", reason));
            }
        };
        let text = opened.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let tampered = || Error::Tampered { entity: "legacy envelope", id: algorithm.to_owned() };
        text.map(SecretString::from).ok_or_else(tampered)
    }
}
