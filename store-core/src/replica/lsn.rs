//! Positions in what a database writes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A position in the write-ahead log of PostgreSQL, which it calls a log sequence number.
///
/// As text it is what PostgreSQL shows, such as `16/B374D848`; it may be handed to another process,
/// in a session or a message. Later positions are greater. The default is before everything.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Lsn(u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & u64::from(u32::MAX))
    }
}

impl FromStr for Lsn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let half = |digits: &str| match digits.len() {
            // `from_str_radix` also takes a sign.
            1..=8 if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u32::from_str_radix(digits, 16).ok().map(u64::from)
            }
            _ => None,
        };
        let parsed = text.split_once('/').and_then(|(high, low)| Some((half(high)?, half(low)?)));
        let (high, low) = parsed.ok_or_else(|| {
            Error::invalid("lsn", "it is two hexadecimal numbers, such as 16/B374D848")
        })?;
        Ok(Self(high << 32 | low))
    }
}

impl From<Lsn> for String {
    fn from(lsn: Lsn) -> Self {
        lsn.to_string()
    }
}

impl TryFrom<String> for Lsn {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_written_and_ordered_as_postgresql_does() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            let lsn: Lsn = text.parse().unwrap();
            assert_eq!(lsn.to_string(), text);
            let json = serde_json::to_string(&lsn).unwrap();
            assert_eq!(serde_json::from_str::<Lsn>(&json).unwrap(), lsn);
        }
        let parse = |text: &str| text.parse::<Lsn>().unwrap();
        assert!(parse("1/0") > parse("0/FFFFFFFF") && parse("0/10") > parse("0/9"));
        assert_eq!(parse("a/0b"), parse("A/B"));
        assert_eq!(Lsn::default(), parse("0/0"));
    }

    #[test]
    fn other_texts_are_no_positions() {
        for text in ["", "1", "1/", "/1", "1/2/3", "+1/2", "g/1", "1/123456789", " 1/2"] {
            let error = text.parse::<Lsn>().unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{text}: {error}");
        }
    }
}
