//! Where an envelope opens, and where it is refused.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::{PLACE, PLAINTEXT, key, ring};
use crate::Error;
use crate::seal::{KeyRing, MAX_PLAINTEXT_BYTES, SealContext, key_id};

#[track_caller]
fn assert_tampered(ring: &KeyRing, context: &SealContext<'_>, envelope: &[u8]) {
    let error = ring.open(context, envelope).unwrap_err();
    let Error::Tampered { entity, id } = &error else { panic!("{error}") };
    assert_eq!((*entity, id.as_str()), (context.table, context.id));
}

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
fn in_another_place_it_is_tampered_with() {
    let envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    let elsewhere = [
        SealContext { table: "templates", ..PLACE },
        SealContext { id: "c-2", ..PLACE },
        SealContext { field: "oauth", ..PLACE },
        SealContext { version: 2, ..PLACE },
        SealContext { version: -3, ..PLACE },
        // The same letters, cut elsewhere.
        SealContext { table: "credentialsc", id: "-1", ..PLACE },
        SealContext { id: "c-1s", field: "ecret", ..PLACE },
        SealContext { id: "", field: "c-1secret", ..PLACE },
    ];
    for context in elsewhere {
        assert_tampered(&ring(), &context, &envelope);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    // The length and the text of the key's id: another id may be one that the ring lacks.
    let names_the_key = 4..6;
    for byte in 0..envelope.len() {
        for bit in 0..8 {
            let mut flipped = envelope.clone();
            flipped[byte] ^= 1 << bit;
            match ring().open(&PLACE, &flipped).unwrap_err() {
                Error::Tampered { .. } => {}
                Error::Settings { .. } if names_the_key.contains(&byte) => {}
                error => panic!("bit {bit} of byte {byte}: {error}"),
            }
        }
    }
}

#[test]
fn parts_of_two_envelopes_of_one_place_do_not_fit_together() {
    let [first, second] = [(); 2].map(|()| ring().seal(&PLACE, PLAINTEXT).unwrap());
    for cut in [18, 50, 66, 78, 85] {
        assert_tampered(&ring(), &PLACE, &[&first[..cut], &second[cut..]].concat());
    }
}

#[test]
fn every_truncation_is_refused_and_so_is_more() {
    let envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    for length in 0..envelope.len() {
        assert_tampered(&ring(), &PLACE, &envelope[..length]);
    }
    assert_tampered(&ring(), &PLACE, &[&envelope[..], &[0]].concat());
}

#[test]
fn another_key_of_the_same_id_does_not_open_it() {
    let envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    assert_tampered(&KeyRing::new(key("a", 2)), &PLACE, &envelope);
}

#[test]
fn the_same_key_under_another_id_does_not_open_it() {
    let mut envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    envelope[5] = b'b';
    assert_tampered(&KeyRing::new(key("b", 1)), &PLACE, &envelope);
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
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(ring().open(&PLACE, &bytes).is_err());
        prop_assert!(key_id(&bytes).is_err());
    }

    #[test]
    fn random_bytes_behind_the_magic_are_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [b"PSE\x01\x01a".as_slice(), &bytes].concat();
        prop_assert!(ring().open(&PLACE, &bytes).is_err());
        prop_assert_eq!(key_id(&bytes).is_ok(), bytes.len() >= 94);
    }

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
