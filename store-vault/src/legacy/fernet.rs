//! `fernet.v1`: tokens of Fernet (<https://github.com/fernet/spec>), by SHA-256 of a passphrase.
//!
//! A token is base64url of a version, the seconds of its making, an initialization vector, the text
//! by AES-128-CBC with PKCS #7 padding, and an HMAC-SHA-256 of all before it. The first half of the
//! key is the HMAC's, the second half is that of AES.

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

use super::KEY_BYTES;

const VERSION: u8 = 0x80;
const SECONDS_BYTES: usize = 8;
const BLOCK_BYTES: usize = 16;
const HMAC_BYTES: usize = 32;
const HALF: usize = KEY_BYTES / 2;

/// Opens a token of any age; `None` when it is malformed or does not open.
pub(super) fn open(key: &[u8; KEY_BYTES], token: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(URL_SAFE.decode(token).ok()?);
    let (signing, encryption) = key.split_first_chunk::<HALF>()?;
    let encryption = encryption.first_chunk::<HALF>()?;

    let (signed, code) = bytes.split_last_chunk_mut::<HMAC_BYTES>()?;
    // Before anything of it is used, and in constant time.
    let mut mac = Hmac::<Sha256>::new_from_slice(signing).ok()?;
    mac.update(signed);
    mac.verify_slice(code).ok()?;

    let (&mut version, rest) = signed.split_first_mut()?;
    let (_seconds, rest) = rest.split_first_chunk_mut::<SECONDS_BYTES>()?;
    let (vector, sealed) = rest.split_first_chunk_mut::<BLOCK_BYTES>()?;
    if version != VERSION {
        return None;
    }
    let cipher = Decryptor::<Aes128>::new(encryption.into(), (&*vector).into());
    let text = cipher.decrypt_padded::<Pkcs7>(sealed).ok()?;
    Some(Zeroizing::new(text.to_vec()))
}
