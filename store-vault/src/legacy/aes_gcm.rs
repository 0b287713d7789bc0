//! `aes256-gcm.v1`: base64 of a nonce of 12 bytes, the sealed text and a tag of 16 bytes.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;

use super::KEY_BYTES;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Opens a ciphertext; `None` when it is malformed or does not open.
pub(super) fn open(key: &[u8; KEY_BYTES], ciphertext: &str) -> Option<Zeroizing<Vec<u8>>> {
    // Decrypted where it stays.
    let mut bytes = Zeroizing::new(STANDARD.decode(ciphertext).ok()?);
    let (nonce, sealed) = bytes.split_first_chunk_mut::<NONCE_BYTES>()?;
    let (sealed, tag) = sealed.split_last_chunk_mut::<TAG_BYTES>()?;
    let cipher = Aes256Gcm::new(key.into());
    cipher.decrypt_inout_detached((&*nonce).into(), &[], sealed.into(), (&*tag).into()).ok()?;
    let text = NONCE_BYTES..bytes.len() - TAG_BYTES;
    Some(Zeroizing::new(bytes[text].to_vec()))
}
