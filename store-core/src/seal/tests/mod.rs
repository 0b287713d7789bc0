//! What the envelope and the key ring promise.

mod addresses;
mod keys;
mod opening;
mod redaction;
mod settings;
mod vectors;

use super::{Key, KeyRing, SealContext};

const PLACE: SealContext<'static> =
    SealContext { table: "credentials", id: "c-1", field: "secret", version: 3 };

const PLAINTEXT: &[u8] = b"hunter2";

fn key(id: &str, byte: u8) -> Key {
    Key::new(id, [byte; 32]).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(key("a", 1))
}
