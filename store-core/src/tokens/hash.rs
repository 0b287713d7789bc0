use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a whole token: all that is stored of its secret.
///
/// A token has at least 256 bits of randomness, so that a plain hash cannot be searched. `Debug`
/// shows the first four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretHash([u8; Self::BYTES]);

impl SecretHash {
    /// The length of a hash.
    pub const BYTES: usize = 32;

    /// Hashes a token as it is presented.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Wraps a hash that was made elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "SecretHash({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}
