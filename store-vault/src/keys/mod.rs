//! Where the keys of a vault come from.
//!
//! A vault asks its [`KeyProvider`] for a [`KeyRing`], and tells it what its table of keys says. A
//! ring is a provider itself; the others read a file ([`KeyFile`]), run a command
//! ([`KeyCommand`]) or derive keys from a passphrase ([`Passphrase`]). [`provider`] makes the one
//! that the settings name.

mod command;
mod file;
mod passphrase;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use store_core::seal::KeyRing;
use store_core::{Error, Failure, Result};

pub use command::KeyCommand;
pub use file::KeyFile;
pub use passphrase::{Argon2Parameters, Passphrase};
pub use settings::provider;

/// What the vault's table of keys says of one key. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredKey {
    /// The id of the key, as envelopes name it.
    pub key_id: String,
    /// The check value of the key: [`Key::check_value`](store_core::seal::Key::check_value).
    pub check_value: String,
    /// How the key comes from a passphrase: a PHC string of parameters and salt.
    pub derivation: Option<String>,
    /// Whether nothing is sealed by the key any more, so that it may be missing.
    pub retired: bool,
}

/// The keys that a provider has.
#[derive(Debug, Clone)]
pub struct ProvidedKeys {
    /// The keys: the current one, and those that open what was sealed before.
    pub ring: KeyRing,
    /// The derivation of each key that came from a passphrase, by key id: a PHC string of
    /// parameters and salt, to be stored with the key. Without it the key cannot be made again.
    pub derivations: BTreeMap<String, String>,
}

impl From<KeyRing> for ProvidedKeys {
    fn from(ring: KeyRing) -> Self {
        Self { ring, derivations: BTreeMap::new() }
    }
}

/// Gives a vault its keys.
///
/// The vault compares what it gets with the check values it has before it writes anything; a
/// provider need not. `Debug` shows no key and nothing that a key is made of.
#[async_trait]
pub trait KeyProvider: Send + Sync + Debug {
    /// Returns the keys, read anew each time.
    ///
    /// `registered` is what the vault's table of keys says, in any order. Two processes that find
    /// it empty at the same time may make two keys of one id from one passphrase. The one whose
    /// registration comes second has to ask again, with what the first has registered.
    ///
    /// # Errors
    /// `Settings` when the keys cannot be read or are none; further ones as the provider says.
    async fn keys(&self, registered: &[RegisteredKey]) -> Result<ProvidedKeys>;
}

#[async_trait]
impl KeyProvider for KeyRing {
    async fn keys(&self, _registered: &[RegisteredKey]) -> Result<ProvidedKeys> {
        Ok(self.clone().into())
    }
}

#[async_trait]
impl<P: KeyProvider + ?Sized> KeyProvider for Box<P> {
    async fn keys(&self, registered: &[RegisteredKey]) -> Result<ProvidedKeys> {
        (**self).keys(registered).await
    }
}

#[async_trait]
impl<P: KeyProvider + ?Sized> KeyProvider for Arc<P> {
    async fn keys(&self, registered: &[RegisteredKey]) -> Result<ProvidedKeys> {
        (**self).keys(registered).await
    }
}

/// Runs what reads files or computes for long on a thread where that holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    // The cause would be the text of a panic, or that the runtime ends.
    let lost = |_join| Error::failed("vault_keys", Failure::Other);
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}
