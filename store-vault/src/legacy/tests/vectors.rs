//! Known envelopes, made by `vectors.py` with Python's `cryptography`.

use store_core::ExposeSecret;

use super::{assert_tampered, cipher};

#[derive(serde::Deserialize)]
struct Vector {
    algorithm: String,
    passphrase: String,
    text: String,
    ciphertext: String,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() >= 16);
    vectors
}

#[test]
fn known_envelopes_open() {
    for Vector { algorithm, passphrase, text, ciphertext } in vectors() {
        let cipher = cipher(&passphrase);
        let opened = cipher.open(&algorithm, &ciphertext).unwrap();
        assert_eq!(opened.expose_secret(), text, "{algorithm}");
        let opened = cipher.open(&algorithm, &format!(" {ciphertext}\n")).unwrap();
        assert_eq!(opened.expose_secret(), text, "{algorithm}");
    }
}

#[test]
fn another_passphrase_or_the_other_format_does_not_open_them() {
    for Vector { algorithm, passphrase, ciphertext, .. } in vectors() {
        assert_tampered(&cipher(&format!("{passphrase} ")), &algorithm, &ciphertext);
        let other = if algorithm == "fernet.v1" { "aes256-gcm.v1" } else { "fernet.v1" };
        assert_tampered(&cipher(&passphrase), other, &ciphertext);
    }
}
