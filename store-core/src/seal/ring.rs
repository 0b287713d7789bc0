//! The keys of a process: one that seals, and those that open what was sealed before.

use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretSlice};

use super::cipher::{self, Fresh};
use super::envelope::Envelope;
use super::{Key, SealContext, address, source};
use crate::{Error, Result, SecretString, Settings};

/// Key-encryption keys by id: one current, the others readable.
///
/// A clone shares the keys. `Debug` shows their ids only.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: Arc<Key>,
    readable: Arc<[Arc<Key>]>,
}

impl KeyRing {
    /// Makes a ring of the key that seals.
    #[must_use]
    pub fn new(current: Key) -> Self {
        Self { current: Arc::new(current), readable: Arc::new([]) }
    }

    /// Adds a key that opens envelopes and seals none.
    ///
    /// A key that is in the ring already, the current one included, changes nothing.
    ///
    /// # Errors
    /// `Invalid` when the ring has another key with this id.
    pub fn with_readable(mut self, key: Key) -> Result<Self> {
        match self.find(key.id()) {
            Some(known) if known.has_bytes_of(&key) => {}
            Some(_other) => {
                let reason = format!("the ring has another key with the id `{}`", key.id());
                return Err(Error::invalid("key_id", reason));
            }
            None => {
                let keys = self.readable.iter().cloned();
                self.readable = keys.chain([Arc::new(key)]).collect();
            }
        }
        Ok(self)
    }

    /// Reads keys from text, separated by commas or line ends: the first seals, the others open
    /// what was sealed before.
    ///
    /// Each is read and named as [`Key::from_text`] does. White space around a key and empty lines
    /// do not count. Nothing between two commas is an error, because it is a variable that was
    /// meant to hold a key.
    ///
    /// # Errors
    /// `Invalid` when there is no key, or one of them is neither hexadecimal nor base64 of 32 bytes.
    pub fn parse(keys: &SecretString) -> Result<Self> {
        source::parse(keys.expose_secret())
    }

    /// Reads keys as [`KeyRing::parse`] does from a file that nobody but its owner may access.
    ///
    /// # Errors
    /// `Settings`, naming `VAULT_KEY_FILE`, when the file cannot be read, is longer than 64 KiB or
    /// holds something else, and on Unix when its mode lets anyone but its owner access it.
    pub fn from_file(path: &Path) -> Result<Self> {
        source::from_file(path)
    }

    /// Makes a ring of the keys that `VAULT_KEY` or the file of `VAULT_KEY_FILE` holds.
    ///
    /// One key or several, as [`KeyRing::parse`] reads them. `None` when neither is set; then
    /// [`Settings::vault_key`] tells whether there is a `VAULT_KEY_COMMAND`, which this function
    /// does not run: the caller does, and makes a ring of what it printed.
    ///
    /// # Errors
    /// `Settings`, naming the variable, when the text is not made of keys, the file cannot be
    /// read, or on Unix anyone but its owner may access it.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>> {
        source::from_settings(settings)
    }

    /// Returns the id of the key that seals.
    #[must_use]
    pub fn current_id(&self) -> &str {
        self.current.id()
    }

    /// Returns the ids of all keys: the current one, then the readable ones as they were added.
    #[must_use]
    pub fn key_ids(&self) -> Vec<String> {
        self.keys().map(|key| key.id().to_owned()).collect()
    }

    /// Returns the [`Key::check_value`] of a key, if the ring has it.
    #[must_use]
    pub fn check_value(&self, key_id: &str) -> Option<String> {
        self.find(key_id).map(Key::check_value)
    }

    /// Tells whether a key has this [`Key::check_value`], in constant time; `None` if the ring
    /// lacks the key.
    #[must_use]
    pub fn has_check_value(&self, key_id: &str, check_value: &str) -> Option<bool> {
        self.find(key_id).map(|key| key.has_check_value(check_value))
    }

    /// Seals a value with the current key and returns the envelope.
    ///
    /// The envelope is 93 bytes, and those of the key's id, longer than the value.
    ///
    /// # Errors
    /// `Invalid` beyond 16 MiB; `Backend` when the operating system has no random numbers.
    pub fn seal(&self, context: &SealContext<'_>, plaintext: &[u8]) -> Result<Vec<u8>> {
        cipher::seal(&self.current, context, plaintext, &Fresh::draw()?)
    }

    /// Opens an envelope with the key that sealed it.
    ///
    /// # Errors
    /// `Tampered` when it is malformed, was changed, or was sealed in another context or by
    /// another key with this id; `Settings` naming the id when the ring lacks the key.
    pub fn open(&self, context: &SealContext<'_>, envelope: &[u8]) -> Result<SecretSlice<u8>> {
        let (key, envelope) = self.take_apart(context, envelope)?;
        cipher::open(key, context, &envelope).ok_or_else(|| context.tampered())
    }

    /// Puts an envelope under the current key without decrypting its value.
    ///
    /// The data key is opened and sealed anew with a new nonce; the value keeps its bytes. An
    /// envelope that the current key sealed is checked and returned as it is, so that a rewrap that
    /// is run again changes nothing and uses the key no more often than needed.
    ///
    /// What is checked is the data key: that it was sealed here, by the key the envelope names.
    /// Damage to the value behind it stays, and [`KeyRing::open`] refuses it afterwards as it did
    /// before.
    ///
    /// # Errors
    /// `Tampered` when it is malformed, or its data key was changed, or was sealed in another
    /// context or by another key with this id; `Settings` naming the id when the ring lacks the
    /// key; `Backend` when the operating system has no random numbers.
    pub fn rewrap(&self, context: &SealContext<'_>, envelope: &[u8]) -> Result<Vec<u8>> {
        let (key, parts) = self.take_apart(context, envelope)?;
        let data_key =
            cipher::open_data_key(key, context, &parts).ok_or_else(|| context.tampered())?;
        if key.id() == self.current_id() {
            return Ok(envelope.to_vec());
        }
        cipher::rewrap(&self.current, context, &data_key, &cipher::fresh_nonce()?, &parts)
    }

    /// Returns where content is stored that is found by itself: equal for equal parts, and unlike a
    /// hash no help in guessing them to who lacks the key.
    ///
    /// It is an HMAC-SHA-256 by a key derived from the current one; the same content has another
    /// address once the current key is another. `docs/sealing.md` describes the bytes.
    #[must_use]
    pub fn address(&self, parts: &[&[u8]]) -> [u8; 32] {
        address::address(&self.current, parts)
    }

    /// Takes an envelope apart and finds its key; nothing is authenticated yet.
    fn take_apart<'a>(
        &self,
        context: &SealContext<'_>,
        envelope: &'a [u8],
    ) -> Result<(&Key, Envelope<'a>)> {
        let envelope = Envelope::parse(envelope).ok_or_else(|| context.tampered())?;
        let key = self.find(envelope.key_id).ok_or_else(|| missing(envelope.key_id))?;
        Ok((key, envelope))
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        [&self.current].into_iter().chain(self.readable.iter()).map(Arc::as_ref)
    }

    fn find(&self, id: &str) -> Option<&Key> {
        self.keys().find(|key| key.id() == id)
    }
}

fn missing(key_id: &str) -> Error {
    let reason = format!("the key `{key_id}` is not in the key ring: add it as a readable key");
    Error::settings("VAULT_KEY", reason)
}
