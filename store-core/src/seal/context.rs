//! What a sealed value is bound to, as the additional data of AES-GCM.

use crate::Error;

/// The first text of the additional data, so that data and data keys are never mixed.
const DATA_FORMAT: &str = "parallel-stores.seal.v1.data";
const KEY_FORMAT: &str = "parallel-stores.seal.v1.key";

/// The place a sealed value belongs to; it opens in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// The table. Errors name it as the entity.
    pub table: &'static str,
    /// The key of the row.
    pub id: &'a str,
    /// The column, or the part of one.
    pub field: &'a str,
    /// The version of the value: an older one does not pass for the newest.
    pub version: i64,
}

impl SealContext<'_> {
    /// The additional data of the sealed value.
    pub(super) fn for_data(&self) -> Vec<u8> {
        self.encode(&[DATA_FORMAT])
    }

    /// The additional data of the sealed data key.
    pub(super) fn for_data_key(&self, key_id: &str) -> Vec<u8> {
        self.encode(&[KEY_FORMAT, key_id])
    }

    pub(super) fn tampered(&self) -> Error {
        Error::Tampered { entity: self.table, id: self.id.to_owned() }
    }

    /// Each text behind its length, then the version: no two contexts have the same bytes.
    fn encode(&self, first: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in first.iter().chain(&[self.table, self.id, self.field]) {
            bytes.extend((text.len() as u64).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend(self.version.to_be_bytes());
        bytes
    }
}
