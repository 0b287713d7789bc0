//! Values that must not be shown, and where the vault's key comes from.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

/// A text that `Debug` does not show, and that is overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// Returns the text.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Where the vault's key comes from.
///
/// Each may give several keys, separated by commas or line ends: the first seals, the others open
/// what was sealed before.
#[derive(Clone)]
pub enum VaultKeySource {
    /// The key itself.
    Raw(Secret),
    /// A file that holds the key.
    File(PathBuf),
    /// A command that prints the key.
    Command(String),
}

impl fmt::Debug for VaultKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw(_) => f.write_str("Raw(***)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            // A command line may carry a token.
            Self::Command(_) => f.write_str("Command(***)"),
        }
    }
}
