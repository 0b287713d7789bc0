//! Sealing, opening and rewrapping: AES-256-GCM with 96-bit nonces and 128-bit tags.

use aes_gcm::aead::Generate;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecretMut, SecretSlice};

use super::envelope::{Envelope, KEY_BYTES, MAX_PLAINTEXT_BYTES, NONCE_BYTES, TAG_BYTES};
use super::{Key, SealContext};
use crate::{Error, Failure, Result};

/// What is drawn at random for one envelope and never used again.
pub(super) struct Fresh {
    pub(super) data_key: Zeroizing<[u8; KEY_BYTES]>,
    pub(super) key_nonce: [u8; NONCE_BYTES],
    pub(super) nonce: [u8; NONCE_BYTES],
}

impl Fresh {
    /// Draws from the operating system.
    pub(super) fn draw() -> Result<Self> {
        Ok(Self { data_key: Zeroizing::new(random()?), key_nonce: random()?, nonce: random()? })
    }
}

/// Draws a nonce for a data key that is sealed anew.
pub(super) fn fresh_nonce() -> Result<[u8; NONCE_BYTES]> {
    random()
}

fn random<const N: usize>() -> Result<[u8; N]> {
    <[u8; N]>::try_generate().map_err(|cause| Error::backend("seal", Failure::Other, cause))
}

/// Seals with values drawn elsewhere, so that envelopes can be compared with known ones.
pub(super) fn seal(
    key: &Key,
    context: &SealContext<'_>,
    plaintext: &[u8],
    fresh: &Fresh,
) -> Result<Vec<u8>> {
    if plaintext.len() > MAX_PLAINTEXT_BYTES {
        let reason = format!("has {} bytes, at most 16 MiB can be sealed", plaintext.len());
        return Err(Error::invalid("plaintext", reason));
    }
    let Fresh { data_key, key_nonce, nonce } = fresh;
    let mut envelope = seal_data_key(key, context, data_key, key_nonce, nonce, plaintext.len())?;
    let start = envelope.len();
    envelope.extend(plaintext);
    let tag = encrypt(data_key, nonce, &context.for_data(), &mut envelope[start..])?;
    envelope.extend(tag);
    Ok(envelope)
}

/// Opens an envelope; `None` when the key, the context or any byte is not what it was sealed with.
pub(super) fn open(
    key: &Key,
    context: &SealContext<'_>,
    envelope: &Envelope<'_>,
) -> Option<SecretSlice<u8>> {
    let data_key = open_data_key(key, context, envelope)?;
    // Decrypted where it stays: a buffer that grows or shrinks leaves copies behind.
    let mut data = SecretSlice::new(envelope.sealed.into());
    let buffer = data.expose_secret_mut();
    decrypt(&data_key, envelope.nonce, &context.for_data(), buffer, envelope.tag)?;
    Some(data)
}

/// Puts a data key under another key; the value behind it stays as it is, byte for byte.
pub(super) fn rewrap(
    key: &Key,
    context: &SealContext<'_>,
    data_key: &[u8; KEY_BYTES],
    key_nonce: &[u8; NONCE_BYTES],
    envelope: &Envelope<'_>,
) -> Result<Vec<u8>> {
    let Envelope { nonce, sealed, tag, .. } = envelope;
    let mut bytes = seal_data_key(key, context, data_key, key_nonce, nonce, sealed.len())?;
    bytes.extend(*sealed);
    bytes.extend(*tag);
    Ok(bytes)
}

/// Seals the data key and writes everything before the sealed value.
fn seal_data_key(
    key: &Key,
    context: &SealContext<'_>,
    data_key: &[u8; KEY_BYTES],
    key_nonce: &[u8; NONCE_BYTES],
    nonce: &[u8; NONCE_BYTES],
    value_bytes: usize,
) -> Result<Vec<u8>> {
    let mut sealed_key = Zeroizing::new(*data_key);
    let bound_to = context.for_data_key(key.id());
    let key_tag = encrypt(key.bytes(), key_nonce, &bound_to, &mut *sealed_key)?;
    Ok(Envelope::header(key.id(), key_nonce, &sealed_key, &key_tag, nonce, value_bytes))
}

/// Opens the data key alone; `None` when the key, the context or the key's part of the envelope is
/// not what it was sealed with.
pub(super) fn open_data_key(
    key: &Key,
    context: &SealContext<'_>,
    envelope: &Envelope<'_>,
) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut data_key = Zeroizing::new(*envelope.sealed_key);
    let bound_to = context.for_data_key(envelope.key_id);
    decrypt(key.bytes(), envelope.key_nonce, &bound_to, &mut *data_key, envelope.key_tag)?;
    Some(data_key)
}

fn encrypt(
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    bound_to: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; TAG_BYTES]> {
    let sealed =
        Aes256Gcm::new(key.into()).encrypt_inout_detached(nonce.into(), bound_to, buffer.into());
    let too_long = || Error::invalid("plaintext", "is longer than AES-GCM can seal");
    sealed.map(Into::into).map_err(|_length| too_long())
}

/// Decrypts in place once the tag is found right; otherwise the buffer is as it was.
fn decrypt(
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    bound_to: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Option<()> {
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(nonce.into(), bound_to, buffer.into(), tag.into())
        .ok()
}
