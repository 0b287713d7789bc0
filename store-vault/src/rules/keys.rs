//! What the keys of a vault have to be before anything is written.

use store_core::seal::KeyRing;
use store_core::{Error, Result};

use crate::keys::{ProvidedKeys, RegisteredKey};

/// The most credentials that one transaction of a rewrap holds.
const BATCH_MAX: u32 = 1000;
/// The most credentials that a rewrap names.
pub(crate) const TAMPERED_MAX: usize = 100;

/// Checks that a ring opens everything that the vault has sealed.
pub(crate) fn checked_keys(keys: &KeyRing, registered: &[RegisteredKey]) -> Result<()> {
    for known in registered {
        let id = &known.key_id;
        match keys.has_check_value(id, &known.check_value) {
            Some(true) => {}
            None if known.retired => {}
            Some(false) => {
                let reason = format!(
                    "the key `{id}` is not the key with this id that the vault was sealed with"
                );
                return Err(Error::settings("VAULT_KEY", reason));
            }
            None => {
                let reason = format!(
                    "the vault holds values that are sealed with the key `{id}`, which is not in \
                     the key ring: add it, as the current or as a readable key"
                );
                return Err(Error::settings("VAULT_KEY", reason));
            }
        }
    }
    Ok(())
}

/// Returns the current key as it is to be registered, unless the vault knows it.
pub(crate) fn unregistered(
    provided: &ProvidedKeys,
    registered: &[RegisteredKey],
) -> Option<RegisteredKey> {
    let current = provided.ring.current_id();
    if registered.iter().any(|known| known.key_id == current) {
        return None;
    }
    Some(RegisteredKey {
        key_id: current.to_owned(),
        check_value: provided.ring.check_value(current)?,
        derivation: provided.derivations.get(current).cloned(),
        retired: false,
    })
}

/// The current key may not seal: a rewrap took its place, or the vault does not know it.
pub(crate) fn retired(key_id: &str) -> Error {
    let reason = format!(
        "the key `{key_id}` was retired by a rewrap: make the new key the current one, and open \
         the vault again"
    );
    Error::settings("VAULT_KEY", reason)
}

/// Checks how many credentials one transaction of a rewrap may hold.
pub(crate) fn checked_batch(batch: u32) -> Result<i64> {
    if (1..=BATCH_MAX).contains(&batch) {
        return Ok(i64::from(batch));
    }
    Err(Error::invalid("batch", format!("is {batch}, allowed is 1 to {BATCH_MAX}")))
}
