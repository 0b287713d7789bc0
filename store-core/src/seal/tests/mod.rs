//! What the envelope and the key ring promise.

mod addresses;
mod keys;
mod opening;
mod redaction;
mod refusals;
mod rewrapping;
mod settings;
mod several;
mod vectors;

use super::{Key, KeyRing, SealContext};
use crate::Error;

const PLACE: SealContext<'static> =
    SealContext { table: "credentials", id: "c-1", field: "secret", version: 3 };

const PLAINTEXT: &[u8] = b"hunter2";

fn key(id: &str, byte: u8) -> Key {
    Key::new(id, [byte; 32]).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(key("a", 1))
}

#[track_caller]
fn assert_tampered(ring: &KeyRing, context: &SealContext<'_>, envelope: &[u8]) {
    is_tampered(&ring.open(context, envelope).unwrap_err(), context);
}

/// An error that names the place, and nothing else.
#[track_caller]
fn is_tampered(error: &Error, context: &SealContext<'_>) {
    let Error::Tampered { entity, id } = error else { panic!("{error}") };
    assert_eq!((*entity, id.as_str()), (context.table, context.id));
}
