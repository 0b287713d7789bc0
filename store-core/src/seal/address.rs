//! Addresses of sealed content: equal for equal content, and no help to who lacks the key.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

use super::Key;

/// What the key of addresses is derived with, so that no other use of a key gives the same.
const ADDRESS_FORMAT: &[u8] = b"parallel-stores.seal.v1.address";

/// The block of SHA-256: HMAC fills a shorter key up with zeros.
const BLOCK_BYTES: usize = 64;

/// Computes HMAC-SHA-256 over the parts, each behind its length, with a key derived from `key`.
pub(super) fn address(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    let derived = Zeroizing::new(mac(key.bytes(), |mac| mac.update(ADDRESS_FORMAT)));
    mac(&derived, |mac| {
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
    })
}

fn mac(key: &[u8; 32], message: impl FnOnce(&mut Hmac<Sha256>)) -> [u8; 32] {
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    message(&mut mac);
    mac.finalize().into_bytes().into()
}
