//! Addresses of sealed content.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{key, ring};
use crate::seal::KeyRing;

/// Computed by the page `docs/sealing.md` alone.
fn expected(key: [u8; 32], message: &[u8]) -> Vec<u8> {
    let mac = |key: &[u8], message: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    };
    mac(&mac(&key, b"parallel-stores.seal.v1.address"), message)
}

#[test]
fn an_address_is_an_hmac_by_a_key_of_its_own() {
    let message = b"\0\0\0\0\0\0\0\x04json\0\0\0\0\0\0\0\x02{}";
    assert_eq!(ring().address(&[b"json", b"{}"]).to_vec(), expected([1; 32], message));
}

#[test]
fn equal_content_has_one_address_and_other_content_another() {
    let ring = ring();
    assert_eq!(ring.address(&[b"ab", b"c"]), ring.address(&[b"ab", b"c"]));
    let others: [&[&[u8]]; 5] =
        [&[b"a", b"bc"], &[b"abc"], &[b"abc", b""], &[b"", b"abc"], &[b"ab", b"c", b""]];
    for other in others {
        assert_ne!(ring.address(&[b"ab", b"c"]), ring.address(other));
    }
}

#[test]
fn addresses_belong_to_the_current_key() {
    let changed = KeyRing::new(key("b", 2)).with_readable(key("a", 1)).unwrap();
    assert_ne!(changed.address(&[b"x"]), ring().address(&[b"x"]));
    let named_anew = KeyRing::new(key("other", 1));
    assert_eq!(named_anew.address(&[b"x"]), ring().address(&[b"x"]));
}
