// parity: SQLite has no partitions.
//! Months of UTC, each of which has a partition.

use chrono::{DateTime, Datelike as _, Utc};

/// A month of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month {
    year: i32,
    /// Counted from 0.
    month: i32,
}

impl Month {
    /// The month an instant is in.
    pub(super) fn of(instant: DateTime<Utc>) -> Self {
        Self { year: instant.year(), month: i32::try_from(instant.month0()).unwrap_or(0) }
    }

    /// So many months later.
    pub(super) fn plus(self, months: u32) -> Self {
        let months = self.month + i32::try_from(months).unwrap_or(0);
        Self { year: self.year + months / 12, month: months % 12 }
    }

    /// Its first instant, as a literal of SQL.
    pub(super) fn start(self) -> String {
        format!("'{:04}-{:02}-01 00:00:00+00'", self.year, self.month + 1)
    }

    /// The name of its partition.
    pub(super) fn partition(self) -> String {
        format!("history_steps_{:04}_{:02}", self.year, self.month + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(instant: &str) -> Month {
        Month::of(instant.parse().unwrap())
    }

    #[test]
    fn months_are_those_of_utc_and_go_over_the_year() {
        assert_eq!(month("2026-11-30T23:59:59.999999Z"), month("2026-11-01T00:00:00Z"));
        assert_eq!(month("2026-12-01T00:59:59+01:00").partition(), "history_steps_2026_11");
        let december = month("2026-12-31T00:00:00Z");
        assert_eq!(december.plus(1).start(), "'2027-01-01 00:00:00+00'");
        assert_eq!(december.plus(24).partition(), "history_steps_2028_12");
        assert_eq!(month("0001-01-01T00:00:00Z").start(), "'0001-01-01 00:00:00+00'");
        assert!(december.plus(0) < december.plus(1));
    }
}
