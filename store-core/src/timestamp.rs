//! Instants: UTC, microseconds, one text form.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// An instant in UTC with microseconds, between the years 0001 and 9999.
///
/// Finer input is truncated to microseconds, because PostgreSQL keeps no more and would round.
/// The text form is `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`, always 32 characters, so that the order
/// of the text is the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The length of the text form.
    pub const TEXT_LENGTH: usize = 32;

    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(DateTime::UNIX_EPOCH);

    /// Builds an instant from microseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// `Invalid` outside the years 0001 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self> {
        DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range).and_then(Self::try_from)
    }

    /// Returns microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// Returns the instant as a `chrono` value.
    #[must_use]
    pub const fn to_datetime(self) -> DateTime<Utc> {
        self.0
    }

    /// Returns the instant `duration` later.
    ///
    /// # Errors
    /// `Invalid` after the year 9999.
    pub fn plus(self, duration: Duration) -> Result<Self> {
        let delta = chrono::TimeDelta::from_std(duration).map_err(|_range| out_of_range())?;
        self.0.checked_add_signed(delta).ok_or_else(out_of_range).and_then(Self::try_from)
    }

    /// Returns the instant `duration` earlier.
    ///
    /// # Errors
    /// `Invalid` before the year 0001.
    pub fn minus(self, duration: Duration) -> Result<Self> {
        let delta = chrono::TimeDelta::from_std(duration).map_err(|_range| out_of_range())?;
        self.0.checked_sub_signed(delta).ok_or_else(out_of_range).and_then(Self::try_from)
    }

    /// Returns the time from `earlier` to this instant, zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or(Duration::ZERO)
    }
}

fn out_of_range() -> Error {
    Error::invalid("timestamp", "instants lie between the years 0001 and 9999")
}

impl TryFrom<DateTime<Utc>> for Timestamp {
    type Error = Error;

    fn try_from(value: DateTime<Utc>) -> Result<Self> {
        if !(1..=9999).contains(&value.year()) {
            return Err(out_of_range());
        }
        // Euclidean, so that instants before 1970 are truncated towards the past as well.
        let micros = value.timestamp_micros();
        DateTime::from_timestamp_micros(micros).map(Self).ok_or_else(out_of_range)
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(value: Timestamp) -> Self {
        value.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, false))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Parses RFC 3339 with any offset; the result is in UTC.
    fn from_str(text: &str) -> Result<Self> {
        let parsed = DateTime::parse_from_rfc3339(text)
            .map_err(|cause| Error::invalid("timestamp", format!("not RFC 3339: {cause}")))?;
        Self::try_from(parsed.with_timezone(&Utc))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_text_form_has_six_digits_and_an_offset() {
        assert_eq!(at("2023-11-14T22:13:20.4Z").to_string(), "2023-11-14T22:13:20.400000+00:00");
        assert_eq!(at("2023-11-14T22:13:20Z").to_string().len(), Timestamp::TEXT_LENGTH);
    }

    #[test]
    fn nanoseconds_are_truncated_not_rounded() {
        assert_eq!(at("2023-11-14T22:13:20.123456789Z"), at("2023-11-14T22:13:20.123456Z"));
        assert_eq!(at("1969-12-31T23:59:59.999999999Z"), at("1969-12-31T23:59:59.999999Z"));
    }

    #[test]
    fn years_outside_0001_to_9999_are_invalid() {
        assert_eq!(at("0001-01-01T00:00:00Z").to_string(), "0001-01-01T00:00:00.000000+00:00");
        assert_eq!(
            at("9999-12-31T23:59:59.999999Z").to_string(),
            "9999-12-31T23:59:59.999999+00:00"
        );
        assert!(Timestamp::from_micros(i64::MAX).is_err());
        assert!(Timestamp::from_micros(i64::MIN).is_err());
        assert!(at("9999-12-31T23:59:59Z").plus(Duration::from_secs(1)).is_err());
        assert!(at("0001-01-01T00:00:00Z").minus(Duration::from_micros(1)).is_err());
        assert!("0000-12-31T23:59:59Z".parse::<Timestamp>().is_err());
    }

    proptest! {
        #[test]
        fn text_order_is_time_order(a in -62_135_596_800_000_000_i64..=253_402_300_799_999_999,
                                    b in -62_135_596_800_000_000_i64..=253_402_300_799_999_999) {
            let (a, b) = (Timestamp::from_micros(a).unwrap(), Timestamp::from_micros(b).unwrap());
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(a.to_string().parse::<Timestamp>().unwrap(), a);
        }
    }
}
