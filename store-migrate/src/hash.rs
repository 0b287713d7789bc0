//! Canonical hashes: of a row by its typed values, of a table by its rows in any order.
//!
//! A row's hash is the SHA-256 of its values, each a byte for its kind and then its bytes:
//! integers, instants and reals (by their bits) in little endian, text and blobs with their length
//! first, decimal numbers and JSON in their canonical form. So a row hashes alike on both engines.
//! The sum of a table is the sum of its rows' hashes as 256-bit numbers, which wraps around.

use sha2::{Digest as _, Sha256};

use crate::value::{Decimal, Unconvertible, Value, hash_json};

/// The hash of a row or of its key.
pub type Hash = [u8; 32];

/// Hashes the values of one row, in the order of its columns.
#[derive(Debug, Clone, Default)]
pub struct RowHasher(Sha256);

impl RowHasher {
    /// Adds a value. After a `LargeBlob` its bytes follow by [`Self::bytes`].
    ///
    /// # Errors
    /// `Unconvertible` for JSON or a number that is none.
    pub fn value(&mut self, value: &Value<'_>) -> Result<(), Unconvertible> {
        match value {
            Value::Null => self.0.update([0]),
            Value::Boolean(value) => self.0.update([1, u8::from(*value)]),
            Value::Integer(value) => self.fixed(2, value.to_le_bytes()),
            Value::Real(value) => self.fixed(3, value.to_bits().to_le_bytes()),
            Value::Numeric(digits) => self.long(4, Decimal::parse(digits)?.canonical().as_bytes()),
            Value::Text(text) => self.long(5, text.as_bytes()),
            Value::Blob(bytes) => self.long(6, bytes),
            Value::LargeBlob(length) => self.fixed(6, length.to_le_bytes()),
            Value::Uuid(bytes) => self.fixed(7, *bytes),
            Value::Timestamp(micros) => self.fixed(8, micros.to_le_bytes()),
            Value::LocalTimestamp(micros) => self.fixed(9, micros.to_le_bytes()),
            Value::Date(days) => self.fixed(10, days.to_le_bytes()),
            Value::Json(text) => {
                self.0.update([11]);
                hash_json(text, &mut self.0)?;
            }
        }
        Ok(())
    }

    /// Adds the next bytes of a large blob.
    pub fn bytes(&mut self, chunk: &[u8]) {
        self.0.update(chunk);
    }

    /// Returns the hash of what was added.
    #[must_use]
    pub fn finish(self) -> Hash {
        self.0.finalize().into()
    }

    fn fixed<const N: usize>(&mut self, tag: u8, bytes: [u8; N]) {
        self.0.update([tag]);
        self.0.update(bytes);
    }

    fn long(&mut self, tag: u8, bytes: &[u8]) {
        self.0.update([tag]);
        self.0.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(bytes);
    }
}

/// The rows of a table, in no order: how many, and the sum of their hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TableSum {
    /// How many.
    pub rows: u64,
    sum: [u64; 4],
}

impl TableSum {
    /// Adds a row.
    pub fn add(&mut self, hash: &Hash) {
        self.rows += 1;
        self.add_words(words(hash));
    }

    /// Adds the rows of another sum.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.add_words(other.sum);
    }

    fn add_words(&mut self, other: [u64; 4]) {
        let mut carry = false;
        for (word, more) in self.sum.iter_mut().zip(other) {
            let (sum, first) = word.overflowing_add(more);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *word = sum;
            carry = first || second;
        }
    }

    /// Returns the sum in hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.to_bytes())
    }

    /// Returns the bytes of the sum.
    #[must_use]
    pub fn to_bytes(&self) -> Hash {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.sum) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Restores a sum from its bytes.
    #[must_use]
    pub fn from_bytes(rows: u64, bytes: &Hash) -> Self {
        Self { rows, sum: words(bytes) }
    }
}

fn words(hash: &Hash) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(hash.chunks_exact(8)) {
        *word = chunk.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    words
}

/// Returns the hash of a whole database: its tables by name, each with its rows and sum.
#[must_use]
pub fn root<'a>(tables: impl IntoIterator<Item = (&'a str, TableSum)>) -> String {
    let mut tables: Vec<_> = tables.into_iter().collect();
    tables.sort_by_key(|(name, _)| *name);
    let mut sha = Sha256::new();
    for (name, sum) in tables {
        sha.update(u64::try_from(name.len()).unwrap_or(u64::MAX).to_le_bytes());
        sha.update(name.as_bytes());
        sha.update(sum.rows.to_le_bytes());
        sha.update(sum.to_bytes());
    }
    hex::encode(sha.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(values: &[Value<'_>]) -> Hash {
        let mut hasher = RowHasher::default();
        values.iter().for_each(|value| hasher.value(value).unwrap());
        hasher.finish()
    }

    #[test]
    fn values_of_different_kinds_hash_apart() {
        let values = [
            Value::Null,
            Value::Boolean(true),
            Value::Integer(1),
            Value::Real(1.0),
            Value::Numeric("1".into()),
            Value::Text("1".into()),
            Value::Blob(b"1"[..].into()),
            Value::Timestamp(1),
            Value::LocalTimestamp(1),
            Value::Date(1),
            Value::Json("1".into()),
        ];
        let hashes: std::collections::BTreeSet<_> =
            values.iter().map(|value| hash(std::slice::from_ref(value))).collect();
        assert_eq!(hashes.len(), values.len());
        assert_ne!(
            hash(&[Value::Text("a".into()), Value::Text("bc".into())]),
            hash(&[Value::Text("ab".into()), Value::Text("c".into())])
        );
        assert_ne!(hash(&[Value::Real(0.0)]), hash(&[Value::Real(-0.0)]));
    }

    #[test]
    fn a_large_blob_hashes_like_the_same_bytes_at_once() {
        let mut hasher = RowHasher::default();
        hasher.value(&Value::LargeBlob(6)).unwrap();
        hasher.bytes(b"abc");
        hasher.bytes(b"def");
        assert_eq!(hasher.finish(), hash(&[Value::Blob(b"abcdef"[..].into())]));
    }

    #[test]
    fn the_sum_does_not_depend_on_the_order_and_counts_duplicates() {
        let (a, b) = (hash(&[Value::Integer(1)]), hash(&[Value::Integer(2)]));
        let sum = |rows: &[&Hash]| {
            let mut sum = TableSum::default();
            rows.iter().for_each(|row| sum.add(row));
            sum
        };
        assert_eq!(sum(&[&a, &b, &[255; 32]]), sum(&[&[255; 32], &b, &a]));
        assert_ne!(sum(&[&a, &a]), sum(&[&a]));
        assert_ne!(sum(&[&a, &a]), sum(&[&b, &b]));
        let mut merged = sum(&[&a]);
        merged.merge(&sum(&[&b]));
        assert_eq!(merged, sum(&[&a, &b]));
        assert_eq!(TableSum::from_bytes(2, &merged.to_bytes()), merged);
    }
}
