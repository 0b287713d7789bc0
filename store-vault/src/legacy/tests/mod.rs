//! What opens of the old formats, and what does not.

mod refusals;
mod spec;
mod vectors;

use store_core::{Error, SecretString};

use super::LegacyCipher;

fn cipher(passphrase: &str) -> LegacyCipher {
    LegacyCipher::new(&SecretString::from(passphrase))
}

/// The error names the algorithm and nothing that was in the envelope.
#[track_caller]
fn assert_tampered(cipher: &LegacyCipher, algorithm: &str, ciphertext: &str) {
    let error = cipher.open(algorithm, ciphertext).unwrap_err();
    let Error::Tampered { entity, id } = &error else { panic!("{error}") };
    assert_eq!((*entity, id.as_str()), ("legacy envelope", algorithm));
}
