//! Ids and numbers that are made here, the same each time.

use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

/// Makes a UUID of a text: version 8 (RFC 9562), by SHA-256 over what it is of and the text.
pub(super) fn derived(kind: &str, text: &str) -> Uuid {
    let digest = digest(kind, text);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Makes a number of 62 bits of a text: where the touches of a thread begin to be counted.
pub(super) fn number(kind: &str, text: &str) -> i64 {
    let digest = digest(kind, text);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(bytes) & (i64::MAX >> 1)
}

fn digest(kind: &str, text: &str) -> [u8; 32] {
    let hasher = Sha256::new().chain_update("store-migrate.orcheo:").chain_update(kind);
    hasher.chain_update([0]).chain_update(text).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_each_time_and_differ_by_their_kind() {
        let id = derived("checkpoint", "best");
        assert_eq!(id, derived("checkpoint", "best"));
        assert_ne!(id, derived("job", "best"));
        assert_eq!(id.get_version_num(), 8);
        assert!(number("thread", "t") >= 0);
    }
}
