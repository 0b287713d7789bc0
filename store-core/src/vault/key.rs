use crate::{CredentialId, Timestamp};

/// A key-encryption key as the vault knows it, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultKey {
    /// Its id.
    pub key_id: String,
    /// What tells it apart from another key with this id.
    pub check_value: String,
    /// How it is made of a passphrase, without the passphrase; none for a random key.
    pub derivation: Option<String>,
    /// When the vault saw it first.
    pub registered_at: Timestamp,
    /// When a rewrap took its place: nothing is sealed with it from then on.
    pub retired_at: Option<Timestamp>,
    /// How many sealed values it opens.
    pub values: u64,
}

/// What a rewrap came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewrapped {
    /// How many sealed values got the current key.
    pub values: u64,
    /// The keys that open nothing any more, and that the vault has forgotten: take them out of the
    /// key ring.
    pub forgotten: Vec<String>,
    /// The first 100 credentials with a value that does not open: they stay under their old key.
    pub tampered: Vec<CredentialId>,
}
