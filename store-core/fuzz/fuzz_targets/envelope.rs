//! Bytes that claim to be an envelope: taken apart, opened, rewrapped.
//!
//! Whatever they are, nothing panics, and what opens is the value that a seed holds.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use store_core::seal::{Key, KeyRing, SealContext, key_id};
use store_core::{Error, ExposeSecret};

/// The place and the value of the seeds; `seeds.py` made them.
const PLACE: SealContext<'static> =
    SealContext { table: "credentials", id: "c-1", field: "secret", version: 1 };
const VALUES: [&[u8]; 2] = [b"", b"hunter2"];

/// `old` opens the seeds, `new` is what they are rewrapped to.
static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let key = |id, byte| Key::new(id, [byte; 32]).expect("the id is short");
    KeyRing::new(key("new", 2)).with_readable(key("old", 1)).expect("the ids differ")
});

fuzz_target!(|bytes: &[u8]| {
    let id = key_id(bytes);
    let opened = RING.open(&PLACE, bytes);
    let rewrapped = RING.rewrap(&PLACE, bytes);

    if let Ok(id) = &id {
        assert!((1..=255).contains(&id.len()) && bytes.len() >= 93 + id.len());
        assert_eq!(bytes[5..5 + id.len()], *id.as_bytes());
    }
    match &opened {
        Ok(value) => assert!(VALUES.contains(&value.expose_secret())),
        Err(Error::Tampered { .. }) => {}
        Err(Error::Settings { .. }) => {
            assert!(!["old", "new"].contains(&id.expect("it has an id")))
        }
        Err(error) => panic!("{error}"),
    }
    match &rewrapped {
        // What was damaged behind the data key stays damaged, what was whole stays whole.
        Ok(new) => {
            assert_eq!(key_id(new).expect("it is an envelope"), "new");
            assert_eq!(RING.open(&PLACE, new).is_ok(), opened.is_ok());
        }
        Err(_error) => assert!(opened.is_err()),
    }
});
