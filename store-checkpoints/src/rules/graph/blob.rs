//! Values as they are stored: by the address of their content, and sealed with a key ring.

use sha2::{Digest as _, Sha256};
use store_core::checkpoints::graph::ChannelValue;
use store_core::seal::{KeyRing, MAX_PLAINTEXT_BYTES, SealContext};
use store_core::{Error, ExposeSecret as _, Message, Result};

const TABLE: &str = "graph_blobs";

/// Where a value is stored.
pub(crate) type Address = [u8; 32];

/// A value as it is stored. Without `Debug`: it may not be sealed.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) address: Address,
    pub(crate) type_tag: String,
    /// The bytes of the value before it was sealed.
    pub(crate) size: i64,
    pub(crate) sealed: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    /// Brings a value into the form it is stored in.
    pub(crate) fn new(keys: Option<&KeyRing>, value: ChannelValue) -> Result<Self> {
        let ChannelValue { type_tag, bytes } = value;
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let Some(keys) = keys else {
            let address = hashed(&type_tag, &bytes);
            return Ok(Self { address, type_tag, size, sealed: false, bytes });
        };
        let address = keys.address(&[type_tag.as_bytes(), &bytes]);
        let bytes = sealed(keys, &hex::encode(address), &type_tag, &bytes)?;
        Ok(Self { address, type_tag, size, sealed: true, bytes })
    }

    /// Returns the value.
    ///
    /// # Errors
    /// `Settings` without the key it was sealed with; `Tampered` when it does not open here, or is
    /// not what its address says, or `Corrupt` without a ring.
    pub(crate) fn into_value(self, keys: Option<&KeyRing>) -> Result<ChannelValue> {
        let id = hex::encode(self.address);
        let bytes = match (self.sealed, keys) {
            (false, _) if hashed(&self.type_tag, &self.bytes) == self.address => self.bytes,
            // A sealed one may have been marked as one that is not.
            (false, Some(_)) => return Err(Error::Tampered { entity: TABLE, id }),
            (false, None) => {
                let cause = Message("the bytes are not those of this address".into());
                return Err(Error::corrupt(TABLE, "bytes", id, cause));
            }
            (true, Some(keys)) => opened(keys, &id, &self.type_tag, self.size, &self.bytes)?,
            (true, None) => {
                let reason = "values of graph state are sealed: open the store with the key ring";
                return Err(Error::settings("VAULT_KEY", reason));
            }
        };
        Ok(ChannelValue { type_tag: self.type_tag, bytes })
    }

    /// Tells whether two blobs hold the same value, at whatever addresses.
    pub(crate) fn has_value_of(&self, other: Self, keys: Option<&KeyRing>) -> Result<bool> {
        // What was changed is no reason for a conflict: it is opened whatever its tag and size say.
        let other = other.into_value(keys)?;
        Ok(self.clone().into_value(keys)? == other)
    }
}

/// SHA-256 over the tag behind its length, and the bytes.
fn hashed(type_tag: &str, bytes: &[u8]) -> Address {
    Sha256::new()
        .chain_update((type_tag.len() as u64).to_be_bytes())
        .chain_update(type_tag)
        .chain_update(bytes)
        .finalize()
        .into()
}

/// One piece of a value: what is longer than an envelope holds is sealed in several.
fn place<'a>(id: &'a str, type_tag: &'a str, pieces: usize, index: usize) -> SealContext<'a> {
    // The first of one piece has version 1. No other number of pieces has the same versions, so
    // that none can be left out.
    let version = ((pieces as i64 - 1) << 32) | (index as i64 + 1);
    SealContext { table: TABLE, id, field: type_tag, version }
}

fn sealed(keys: &KeyRing, id: &str, type_tag: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    if bytes.len() <= MAX_PLAINTEXT_BYTES {
        return keys.seal(&place(id, type_tag, 1, 0), bytes);
    }
    let pieces = bytes.len().div_ceil(MAX_PLAINTEXT_BYTES);
    let mut joined = Vec::with_capacity(bytes.len() + pieces * 1024);
    for (index, piece) in bytes.chunks(MAX_PLAINTEXT_BYTES).enumerate() {
        let envelope = keys.seal(&place(id, type_tag, pieces, index), piece)?;
        joined.extend((envelope.len() as u64).to_be_bytes());
        joined.extend(envelope);
    }
    Ok(joined)
}

fn opened(keys: &KeyRing, id: &str, type_tag: &str, size: i64, bytes: &[u8]) -> Result<Vec<u8>> {
    let tampered = || Error::Tampered { entity: TABLE, id: id.to_owned() };
    let size = usize::try_from(size).map_err(|_negative| tampered())?;
    if size > ChannelValue::MAX_BYTES {
        return Err(tampered());
    }
    let pieces = size.div_ceil(MAX_PLAINTEXT_BYTES).max(1);
    let mut value = Vec::with_capacity(size);
    let mut rest = bytes;
    for index in 0..pieces {
        let envelope = match pieces {
            1 => std::mem::take(&mut rest),
            _ => next_envelope(&mut rest).ok_or_else(tampered)?,
        };
        let piece = keys.open(&place(id, type_tag, pieces, index), envelope)?;
        value.extend_from_slice(piece.expose_secret());
    }
    if rest.is_empty() && value.len() == size { Ok(value) } else { Err(tampered()) }
}

/// Takes the next envelope off, behind its length.
fn next_envelope<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (envelope, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(envelope)
}
