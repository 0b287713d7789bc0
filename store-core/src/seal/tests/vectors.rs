//! Known envelopes, made by `vectors.py` from docs/sealing.md.

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use crate::seal::cipher::{self, Fresh};
use crate::seal::{Key, KeyRing, SealContext, key_id};

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    key_id: String,
    key: String,
    check_value: String,
    table: String,
    id: String,
    field: String,
    version: i64,
    data_key: String,
    key_nonce: String,
    nonce: String,
    plaintext: String,
    envelope: String,
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[test]
fn known_envelopes_are_sealed_and_opened_alike() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() >= 5);
    for vector in &vectors {
        let Vector { name, id, field, version, .. } = vector;
        let table = vector.table.clone().leak();
        let key = Key::new(&vector.key_id, bytes(&vector.key)).unwrap();
        let context = SealContext { table, id, field, version: *version };
        let fresh = Fresh {
            data_key: Zeroizing::new(bytes(&vector.data_key)),
            key_nonce: bytes(&vector.key_nonce),
            nonce: bytes(&vector.nonce),
        };
        let plaintext = hex::decode(&vector.plaintext).unwrap();
        let envelope = hex::decode(&vector.envelope).unwrap();

        assert_eq!(key.check_value(), vector.check_value, "{name}");
        assert_eq!(key_id(&envelope).unwrap(), vector.key_id, "{name}");
        let sealed = cipher::seal(&key, &context, &plaintext, &fresh).unwrap();
        assert_eq!(hex::encode(sealed), vector.envelope, "{name}");
        let opened = KeyRing::new(key).open(&context, &envelope).unwrap();
        assert_eq!(opened.expose_secret(), plaintext, "{name}");
    }
}
