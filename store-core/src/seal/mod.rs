//! Values that are stored sealed: the envelope, its keys and what it is bound to.
//!
//! A [`KeyRing`] turns plaintext into an envelope, bytes that say which key opens them. Each
//! envelope has a data key of its own, sealed by a key-encryption key ([`Key`]); both are sealed
//! with AES-256-GCM (NIST SP 800-38D). An envelope opens only in the [`SealContext`] it was sealed
//! in: in another row, another field or another version it is `Tampered`. `docs/sealing.md` in
//! the repository describes the bytes.
//!
//! ```
//! use store_core::ExposeSecret;
//! use store_core::seal::{Key, KeyRing, SealContext};
//!
//! # fn main() -> store_core::Result<()> {
//! let ring = KeyRing::new(Key::new("2026-11", [7; 32])?);
//! let place = SealContext { table: "credentials", id: "c-1", field: "secret", version: 1 };
//! let envelope = ring.seal(&place, b"hunter2")?;
//! assert_eq!(ring.open(&place, &envelope)?.expose_secret(), b"hunter2");
//! assert!(ring.open(&SealContext { version: 2, ..place }, &envelope).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! # Keys
//!
//! Nonces are random, so one key may seal 2^32 times at most (SP 800-38D, section 8.3): change the
//! key before that. The old one stays readable with [`KeyRing::with_readable`], until
//! [`KeyRing::rewrap`] has put everything under the new one. A key is 32 random bytes, not a password.

mod address;
mod cipher;
mod context;
mod envelope;
mod key;
mod ring;
mod source;
#[cfg(test)]
mod tests;

pub use context::SealContext;
pub use envelope::{MAX_PLAINTEXT_BYTES, key_id};
pub use key::Key;
pub use ring::KeyRing;
/// Bytes that are overwritten when they are dropped, and that `Debug` does not show.
pub use secrecy::SecretSlice;
