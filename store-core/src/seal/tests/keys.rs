//! Keys, and rings of several.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use super::{PLACE, PLAINTEXT, key, ring};
use crate::Error;
use crate::seal::{Key, KeyRing, key_id};

/// Bytes whose base64 has the characters in which the alphabets differ.
const BYTES: [u8; 32] = [0xfb; 32];

#[track_caller]
fn assert_invalid(result: crate::Result<Key>, name: &str) {
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::Invalid { field, .. } if field == name), "{error}");
}

#[test]
fn a_key_is_read_from_hex_and_from_base64() {
    let hex = hex::encode(BYTES);
    let texts = [
        STANDARD.encode(BYTES),
        STANDARD_NO_PAD.encode(BYTES),
        URL_SAFE.encode(BYTES),
        URL_SAFE_NO_PAD.encode(BYTES),
        hex.to_uppercase(),
        format!(" {hex}\r\n"),
        hex,
    ];
    let expected = Key::new("k", BYTES).unwrap().check_value();
    for text in texts {
        let key = Key::parse("k", &text.into()).unwrap();
        assert_eq!((key.id(), key.check_value()), ("k", expected.clone()));
    }
}

#[test]
fn what_is_not_32_bytes_is_no_key() {
    let hex = hex::encode(BYTES);
    let base64 = STANDARD.encode(BYTES);
    let texts = [
        String::new(),
        "correct horse battery staple".to_owned(),
        hex[..62].to_owned(),
        format!("{hex}00"),
        hex.replacen('f', "g", 1),
        hex.replacen("fb", "+f", 1),
        hex.replacen("fb", "ß", 1),
        STANDARD.encode([1; 31]),
        STANDARD.encode([1; 33]),
        STANDARD_NO_PAD.encode([1; 48]),
        base64.replacen('+', "-", 1),
        base64.replacen('+', " ", 1),
    ];
    for text in texts {
        assert_invalid(Key::parse("k", &text.into()), "key");
    }
}

#[test]
fn ids_of_keys_are_checked() {
    for bad in ["", "a\nb", &"k".repeat(256)] {
        assert_invalid(Key::new(bad, BYTES), "key_id");
        assert_invalid(Key::parse(bad, &hex::encode(BYTES).into()), "key_id");
    }
    assert!(Key::new("k".repeat(255), BYTES).is_ok());
}

#[test]
fn check_values_tell_keys_apart() {
    assert_eq!(key("a", 1).check_value(), key("b", 1).check_value());
    assert_ne!(key("a", 1).check_value(), key("a", 2).check_value());
    assert_eq!(key("a", 1).check_value().len(), 32);
}

#[test]
fn a_key_without_a_name_is_called_by_its_check_value() {
    let key = Key::from_text(&hex::encode(BYTES).into()).unwrap();
    assert_eq!(key.id(), Key::new("k", BYTES).unwrap().check_value());
    assert_invalid(Key::from_text(&SecretString::from("hunter2")), "key");
}

#[test]
fn the_current_key_seals_and_every_key_opens() {
    let old = ring().seal(&PLACE, PLAINTEXT).unwrap();
    let both = KeyRing::new(key("b", 2)).with_readable(key("a", 1)).unwrap();
    let new = both.seal(&PLACE, PLAINTEXT).unwrap();
    assert_eq!((both.current_id(), key_id(&new).unwrap()), ("b", "b"));
    for envelope in [&old, &new] {
        assert_eq!(both.open(&PLACE, envelope).unwrap().expose_secret(), PLAINTEXT);
    }
    assert!(KeyRing::new(key("b", 2)).open(&PLACE, &old).is_err());
}

#[test]
fn a_ring_names_its_keys_and_their_check_values() {
    let ring = ring().with_readable(key("c", 3)).unwrap().with_readable(key("b", 2)).unwrap();
    assert_eq!(ring.key_ids(), ["a", "c", "b"]);
    assert_eq!(ring.check_value("b"), Some(key("b", 2).check_value()));
    assert_eq!(ring.check_value("d"), None);
}

#[test]
fn a_clone_keeps_what_it_had() {
    let before = ring();
    let after = before.clone().with_readable(key("b", 2)).unwrap();
    assert_eq!((before.key_ids().len(), after.key_ids().len()), (1, 2));
}

#[test]
fn an_id_has_one_key() {
    let ring = ring().with_readable(key("b", 2)).unwrap();
    let again = ring.clone().with_readable(key("a", 1)).unwrap().with_readable(key("b", 2));
    assert_eq!(again.unwrap().key_ids(), ["a", "b"]);
    for id in ["a", "b"] {
        let error = ring.clone().with_readable(key(id, 9)).unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "key_id"), "{error}");
    }
}
