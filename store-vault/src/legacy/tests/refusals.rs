//! Damage of any kind is refused, and nothing panics.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use store_core::{Error, ExposeSecret};

use super::{assert_tampered, cipher};

const PASSPHRASE: &str = "correct horse battery staple";

/// `hunter2` in both formats; the first two of `vectors.json`.
const AES_GCM: &str = "/3MnGKmYwRGTcoghITUDYHPp0Cb0tj6RFN0kkHHx6NlBGnc=";
const FERNET: &str = "gAAAAAA4bUOAHrkR18AwWszcXsApGL6Tp4V5JYzB-puJRhjqEiUb6VNGeeFbJDlZ-ux6k_QqTGC_1ggozvAU4LfWcu0pMfC-pw==";

/// Each format, and its bytes to be damaged.
fn formats() -> [(&'static str, Vec<u8>); 2] {
    let [aes_gcm, fernet] = [STANDARD.decode(AES_GCM), URL_SAFE.decode(FERNET)];
    [("aes256-gcm.v1", aes_gcm.unwrap()), ("fernet.v1", fernet.unwrap())]
}

fn encode(algorithm: &str, bytes: &[u8]) -> String {
    if algorithm == "fernet.v1" { URL_SAFE.encode(bytes) } else { STANDARD.encode(bytes) }
}

#[test]
fn every_flipped_bit_every_truncation_and_more_is_refused() {
    let cipher = cipher(PASSPHRASE);
    for (algorithm, bytes) in formats() {
        let opened = cipher.open(algorithm, &encode(algorithm, &bytes)).unwrap();
        assert_eq!(opened.expose_secret(), "hunter2");
        for byte in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[byte] ^= 1 << bit;
                assert_tampered(&cipher, algorithm, &encode(algorithm, &flipped));
            }
            assert_tampered(&cipher, algorithm, &encode(algorithm, &bytes[..byte]));
        }
        assert_tampered(&cipher, algorithm, &encode(algorithm, &[&bytes[..], &[0]].concat()));
    }
}

#[test]
fn what_is_not_base64_is_refused() {
    let cipher = cipher(PASSPHRASE);
    for (algorithm, text) in [("aes256-gcm.v1", AES_GCM), ("fernet.v1", FERNET)] {
        let bad = [
            String::new(),
            "=".to_owned(),
            "🔑".to_owned(),
            text.trim_end_matches('=')[1..].to_owned(),
            format!("{text}{text}"),
            format!("{}\n{}", &text[..20], &text[20..]),
        ];
        for text in bad {
            assert_tampered(&cipher, algorithm, &text);
        }
    }
}

#[test]
fn what_is_sealed_but_no_text_is_refused() {
    let key: [u8; 32] = Sha256::digest(PASSPHRASE).into();
    let (nonce, mut text) = ([7; 12], *b"hunter2\xff");
    let sealed = Aes256Gcm::new(&key.into());
    let tag = sealed.encrypt_inout_detached(&nonce.into(), &[], text.as_mut_slice().into());
    let bytes = [&nonce[..], &text, &tag.unwrap()].concat();
    assert_tampered(&cipher(PASSPHRASE), "aes256-gcm.v1", &STANDARD.encode(bytes));
}

#[test]
fn another_algorithm_is_invalid_and_is_not_repeated() {
    for algorithm in ["", "v1", "aes256-gcm.v2", "FERNET.V1", "hunter2"] {
        let error = cipher(PASSPHRASE).open(algorithm, FERNET).unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "algorithm"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn neither_cipher_nor_text_is_shown() {
    let cipher = cipher("hunter2");
    let key = Sha256::digest("hunter2");
    let shown = format!("{cipher:?} {:?}", cipher.open("fernet.v1", FERNET));
    assert!(!shown.contains("hunter2") && !shown.contains(&format!("{}", key[0])), "{shown}");
    let opened = super::cipher(PASSPHRASE).open("fernet.v1", FERNET).unwrap();
    assert!(!format!("{opened:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn random_bytes_and_random_text_are_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,200}",
    ) {
        let cipher = cipher(PASSPHRASE);
        for (algorithm, _bytes) in formats() {
            prop_assert!(cipher.open(algorithm, &encode(algorithm, &bytes)).is_err());
            prop_assert!(cipher.open(algorithm, &text).is_err());
        }
    }
}
