//! A key or a plaintext is in no `Debug` and no error.

use std::fmt::Debug;

use secrecy::SecretString;

use super::{PLACE, key, ring};
use crate::Settings;
use crate::seal::{Key, KeyRing, MAX_PLAINTEXT_BYTES};

const SECRET: &str = "hunter2";

#[track_caller]
fn assert_redacted(shown: &dyn Debug, secrets: &[&str]) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        for secret in secrets {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn keys_and_rings_show_ids_only() {
    let ring = KeyRing::new(key("a", 0xab)).with_readable(key("b", 0xab)).unwrap();
    assert_eq!(format!("{:?}", key("a", 0xab)), "Key { id: \"a\", .. }");
    // The bytes as numbers, as hex and as base64.
    assert_redacted(&ring, &["171", "abab", "q6ur"]);
    assert!(format!("{ring:?}").contains("\"b\""));
}

#[test]
fn opened_values_are_not_shown() {
    let envelope = ring().seal(&PLACE, SECRET.as_bytes()).unwrap();
    let opened = ring().open(&PLACE, &envelope).unwrap();
    assert_redacted(&opened, &[SECRET, "104, 117"]);
}

#[test]
fn errors_show_neither_keys_nor_values() {
    let text = || SecretString::from(SECRET);
    let settings = Settings::builder().vault_key(SECRET).build().unwrap();
    let too_long = SECRET.repeat(MAX_PLAINTEXT_BYTES / SECRET.len() + 1);
    let mut envelope = ring().seal(&PLACE, SECRET.as_bytes()).unwrap();
    envelope[90] ^= 1;
    let errors = [
        Key::parse("k", &text()).unwrap_err(),
        Key::from_text(&text()).unwrap_err(),
        KeyRing::from_settings(&settings).unwrap_err(),
        ring().with_readable(key("a", 0xab)).unwrap_err(),
        ring().seal(&PLACE, too_long.as_bytes()).unwrap_err(),
        ring().open(&PLACE, &envelope).unwrap_err(),
        KeyRing::new(key("b", 1)).open(&PLACE, &envelope).unwrap_err(),
    ];
    for error in errors {
        assert_redacted(&error, &[SECRET, "171", "abab"]);
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
}
