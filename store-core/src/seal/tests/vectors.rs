//! Known envelopes, as sealed and as rewrapped, made by `vectors.py` from docs/sealing.md.

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use crate::seal::cipher::{self, Fresh};
use crate::seal::envelope::Envelope;
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
    rewrapped: Rewrapped,
}

/// The same envelope under another key.
#[derive(serde::Deserialize)]
struct Rewrapped {
    key_id: String,
    key: String,
    key_nonce: String,
    envelope: String,
}

impl Vector {
    fn context(&self) -> SealContext<'_> {
        let Self { id, field, version, .. } = self;
        SealContext { table: self.table.clone().leak(), id, field, version: *version }
    }

    fn key(&self) -> Key {
        Key::new(&self.key_id, bytes(&self.key)).unwrap()
    }

    fn new_key(&self) -> Key {
        Key::new(&self.rewrapped.key_id, bytes(&self.rewrapped.key)).unwrap()
    }
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() >= 5);
    vectors
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[test]
fn known_envelopes_are_sealed_and_opened_alike() {
    for vector in vectors() {
        let (name, context, key) = (&vector.name, vector.context(), vector.key());
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

#[test]
fn known_envelopes_are_rewrapped_alike() {
    for vector in vectors() {
        let (name, context) = (&vector.name, vector.context());
        let envelope = hex::decode(&vector.envelope).unwrap();
        let parts = Envelope::parse(&envelope).unwrap();
        let data_key = cipher::open_data_key(&vector.key(), &context, &parts).unwrap();
        assert_eq!(hex::encode(*data_key), vector.data_key, "{name}");
        let nonce = bytes(&vector.rewrapped.key_nonce);
        let new = cipher::rewrap(&vector.new_key(), &context, &data_key, &nonce, &parts).unwrap();
        assert_eq!(hex::encode(new), vector.rewrapped.envelope, "{name}");
    }
}

#[test]
fn known_rewrapped_envelopes_open_and_go_back() {
    for vector in vectors() {
        let (name, context) = (&vector.name, vector.context());
        let envelope = hex::decode(&vector.rewrapped.envelope).unwrap();
        let opened = KeyRing::new(vector.new_key()).open(&context, &envelope).unwrap();
        assert_eq!(hex::encode(opened.expose_secret()), vector.plaintext, "{name}");

        let parts = Envelope::parse(&envelope).unwrap();
        let data_key = cipher::open_data_key(&vector.new_key(), &context, &parts).unwrap();
        let nonce = bytes(&vector.key_nonce);
        let old = cipher::rewrap(&vector.key(), &context, &data_key, &nonce, &parts).unwrap();
        assert_eq!(hex::encode(old), vector.envelope, "{name}");
    }
}
