//! What a set of steps comes to, so that two processes can tell whether they mean the same ones.

use std::fmt;
use std::str::FromStr;

use store_core::history::Step;

/// Number, bytes of payload, and a sum over the contents that does not depend on the order in
/// which steps are added: 32 tasks add theirs as they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) steps: u64,
    pub(crate) bytes: u64,
    sum: u64,
}

impl Digest {
    /// Adds a step: its place, its payload and its labels.
    pub(crate) fn add(&mut self, step: &Step) {
        let payload = step.payload.to_string();
        let labels = [&step.kind, &step.name, &step.idempotency_key];
        let mut hash = fnv(OFFSET, &step.index.to_le_bytes());
        hash = fnv(hash, &step.at.as_micros().to_le_bytes());
        hash = fnv(hash, payload.as_bytes());
        for label in labels {
            // A byte that is in no text keeps neighbours, and none and empty, apart.
            hash = fnv(hash, if label.is_some() { &[0xff] } else { &[0xfe] });
            hash = fnv(hash, label.as_deref().unwrap_or_default().as_bytes());
        }
        self.plus(Self { steps: 1, bytes: payload.len() as u64, sum: hash });
    }

    /// Adds what another one holds.
    pub(crate) fn plus(&mut self, other: Self) {
        self.steps += other.steps;
        self.bytes += other.bytes;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// Returns the sum in the form people compare.
    pub(crate) fn checksum(&self) -> String {
        format!("{:016x}", self.sum)
    }
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: short, and good enough against accidents.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(hash, mix)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{:x}", self.steps, self.bytes, self.sum)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let mut parts = text.split(':');
            let steps = parts.next()?.parse().ok()?;
            let bytes = parts.next()?.parse().ok()?;
            let sum = u64::from_str_radix(parts.next()?, 16).ok()?;
            Some(Self { steps, bytes, sum })
        };
        parse().ok_or_else(|| "is not STEPS:BYTES:CHECKSUM".to_owned())
    }
}
