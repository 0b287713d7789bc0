//! What each provider gives, refuses and hides.

#[cfg(unix)]
mod command;
mod file;
mod passphrase;
mod redaction;
mod settings;
mod vectors;

use std::sync::Arc;

use store_core::seal::{Key, KeyRing, SealContext};
use store_core::{Error, Result};

use super::{KeyProvider, ProvidedKeys, RegisteredKey};

const PLACE: SealContext<'static> =
    SealContext { table: "credentials", id: "c-1", field: "secret", version: 1 };

/// A key as text, and the id it gets.
fn hex(byte: u8) -> String {
    hex::encode([byte; 32])
}

fn id(byte: u8) -> String {
    Key::new("k", [byte; 32]).unwrap().check_value()
}

fn registered(key_id: &str) -> RegisteredKey {
    let (check_value, derivation) = ("00".repeat(16), None);
    RegisteredKey { key_id: key_id.to_owned(), check_value, derivation, retired: false }
}

/// What a vault would have registered of these keys.
fn register(keys: &ProvidedKeys) -> Vec<RegisteredKey> {
    let ids = keys.ring.key_ids().into_iter();
    ids.map(|key_id| RegisteredKey {
        check_value: keys.ring.check_value(&key_id).unwrap(),
        derivation: keys.derivations.get(&key_id).cloned(),
        key_id,
        retired: false,
    })
    .collect()
}

/// The reason of a `Settings` error that names this variable.
#[track_caller]
fn refused(result: Result<ProvidedKeys>, name: &str) -> String {
    let error = result.unwrap_err();
    let Error::Settings { variable, reason } = error else { panic!("{error}") };
    assert_eq!(variable, name);
    reason
}

#[tokio::test]
async fn a_ring_provides_itself_behind_a_box_and_an_arc_too() {
    let ring = KeyRing::new(Key::new("a", [1; 32]).unwrap());
    let boxed: Box<dyn KeyProvider> = Box::new(ring.clone());
    for provider in [boxed, Box::new(Arc::new(ring.clone())), Box::new(Box::new(ring))] {
        let keys = provider.keys(&[registered("b")]).await.unwrap();
        assert_eq!(keys.ring.key_ids(), ["a"]);
        assert!(keys.derivations.is_empty());
    }
}
