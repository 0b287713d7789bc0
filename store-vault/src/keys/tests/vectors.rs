//! Known derivations, made by `vectors.py` from docs/sealing.md.

use super::registered;
use crate::keys::{KeyProvider, Passphrase, RegisteredKey};

#[derive(serde::Deserialize)]
struct Vector {
    passphrase: String,
    derivation: String,
    check_value: String,
}

#[tokio::test]
async fn known_passphrases_derive_known_keys() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() >= 5);
    for Vector { passphrase, derivation, check_value } in vectors {
        let vault = RegisteredKey {
            check_value: check_value.clone(),
            derivation: Some(derivation.clone()),
            ..registered("passphrase-1")
        };
        let keys = Passphrase::new(passphrase).unwrap().keys(&[vault]).await.unwrap();
        assert_eq!(keys.ring.check_value("passphrase-1"), Some(check_value));
        assert_eq!(keys.derivations["passphrase-1"], derivation);
    }
}
