//! Several keys in one text, and check values of a ring.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::{PLACE, PLAINTEXT, key};
use crate::Error;
use crate::seal::{Key, KeyRing};

fn hex(byte: u8) -> String {
    hex::encode([byte; 32])
}

fn ids(bytes: &[u8]) -> Vec<String> {
    bytes.iter().map(|byte| key("k", *byte).check_value()).collect()
}

#[test]
fn the_first_key_seals_and_the_others_are_readable() {
    let (one, two, three) = (hex(1), STANDARD.encode([2; 32]), hex(3));
    let texts = [
        format!("{one},{two},{three}"),
        format!("{one}\n{two}\n{three}\n"),
        format!("  {one} , {two}\r\n\r\n{three}\r\n"),
        format!("\n \t\n{one}\n{two},{three}"),
    ];
    for text in texts {
        let ring = KeyRing::parse(&text.into()).unwrap();
        assert_eq!(ring.key_ids(), ids(&[1, 2, 3]));
        assert_eq!(ring.current_id(), ids(&[1])[0]);
    }
}

#[test]
fn one_key_is_a_ring_of_one() {
    let ring = KeyRing::parse(&hex(1).into()).unwrap();
    assert_eq!(ring.key_ids(), ids(&[1]));
}

#[test]
fn the_same_key_twice_is_one_key() {
    let text = format!("{},{},{}", hex(1), hex(1).to_uppercase(), STANDARD.encode([1; 32]));
    assert_eq!(KeyRing::parse(&text.into()).unwrap().key_ids(), ids(&[1]));
}

#[test]
fn a_ring_that_is_turned_reads_what_the_old_key_sealed() {
    let old = KeyRing::parse(&hex(1).into()).unwrap().seal(&PLACE, PLAINTEXT).unwrap();
    let ring = KeyRing::parse(&format!("{},{}", hex(2), hex(1)).into()).unwrap();
    assert!(ring.open(&PLACE, &old).is_ok());
    let new = ring.rewrap(&PLACE, &old).unwrap();
    assert!(KeyRing::parse(&hex(2).into()).unwrap().open(&PLACE, &new).is_ok());
}

#[test]
fn what_is_no_key_is_refused_and_its_number_is_told() {
    let one = hex(1);
    let texts = [
        (String::new(), "key is invalid: is empty"),
        (" \n ".to_owned(), "key is invalid: is empty"),
        ("hunter2".to_owned(), "key is invalid: must be 32 bytes"),
        (",".to_owned(), "key 1 of 2 is invalid"),
        // A variable that was meant to hold a key was not set.
        (format!("{one},"), "key 2 of 2 is invalid"),
        (format!(",{one}"), "key 1 of 2 is invalid"),
        (format!("{one},,{one}"), "key 2 of 3 is invalid"),
        (format!("{one}\nhunter2\n"), "key 2 of 2 is invalid"),
        (format!("{one} {one}"), "key is invalid"),
        (format!("{one};{one}"), "key is invalid"),
    ];
    for (text, expected) in texts {
        let error = KeyRing::parse(&SecretString::from(text)).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_check_value_is_compared_whole() {
    let key = Key::new("k", [1; 32]).unwrap();
    let value = key.check_value();
    assert!(key.has_check_value(&value));
    for other in ["", &value[..31], &format!("{value}0"), &value.to_uppercase(), &ids(&[2])[0]] {
        assert!(!key.has_check_value(other), "{other}");
    }
    let ring = KeyRing::new(key);
    assert_eq!(ring.has_check_value("k", &value), Some(true));
    assert_eq!(ring.has_check_value("k", &ids(&[2])[0]), Some(false));
    assert_eq!(ring.has_check_value("other", &value), None);
}
