//! Where an envelope opens, and what an envelope is.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::{PLACE, PLAINTEXT, assert_tampered, key, ring};
use crate::Error;
use crate::seal::{KeyRing, MAX_PLAINTEXT_BYTES, SealContext, key_id};

#[test]
fn a_value_opens_where_it_was_sealed() {
    let long = vec![0xa5; 100_000];
    for plaintext in [b"".as_slice(), PLAINTEXT, &long] {
        let envelope = ring().seal(&PLACE, plaintext).unwrap();
        assert_eq!(envelope.len(), 93 + "a".len() + plaintext.len());
        assert_eq!(ring().open(&PLACE, &envelope).unwrap().expose_secret(), plaintext);
    }
}

#[test]
fn every_envelope_has_its_own_data_key_and_nonces() {
    let [first, second] = [(); 2].map(|()| ring().seal(&PLACE, PLAINTEXT).unwrap());
    // Behind the magic and the key's id: nonce, data key, tag, nonce, value, tag.
    let parts = [6..18, 18..50, 50..66, 66..78, 78..85, 85..101];
    for part in parts {
        assert_ne!(first[part.clone()], second[part.clone()], "{part:?}");
    }
}

#[test]
fn a_missing_key_is_a_mistake_in_the_settings() {
    let envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    let error = KeyRing::new(key("b", 1)).open(&PLACE, &envelope).unwrap_err();
    assert_eq!(
        error.to_string(),
        "setting VAULT_KEY: the key `a` is not in the key ring: add it as a readable key"
    );
}

#[test]
fn sixteen_mebibytes_are_sealed_and_no_byte_more() {
    let mut plaintext = vec![7; MAX_PLAINTEXT_BYTES];
    let mut envelope = ring().seal(&PLACE, &plaintext).unwrap();
    assert_eq!(key_id(&envelope).unwrap(), "a");
    envelope.push(0);
    assert_tampered(&ring(), &PLACE, &envelope);
    plaintext.push(7);
    let error = ring().seal(&PLACE, &plaintext).unwrap_err();
    assert!(matches!(&error, Error::Invalid { field, .. } if field == "plaintext"), "{error}");
}

#[test]
fn the_key_of_an_envelope_is_told_without_the_key() {
    let envelope = KeyRing::new(key("schlüssel 🔑", 1)).seal(&PLACE, PLAINTEXT).unwrap();
    assert_eq!(key_id(&envelope).unwrap(), "schlüssel 🔑");
    for bytes in [b"".as_slice(), b"PSE\x02", &envelope[..envelope.len() - PLAINTEXT.len() - 1]] {
        let error = key_id(bytes).unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "envelope"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_value_opens_in_any_place(
        id in ".*", field in ".*", version in any::<i64>(),
        plaintext in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let context = SealContext { table: "t", id: &id, field: &field, version };
        let envelope = ring().seal(&context, &plaintext).unwrap();
        let opened = ring().open(&context, &envelope).unwrap();
        prop_assert_eq!(opened.expose_secret(), &plaintext);
    }
}
