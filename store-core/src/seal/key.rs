//! One key-encryption key.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::zeroize::{Zeroize, Zeroizing};
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::envelope::KEY_BYTES;
use crate::{Error, Result, check_external};

/// Hashed before the key for its check value, so that no other hash of a key equals it.
const CHECK_FORMAT: &[u8] = b"parallel-stores.seal.v1.check";
const CHECK_BYTES: usize = 16;

const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED_OR_NOT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED_OR_NOT);

/// A 256-bit key-encryption key and its id.
///
/// `Debug` shows the id only, and the key is overwritten when it is dropped.
pub struct Key {
    id: String,
    bytes: SecretBox<[u8; KEY_BYTES]>,
}

impl Key {
    /// Makes a key of 32 random bytes; the caller's copy of them remains the caller's.
    ///
    /// # Errors
    /// `Invalid` when the id is empty, longer than 255 bytes or holds a control character.
    pub fn new(id: impl Into<String>, mut bytes: [u8; KEY_BYTES]) -> Result<Self> {
        let boxed = SecretBox::init_with_mut(|place| *place = bytes);
        bytes.zeroize();
        Self::with_bytes(id.into(), boxed)
    }

    /// Reads a key from text: 32 bytes as 64 hexadecimal digits, or as base64.
    ///
    /// Base64 is standard or URL-safe, padded or not. White space around it does not count.
    ///
    /// # Errors
    /// `Invalid` when the text is neither, or the id breaks the rule of [`Key::new`].
    pub fn parse(id: impl Into<String>, text: &SecretString) -> Result<Self> {
        Self::with_bytes(id.into(), decode(text.expose_secret())?)
    }

    /// Reads a key as [`Key::parse`] does and takes its check value for an id.
    ///
    /// This is how keys of settings are named: another key has another id, without anyone
    /// having to think of one.
    ///
    /// # Errors
    /// `Invalid` when the text is neither hexadecimal nor base64 of 32 bytes.
    pub fn from_text(text: &SecretString) -> Result<Self> {
        Self::named_by_check_value(text.expose_secret())
    }

    pub(super) fn named_by_check_value(text: &str) -> Result<Self> {
        let bytes = decode(text)?;
        Self::with_bytes(check_value(bytes.expose_secret()), bytes)
    }

    fn with_bytes(id: String, bytes: SecretBox<[u8; KEY_BYTES]>) -> Result<Self> {
        check_external("key_id", &id)?;
        Ok(Self { id, bytes })
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns a text that tells keys apart and reveals nothing about a random one.
    ///
    /// It is 32 hexadecimal digits: the first half of a SHA-256 over a fixed prefix and the key.
    /// Stored beside what a key sealed, it tells a wrong key before anything is written.
    #[must_use]
    pub fn check_value(&self) -> String {
        check_value(self.bytes())
    }

    /// Tells in constant time whether this is the [`Key::check_value`] of this key.
    #[must_use]
    pub fn has_check_value(&self, check_value: &str) -> bool {
        self.check_value().as_bytes().ct_eq(check_value.as_bytes()).into()
    }

    /// Tells in constant time whether both are the same key, whatever their ids.
    pub(super) fn has_bytes_of(&self, other: &Self) -> bool {
        self.bytes().ct_eq(other.bytes()).into()
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        self.bytes.expose_secret()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

fn check_value(bytes: &[u8; KEY_BYTES]) -> String {
    let hash = Sha256::new().chain_update(CHECK_FORMAT).chain_update(bytes).finalize();
    hex::encode(&hash[..CHECK_BYTES])
}

fn decode(text: &str) -> Result<SecretBox<[u8; KEY_BYTES]>> {
    let text = text.trim();
    let mut key = SecretBox::<[u8; KEY_BYTES]>::default();
    let is_key = match text.len() {
        // Base64 of 32 bytes is never as long.
        64 => hex::decode_to_slice(text, key.expose_secret_mut()).is_ok(),
        _ => decode_base64(text, key.expose_secret_mut()),
    };
    let reason = "must be 32 bytes, as 64 hexadecimal digits or as base64";
    is_key.then_some(key).ok_or_else(|| Error::invalid("key", reason))
}

fn decode_base64(text: &str, key: &mut [u8; KEY_BYTES]) -> bool {
    // One byte more than a key: the decoder wants room for whole groups of three.
    let mut decoded = Zeroizing::new([0; KEY_BYTES + 1]);
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    let is_key = engine.decode_slice(text, &mut *decoded) == Ok(KEY_BYTES);
    key.copy_from_slice(&decoded[..KEY_BYTES]);
    is_key
}
