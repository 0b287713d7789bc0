//! What is not the envelope of this place is refused, by `open` and by `rewrap`.

use proptest::prelude::*;

use super::{PLACE, PLAINTEXT, assert_tampered, is_tampered, key, ring};
use crate::Error;
use crate::seal::{KeyRing, SealContext, key_id};

/// With an id of several bytes, so that its length and each of its letters can be changed.
const ID: &str = "key-1";

/// Where the value begins: behind it `rewrap` sees nothing.
const VALUE: usize = 65 + ID.len();

/// The ring that sealed, and one whose current key is another.
fn rings() -> [KeyRing; 2] {
    let old = || key(ID, 1);
    [KeyRing::new(old()), KeyRing::new(key("key-2", 2)).with_readable(old()).unwrap()]
}

fn sealed(plaintext: &[u8]) -> Vec<u8> {
    rings()[0].seal(&PLACE, plaintext).unwrap()
}

/// Both operations refuse with `Tampered`; if the value alone is damaged, `rewrap` keeps it so.
#[track_caller]
fn assert_refused(context: &SealContext<'_>, envelope: &[u8], first_change: usize) {
    for ring in rings() {
        assert_tampered(&ring, context, envelope);
        match ring.rewrap(context, envelope) {
            Ok(rewrapped) => {
                assert!(first_change >= VALUE, "a change at {first_change} is rewrapped");
                assert_tampered(&ring, context, &rewrapped);
            }
            Err(error) => is_tampered(&error, context),
        }
    }
}

#[test]
fn in_another_place_it_is_tampered_with() {
    let envelope = sealed(PLAINTEXT);
    let elsewhere = [
        SealContext { table: "templates", ..PLACE },
        SealContext { id: "c-2", ..PLACE },
        SealContext { field: "oauth", ..PLACE },
        SealContext { version: 2, ..PLACE },
        SealContext { version: 4, ..PLACE },
        SealContext { version: -3, ..PLACE },
        SealContext { table: "", ..PLACE },
        // The same letters, cut elsewhere.
        SealContext { table: "credentialsc", id: "-1", ..PLACE },
        SealContext { id: "c-1s", field: "ecret", ..PLACE },
        SealContext { id: "", field: "c-1secret", ..PLACE },
        // The texts of one, swapped.
        SealContext { id: "secret", field: "c-1", ..PLACE },
    ];
    for context in elsewhere {
        assert_refused(&context, &envelope, 0);
    }
}

#[test]
fn two_rows_that_swap_their_envelopes_are_both_refused() {
    let there = SealContext { id: "c-2", ..PLACE };
    let [here, other] = [PLACE, there].map(|place| rings()[0].seal(&place, PLAINTEXT).unwrap());
    assert_refused(&PLACE, &other, 0);
    assert_refused(&there, &here, 0);
}

#[test]
fn every_flipped_bit_is_refused() {
    for plaintext in [b"".as_slice(), PLAINTEXT, &[0; 64]] {
        let envelope = sealed(plaintext);
        for byte in 0..envelope.len() {
            for bit in 0..8 {
                let mut flipped = envelope.clone();
                flipped[byte] ^= 1 << bit;
                match key_id(&flipped) {
                    // Another id, which no ring has: that is all that can be said.
                    Ok(id) if id != ID => assert_missing(&flipped, id),
                    _ => assert_refused(&PLACE, &flipped, byte),
                }
            }
        }
    }
}

#[track_caller]
fn assert_missing(envelope: &[u8], id: &str) {
    for ring in rings() {
        let errors =
            [ring.open(&PLACE, envelope).unwrap_err(), ring.rewrap(&PLACE, envelope).unwrap_err()];
        for error in errors {
            let Error::Settings { variable, reason } = error else { panic!("{error}") };
            assert_eq!(variable, "VAULT_KEY");
            assert!(reason.contains(&format!("`{id}`")), "{reason}");
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let envelope = sealed(PLAINTEXT);
    for length in 0..envelope.len() {
        assert_refused(&PLACE, &envelope[..length], length);
        if length > 0 {
            assert_refused(&PLACE, &envelope[envelope.len() - length..], 0);
        }
    }
}

#[test]
fn appended_bytes_are_refused() {
    let envelope = sealed(PLAINTEXT);
    for extra in [1, 2, 15, 16, 17, 1000] {
        for byte in [0, 0xff] {
            let longer = [&envelope[..], &vec![byte; extra]].concat();
            assert_refused(&PLACE, &longer, envelope.len());
        }
    }
    assert_refused(&PLACE, &[&envelope[..], &envelope].concat(), envelope.len());
    assert_refused(&PLACE, &[&[0], &envelope[..]].concat(), 0);
}

#[test]
fn parts_of_two_envelopes_of_one_place_do_not_fit_together() {
    let [first, second] = [(); 2].map(|()| sealed(PLAINTEXT));
    let (nonce, key_tag) = (5 + ID.len(), 49 + ID.len());
    for cut in [nonce + 12, key_tag, VALUE, VALUE + 12, VALUE + 12 + PLAINTEXT.len()] {
        assert_refused(&PLACE, &[&first[..cut], &second[cut..]].concat(), cut);
    }
}

#[test]
fn another_key_of_the_same_id_does_not_open_it() {
    let envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    for wrong in
        [KeyRing::new(key("a", 2)), KeyRing::new(key("b", 1)).with_readable(key("a", 2)).unwrap()]
    {
        assert_tampered(&wrong, &PLACE, &envelope);
        is_tampered(&wrong.rewrap(&PLACE, &envelope).unwrap_err(), &PLACE);
    }
}

#[test]
fn the_same_key_under_another_id_does_not_open_it() {
    let mut envelope = ring().seal(&PLACE, PLAINTEXT).unwrap();
    envelope[5] = b'b';
    let renamed = KeyRing::new(key("b", 1));
    assert_tampered(&renamed, &PLACE, &envelope);
    is_tampered(&renamed.rewrap(&PLACE, &envelope).unwrap_err(), &PLACE);
}

proptest! {
    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(key_id(&bytes).is_err());
        for ring in rings() {
            prop_assert!(ring.open(&PLACE, &bytes).is_err());
            prop_assert!(ring.rewrap(&PLACE, &bytes).is_err());
        }
    }

    #[test]
    fn random_bytes_behind_the_magic_are_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..300), known in any::<bool>(),
    ) {
        // With an id the ring has, and with one that is as random as the rest.
        let head = if known { b"PSE\x01\x05key-1".as_slice() } else { b"PSE\x01" };
        let bytes = [head, &bytes].concat();
        for ring in rings() {
            prop_assert!(ring.open(&PLACE, &bytes).is_err());
            prop_assert!(ring.rewrap(&PLACE, &bytes).is_err());
        }
        if known {
            prop_assert_eq!(key_id(&bytes).is_ok(), bytes.len() >= 93 + ID.len());
        }
    }

    #[test]
    fn a_changed_envelope_is_refused(
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
        plaintext in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut envelope = sealed(&plaintext);
        let at = at.index(envelope.len());
        prop_assume!(envelope[at] != byte);
        envelope[at] = byte;
        prop_assert!(rings()[0].open(&PLACE, &envelope).is_err());
        let rewrapped = rings()[1].rewrap(&PLACE, &envelope);
        prop_assert!(rewrapped.is_err() || at >= VALUE);
    }
}
