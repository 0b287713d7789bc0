//! The bytes of an envelope. `docs/sealing.md` describes them.

use crate::{Error, Result, check_external};

/// The most that can be sealed at once: 16 MiB.
pub const MAX_PLAINTEXT_BYTES: usize = 16 * 1024 * 1024;

/// "PSE", and the version of the format.
const MAGIC: [u8; 4] = *b"PSE\x01";

/// The length of a key, and of a data key.
pub(super) const KEY_BYTES: usize = 32;
pub(super) const NONCE_BYTES: usize = 12;
pub(super) const TAG_BYTES: usize = 16;

/// An envelope taken apart, with nothing decrypted or authenticated.
pub(super) struct Envelope<'a> {
    pub(super) key_id: &'a str,
    pub(super) key_nonce: &'a [u8; NONCE_BYTES],
    pub(super) sealed_key: &'a [u8; KEY_BYTES],
    pub(super) key_tag: &'a [u8; TAG_BYTES],
    pub(super) nonce: &'a [u8; NONCE_BYTES],
    pub(super) sealed: &'a [u8],
    pub(super) tag: &'a [u8; TAG_BYTES],
}

impl<'a> Envelope<'a> {
    /// Takes an envelope apart; `None` if these bytes cannot be one.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (&id_length, rest) = rest.split_first()?;
        let (key_id, rest) = rest.split_at_checked(id_length.into())?;
        let key_id = std::str::from_utf8(key_id).ok()?;
        check_external("key_id", key_id).ok()?;
        let (key_nonce, rest) = rest.split_first_chunk()?;
        let (sealed_key, rest) = rest.split_first_chunk()?;
        let (key_tag, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (sealed, tag) = rest.split_last_chunk()?;
        let fits = sealed.len() <= MAX_PLAINTEXT_BYTES;
        fits.then_some(Self { key_id, key_nonce, sealed_key, key_tag, nonce, sealed, tag })
    }

    /// Writes everything before the sealed value, with room for that and its tag.
    pub(super) fn header(
        key_id: &str,
        key_nonce: &[u8; NONCE_BYTES],
        sealed_key: &[u8; KEY_BYTES],
        key_tag: &[u8; TAG_BYTES],
        nonce: &[u8; NONCE_BYTES],
        plaintext_bytes: usize,
    ) -> Vec<u8> {
        // A `Key` has an id of at most 255 bytes.
        let id_length = [key_id.len() as u8];
        let parts: [&[u8]; 7] =
            [&MAGIC, &id_length, key_id.as_bytes(), key_nonce, sealed_key, key_tag, nonce];
        let header_bytes: usize = parts.iter().map(|part| part.len()).sum();
        let mut bytes = Vec::with_capacity(header_bytes + plaintext_bytes + TAG_BYTES);
        bytes.extend(parts.into_iter().flatten());
        bytes
    }
}

/// Tells which key sealed an envelope, without opening it.
///
/// Nothing is authenticated: who can change the envelope can change the answer.
///
/// # Errors
/// `Invalid` when the bytes are not an envelope of a version known here.
pub fn key_id(envelope: &[u8]) -> Result<&str> {
    match Envelope::parse(envelope) {
        Some(envelope) => Ok(envelope.key_id),
        None => Err(Error::invalid("envelope", "is malformed, or of a version not known here")),
    }
}
