//! The chain of an audit.
//!
//! Hashed are, behind the name of the format, the previous hash, the place and the instant
//! (microseconds since 1970) as 64 bits with the highest byte first, and then the texts, each
//! behind its length; one that is missing has the length 2^64 - 1.

use sha2::{Digest as _, Sha256};

use super::{AuditFault, AuditFaultKind, AuditReport};
use crate::Timestamp;

const ABSENT: u64 = u64::MAX;
/// The most faults that a report names.
const FAULTS_MAX: i64 = 100;

/// The SHA-256 of an entry.
pub type EntryHash = [u8; 32];

/// The newest entry of a chain; the default is the start of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainHead {
    /// Its place; 0 for a chain without entries.
    pub sequence: i64,
    /// Its hash.
    pub hash: EntryHash,
}

/// Hashes an entry. `format` names what the texts are, so that no other entry has the same hash.
pub fn entry_hash<'a>(
    format: &str,
    previous: &EntryHash,
    sequence: i64,
    at: Timestamp,
    texts: impl IntoIterator<Item = Option<&'a str>>,
) -> EntryHash {
    let mut hasher = Sha256::new();
    hasher.update(format);
    hasher.update(previous);
    hasher.update(sequence.to_be_bytes());
    hasher.update(at.as_micros().to_be_bytes());
    for text in texts {
        hasher.update(text.map_or(ABSENT, |text| text.len() as u64).to_be_bytes());
        hasher.update(text.unwrap_or_default());
    }
    hasher.finalize().into()
}

/// The chain as it should be, while its entries are read in their order.
#[derive(Debug, Default)]
pub struct Verification {
    /// The head before the entries were read.
    head: ChainHead,
    /// The hash of the entry that the head names, made of what is stored.
    at_head: Option<EntryHash>,
    /// The last entry that was read; its hash is made of what is stored.
    last: ChainHead,
    entries: u64,
    faults: Vec<AuditFault>,
}

impl Verification {
    /// Begins with the head as it is before the entries are read.
    #[must_use]
    pub fn new(head: Option<ChainHead>) -> Self {
        Self { head: head.unwrap_or_default(), ..Self::default() }
    }

    /// Returns the place of the last entry that was read.
    #[must_use]
    pub const fn sequence(&self) -> i64 {
        self.last.sequence
    }

    /// Reads an entry: its place, the hash it has of the one before it, and its own, made of what
    /// is stored.
    pub fn read(&mut self, sequence: i64, previous: &EntryHash, hash: EntryHash) {
        let expected = self.last.sequence + 1;
        self.missing(expected, sequence);
        // Behind a gap there is nothing to compare with.
        if sequence == expected && *previous != self.last.hash {
            // The first entry has none before it: then it is the one that was edited.
            self.fault(self.last.sequence.max(1), AuditFaultKind::Edited);
        }
        self.last = ChainHead { sequence, hash };
        if sequence == self.head.sequence {
            self.at_head = Some(self.last.hash);
        }
        self.entries += 1;
    }

    /// Ends with the head as it is after the entries were read, and those that were added meanwhile.
    ///
    /// A record that is there has an entry about its creation. Without record, entries and head
    /// there is no audit to report on: `None`.
    #[must_use]
    pub fn end(mut self, head: Option<ChainHead>, record_exists: bool) -> Option<AuditReport> {
        match head {
            None if self.entries == 0 && !record_exists => return None,
            None => {
                self.missing(self.last.sequence + 1, if self.entries == 0 { 2 } else { 0 });
                self.fault(self.last.sequence.max(1), AuditFaultKind::HeadMissing);
            }
            Some(head) => self.compare(head),
        }
        self.faults.sort_by_key(|fault| fault.sequence);
        Some(AuditReport { entries: self.entries, faults: self.faults })
    }

    fn compare(&mut self, head: ChainHead) {
        let known =
            if head.sequence == self.last.sequence { Some(self.last.hash) } else { self.at_head };
        // The head decides about its entry, and not one behind it that should not be there.
        self.faults
            .retain(|fault| fault.kind != AuditFaultKind::Edited || fault.sequence < head.sequence);
        if known.is_some_and(|hash| hash != head.hash) {
            self.fault(head.sequence, AuditFaultKind::Edited);
        }
        self.missing(self.last.sequence + 1, head.sequence.saturating_add(1));
        let last = self.last.sequence.min(head.sequence.saturating_add(FAULTS_MAX));
        for sequence in head.sequence.saturating_add(1)..=last {
            self.fault(sequence, AuditFaultKind::Unexpected);
        }
    }

    fn missing(&mut self, from: i64, before: i64) {
        // A head may claim any number.
        let before = before.min(from.saturating_add(FAULTS_MAX));
        for sequence in from..before {
            self.fault(sequence, AuditFaultKind::Missing);
        }
    }

    fn fault(&mut self, sequence: i64, kind: AuditFaultKind) {
        let fault = AuditFault { sequence, kind };
        let more = i64::try_from(self.faults.len()).is_ok_and(|count| count < FAULTS_MAX);
        if more && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intact_chain_has_no_faults() {
        let hash = |previous, sequence| {
            entry_hash("test", previous, sequence, Timestamp::EPOCH, [Some("a"), None])
        };
        let first = hash(&[0; 32], 1);
        let second = hash(&first, 2);
        let mut verification = Verification::new(None);
        verification.read(1, &[0; 32], first);
        verification.read(2, &first, second);
        let head = ChainHead { sequence: 2, hash: second };
        let report = verification.end(Some(head), true);
        assert_eq!(report, Some(AuditReport { entries: 2, faults: vec![] }));
        assert_eq!(Verification::new(None).end(None, false), None);
    }
}
