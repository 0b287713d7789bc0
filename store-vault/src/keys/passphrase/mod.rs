//! Keys derived from a passphrase by Argon2id.

mod derivation;
mod parameters;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use store_core::seal::{Key, KeyRing};
use store_core::{Error, Result};

use super::{KeyProvider, ProvidedKeys, RegisteredKey, blocking};
use derivation::Derivation;
pub use parameters::Argon2Parameters;

/// The fewest characters a passphrase may have.
const MIN_CHARACTERS: usize = 12;

/// What ids of keys begin with; a number follows, from 1.
const ID_PREFIX: &str = "passphrase-";

/// A passphrase, and those that were used before it.
///
/// Keys are named `passphrase-1`, `passphrase-2` and so on. How each was derived, a PHC string of
/// parameters and a random salt, is stored by the vault and comes back as
/// [`RegisteredKey::derivation`]. A new key is derived only when the passphrase fits none that is
/// registered; with a key of its own, the vault can rewrap what older ones sealed.
///
/// A passphrase is what its bytes in UTF-8 are: white space counts, and letters with accents have to
/// be typed in the same form. Whoever reads the vault's tables can guess at it, at the price of one
/// derivation a guess: six random words are better than a sentence.
#[derive(Debug, Clone)]
pub struct Passphrase {
    current: SecretString,
    readable: Arc<[SecretString]>,
    parameters: Argon2Parameters,
}

impl Passphrase {
    /// Takes the passphrase whose key seals.
    ///
    /// # Errors
    /// `Invalid` when it has fewer than 12 characters.
    pub fn new(passphrase: impl Into<SecretString>) -> Result<Self> {
        let current = passphrase.into();
        if current.expose_secret().chars().count() < MIN_CHARACTERS {
            let reason = format!("must have at least {MIN_CHARACTERS} characters");
            return Err(Error::invalid("passphrase", reason));
        }
        let parameters = Argon2Parameters::default();
        Ok(Self { current, readable: Arc::new([]), parameters })
    }

    /// Adds a passphrase that was used before, for keys that are still registered.
    #[must_use]
    pub fn with_readable(mut self, passphrase: impl Into<SecretString>) -> Self {
        let added = [passphrase.into()];
        self.readable = self.readable.iter().cloned().chain(added).collect();
        self
    }

    /// Sets what deriving a new key costs; keys that are registered keep what they were made with.
    ///
    /// # Errors
    /// `Invalid` when a parameter is out of its bounds.
    pub fn with_parameters(mut self, parameters: Argon2Parameters) -> Result<Self> {
        parameters.check().map_err(|reason| Error::invalid("parameters", reason))?;
        self.parameters = parameters;
        Ok(self)
    }

    fn derive(&self, registered: &[RegisteredKey]) -> Result<ProvidedKeys> {
        // Bounds first: no row makes this process work before all of them are known to be sound.
        let derivations = registered.iter().filter(|key| !key.retired).filter_map(Derivation::of);
        let derivations = derivations.collect::<Result<Vec<_>>>()?;
        let mut found = Vec::with_capacity(derivations.len());
        for (key, derivation) in &derivations {
            found.push(self.find(key, derivation)?);
        }
        let newest = (found.iter().filter(|found| found.is_current))
            .max_by_key(|found| number(found.key.id()))
            .map(|found| found.key.id().to_owned());
        if newest.is_none() {
            found.push(self.make(registered)?);
        }
        let current = newest.unwrap_or_else(|| next_id(registered));
        assemble(found, &current)
    }

    /// Derives a registered key with the passphrase that fits it.
    fn find(&self, registered: &RegisteredKey, derivation: &Derivation) -> Result<Found> {
        for (index, passphrase) in [&self.current].into_iter().chain(&*self.readable).enumerate() {
            let key = derivation.derive(&registered.key_id, passphrase)?;
            if key.has_check_value(&registered.check_value) {
                let text = derivation.to_string();
                return Ok(Found { key, derivation: text, is_current: index == 0 });
            }
        }
        let reason = format!(
            "wrong passphrase: none that was given fits the key `{}`; after a change of \
             passphrase the old one is needed as well",
            registered.key_id
        );
        Err(Error::settings("passphrase", reason))
    }

    /// Derives a key that is not registered yet.
    fn make(&self, registered: &[RegisteredKey]) -> Result<Found> {
        let derivation = Derivation::draw(self.parameters)?;
        let key = derivation.derive(&next_id(registered), &self.current)?;
        Ok(Found { key, derivation: derivation.to_string(), is_current: true })
    }
}

#[async_trait]
impl KeyProvider for Passphrase {
    /// Derives every registered key that is not retired, and a new one if none fits the passphrase.
    ///
    /// Of several that fit it, the one with the highest number seals.
    ///
    /// # Errors
    /// `Settings` naming the key for which no passphrase that was given is right; `Corrupt` for a
    /// derivation that is malformed, or whose parameters are out of bounds: 1 GiB of memory, 64
    /// passes, 16 lanes.
    async fn keys(&self, registered: &[RegisteredKey]) -> Result<ProvidedKeys> {
        let (passphrase, registered) = (self.clone(), registered.to_vec());
        blocking(move || passphrase.derive(&registered)).await
    }
}

/// A key, how it is derived, and whether the current passphrase is the one it comes from.
struct Found {
    key: Key,
    derivation: String,
    is_current: bool,
}

/// Makes a ring of the keys with one of them as the current one.
fn assemble(found: Vec<Found>, current: &str) -> Result<ProvidedKeys> {
    let derivations =
        found.iter().map(|found| (found.key.id().to_owned(), found.derivation.clone()));
    let derivations = derivations.collect();
    let (mut first, others): (Vec<_>, Vec<_>) =
        found.into_iter().map(|found| found.key).partition(|key| key.id() == current);
    let missing = || Error::settings("passphrase", "the current key was not derived");
    let ring = KeyRing::new(first.pop().ok_or_else(missing)?);
    let ring = first.into_iter().chain(others).try_fold(ring, KeyRing::with_readable)?;
    Ok(ProvidedKeys { ring, derivations })
}

/// The number in an id of this provider.
fn number(id: &str) -> Option<u64> {
    id.strip_prefix(ID_PREFIX)?.parse().ok()
}

/// The next free id; those of retired keys are not given again.
fn next_id(registered: &[RegisteredKey]) -> String {
    let last = registered.iter().filter_map(|key| number(&key.key_id)).max().unwrap_or(0);
    format!("{ID_PREFIX}{}", last.saturating_add(1))
}
