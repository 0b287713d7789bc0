//! How one key is derived, as a PHC string: `$argon2id$v=19$m=65536,t=3,p=1$<salt>`.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use store_core::seal::Key;
use store_core::{Error, Failure, Message, Result};

use super::{Argon2Parameters, RegisteredKey};

const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// The salts that are read: Argon2 wants 8 bytes, the PHC format allows 48.
const SALT_LENGTHS: std::ops::RangeInclusive<usize> = 8..=48;

/// Parameters and salt; no secret.
pub(super) struct Derivation {
    parameters: Argon2Parameters,
    salt: Vec<u8>,
}

impl Derivation {
    /// Draws a salt for a new key.
    pub(super) fn draw(parameters: Argon2Parameters) -> Result<Self> {
        let mut salt = vec![0; SALT_BYTES];
        let failed = |cause| Error::backend("vault_key_derive", Failure::Other, cause);
        getrandom::fill(&mut salt).map_err(failed)?;
        Ok(Self { parameters, salt })
    }

    /// Reads the derivation of a registered key, if it has one.
    pub(super) fn of(key: &RegisteredKey) -> Option<Result<(&RegisteredKey, Self)>> {
        let corrupt =
            |reason| Error::corrupt("vault_keys", "derivation", &key.key_id, Message(reason));
        let text = key.derivation.as_ref()?;
        Some(Self::parse(text).map(|derivation| (key, derivation)).map_err(corrupt))
    }

    /// Reads exactly what [`Display`](fmt::Display) writes, with parameters within their bounds.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let malformed = || "is not a PHC string of Argon2id, version 19".to_owned();
        let rest = text.strip_prefix("$argon2id$v=19$").ok_or_else(malformed)?;
        let (costs, salt) = rest.split_once('$').ok_or_else(malformed)?;
        let mut costs = costs.split(',');
        let mut cost = |name: &str| costs.next()?.strip_prefix(name).and_then(number);
        let parameters = (|| {
            let (memory_kib, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
            Some(Argon2Parameters { memory_kib, passes, lanes })
        })();
        let parameters = parameters.filter(|_all| costs.next().is_none()).ok_or_else(malformed)?;
        parameters.check()?;
        let salt = STANDARD_NO_PAD.decode(salt).map_err(|_error| malformed())?;
        if !SALT_LENGTHS.contains(&salt.len()) {
            return Err(format!("has a salt of {} bytes, 8 to 48 are read", salt.len()));
        }
        Ok(Self { parameters, salt })
    }

    /// Derives the key; this takes as long as the parameters say.
    pub(super) fn derive(&self, key_id: &str, passphrase: &SecretString) -> Result<Key> {
        let failed = |cause| Error::backend("vault_key_derive", Failure::Other, cause);
        let Argon2Parameters { memory_kib, passes, lanes } = self.parameters;
        let params = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).map_err(failed)?;

        // Memory that is not there is an error here, and not the end of the process.
        let blocks = params.block_count();
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(blocks).map_err(|_cause| failed(argon2::Error::OutOfMemory))?;
        memory.resize_with(blocks, Block::default);

        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        let passphrase = passphrase.expose_secret().as_bytes();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(passphrase, &self.salt, &mut *bytes, &mut memory[..])
            .map_err(failed)?;
        Key::new(key_id, *bytes)
    }
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Argon2Parameters { memory_kib, passes, lanes } = self.parameters;
        let salt = STANDARD_NO_PAD.encode(&self.salt);
        write!(f, "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}")
    }
}

/// A number as PHC strings write it: digits alone, and no zero before them.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_number| plain)
}
