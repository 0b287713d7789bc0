//! An envelope changes its key; its value is not opened for it.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::{PLACE, PLAINTEXT, assert_tampered, is_tampered, key, ring};
use crate::Error;
use crate::seal::{KeyRing, SealContext, key_id};

/// A ring whose current key is `b`, and which still reads what `a` sealed.
fn changed() -> KeyRing {
    KeyRing::new(key("b", 2)).with_readable(key("a", 1)).unwrap()
}

#[test]
fn a_rewrapped_value_opens_with_the_new_key_alone() {
    for plaintext in [b"".as_slice(), PLAINTEXT, &[0xa5; 100_000]] {
        let old = ring().seal(&PLACE, plaintext).unwrap();
        let new = changed().rewrap(&PLACE, &old).unwrap();
        assert_eq!(key_id(&new).unwrap(), "b");
        let alone = KeyRing::new(key("b", 2));
        assert_eq!(alone.open(&PLACE, &new).unwrap().expose_secret(), plaintext);
        let error = ring().open(&PLACE, &new).unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
    }
}

#[test]
fn a_rewrapped_value_opens_in_its_place_only() {
    let old = ring().seal(&PLACE, PLAINTEXT).unwrap();
    let new = changed().rewrap(&PLACE, &old).unwrap();
    for elsewhere in [
        SealContext { table: "templates", ..PLACE },
        SealContext { id: "c-2", ..PLACE },
        SealContext { field: "oauth", ..PLACE },
        SealContext { version: 2, ..PLACE },
    ] {
        assert_tampered(&changed(), &elsewhere, &new);
        // Nor does a rewrap move it: the old envelope is refused there as well.
        is_tampered(&changed().rewrap(&elsewhere, &old).unwrap_err(), &elsewhere);
    }
}

#[test]
fn the_value_keeps_its_bytes_and_the_data_key_gets_a_nonce_of_its_own() {
    let old = ring().seal(&PLACE, PLAINTEXT).unwrap();
    let [first, second] = [(); 2].map(|()| changed().rewrap(&PLACE, &old).unwrap());
    // From the nonce of the value to the end; the ids have the same length.
    assert_eq!(first[66..], old[66..]);
    // The nonce, the sealed data key and its tag are different each time.
    for part in [6..18, 18..50, 50..66] {
        assert_ne!(first[part.clone()], old[part.clone()], "{part:?}");
        assert_ne!(first[part.clone()], second[part.clone()], "{part:?}");
    }
}

#[test]
fn an_envelope_of_the_current_key_is_checked_and_returned_as_it_is() {
    let old = ring().seal(&PLACE, PLAINTEXT).unwrap();
    let new = changed().rewrap(&PLACE, &old).unwrap();
    assert_eq!(changed().rewrap(&PLACE, &new).unwrap(), new);
    assert_eq!(ring().rewrap(&PLACE, &old).unwrap(), old);
    let mut damaged = old;
    damaged[20] ^= 1;
    is_tampered(&ring().rewrap(&PLACE, &damaged).unwrap_err(), &PLACE);
}

#[test]
fn a_value_may_change_its_key_many_times() {
    let mut envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    let ids = ["a", "a longer id", "k", "schlüssel", &"k".repeat(255)];
    for (i, pair) in ids.windows(2).enumerate() {
        let byte = i as u8 + 1;
        let ring = KeyRing::new(key(pair[1], byte + 1)).with_readable(key(pair[0], byte)).unwrap();
        envelope = ring.rewrap(&PLACE, &envelope).unwrap();
        assert_eq!(envelope.len(), 93 + pair[1].len() + PLAINTEXT.len());
        assert_eq!(ring.open(&PLACE, &envelope).unwrap().expose_secret(), PLAINTEXT);
    }
}

#[test]
fn without_the_old_key_the_settings_are_at_fault() {
    let old = ring().seal(&PLACE, PLAINTEXT).unwrap();
    let error = KeyRing::new(key("b", 2)).rewrap(&PLACE, &old).unwrap_err();
    assert_eq!(
        error.to_string(),
        "setting VAULT_KEY: the key `a` is not in the key ring: add it as a readable key"
    );
}

#[test]
fn a_damaged_value_stays_damaged() {
    let mut old = ring().seal(&PLACE, PLAINTEXT).unwrap();
    for byte in [66, 78, old.len() - 1] {
        old[byte] ^= 1;
        let new = changed().rewrap(&PLACE, &old).unwrap();
        assert_tampered(&changed(), &PLACE, &new);
        old[byte] ^= 1;
    }
    assert!(changed().open(&PLACE, &old).is_ok());
}

proptest! {
    #[test]
    fn any_value_keeps_what_it_was(
        id in ".*", field in ".*", version in any::<i64>(),
        plaintext in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let context = SealContext { table: "t", id: &id, field: &field, version };
        let old = ring().seal(&context, &plaintext).unwrap();
        let new = changed().rewrap(&context, &old).unwrap();
        let opened = changed().open(&context, &new).unwrap();
        prop_assert_eq!(opened.expose_secret(), &plaintext);
        let another = SealContext { version: !version, ..context };
        prop_assert!(changed().open(&another, &new).is_err());
    }
}
