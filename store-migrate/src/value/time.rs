//! Dates and instants: how they are written on SQLite.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::Unconvertible;

/// Formats of a date and a time, after which an offset may stand.
const DATE_TIMES: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

const ZONED: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
];

/// Reads an instant: a date, a time and an offset. Returns microseconds since 1970.
pub(crate) fn parse_timestamp(text: &str) -> Result<i64, Unconvertible> {
    exact(text)?;
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return micros(text, instant.to_utc());
    }
    ZONED
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .ok_or_else(|| Unconvertible::new("is not an instant with an offset"))
        .and_then(|instant| micros(text, instant.to_utc()))
}

/// Reads a date and a time without an offset. Returns microseconds since 1970.
pub(crate) fn parse_local(text: &str) -> Result<i64, Unconvertible> {
    exact(text)?;
    let parsed =
        DATE_TIMES.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = || {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|date| date.and_time(NaiveTime::MIN))
    };
    parsed
        .or_else(date)
        .ok_or_else(|| Unconvertible::new("is not a date and a time without an offset"))
        .and_then(|local| micros(text, local.and_utc()))
}

/// Reads a date. Returns days since 1970.
pub(crate) fn parse_date(text: &str) -> Result<i32, Unconvertible> {
    exact(text)?;
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map_err(|_error| Unconvertible::new("is not a date such as 2024-05-31"))?;
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).map_err(|_range| Unconvertible::new("is a date out of range"))
}

/// The parser skips white space, which would be lost.
fn exact(text: &str) -> Result<(), Unconvertible> {
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(Unconvertible::new("has white space around a date"));
    }
    Ok(())
}

/// Neither engine keeps more than six digits of a second: what has more is refused, not cut.
fn micros(text: &str, instant: DateTime<Utc>) -> Result<i64, Unconvertible> {
    let micros = instant.timestamp_micros();
    let nanos = instant.timestamp_subsec_nanos();
    if !nanos.is_multiple_of(1_000) {
        return Err(Unconvertible::new("is finer than a microsecond"));
    }
    if nanos >= 1_000_000_000 || text.contains(":60") {
        return Err(Unconvertible::new("is a leap second"));
    }
    Ok(micros)
}

/// Fails for years whose text has no four digits: as text they would not sort as instants do.
fn instant_of_text(micros: i64) -> Result<DateTime<Utc>, Unconvertible> {
    instant(micros).and_then(|instant| {
        if (0..=9999).contains(&instant.year()) {
            return Ok(instant);
        }
        Err(Unconvertible::new(
            "is an instant outside of the years 0 to 9999, which SQLite's text has",
        ))
    })
}

fn instant(micros: i64) -> Result<DateTime<Utc>, Unconvertible> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| Unconvertible::new("is an instant out of range"))
}

/// Shows an instant as the stores write it, always with six digits: `2024-05-31T12:00:00.000000+00:00`.
pub(crate) fn show_timestamp(micros: i64) -> Result<String, Unconvertible> {
    Ok(instant_of_text(micros)?.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string())
}

/// Shows a date and a time without an offset, as SQLite's own functions write it.
pub(crate) fn show_local(micros: i64) -> Result<String, Unconvertible> {
    let format =
        if micros % 1_000_000 == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.6f" };
    Ok(instant_of_text(micros)?.format(format).to_string())
}

/// Shows a date.
pub(crate) fn show_date(days: i32) -> Result<String, Unconvertible> {
    NaiveDate::default()
        .checked_add_signed(chrono::TimeDelta::days(i64::from(days)))
        .map(|date| date.format("%Y-%m-%d").to_string())
        .ok_or_else(|| Unconvertible::new("is a date out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_the_forms_of_sqlite_are_read() {
        let noon = parse_timestamp("2024-05-31T12:00:00.000000+00:00").unwrap();
        for text in [
            "2024-05-31T12:00:00Z",
            "2024-05-31 14:00:00+02:00",
            "2024-05-31 12:00+00",
            "2024-05-31T14:00:00.0+0200",
        ] {
            assert_eq!(parse_timestamp(text).unwrap(), noon, "{text}");
        }
        assert_eq!(show_timestamp(noon).unwrap(), "2024-05-31T12:00:00.000000+00:00");
        assert_eq!(parse_local("2024-05-31 12:00:00").unwrap(), noon);
        assert_eq!(show_local(noon).unwrap(), "2024-05-31 12:00:00");
        assert_eq!(show_date(parse_date("1969-12-31").unwrap()).unwrap(), "1969-12-31");
        assert_eq!(parse_date("1970-01-01").unwrap(), 0);
    }

    #[test]
    fn what_is_not_exactly_an_instant_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-05-31",
            "2024-05-31 12:00:00",
            "2024-13-01T00:00:00Z",
            "2024-05-31T12:00:00.0000001Z",
            "2024-05-31T23:59:60Z",
            " 2024-05-31T12:00:00Z",
        ] {
            parse_timestamp(text).unwrap_err();
        }
        parse_local("2024-05-31T12:00:00Z").unwrap_err();
        parse_date("2024-5-31 ").unwrap_err();
    }
}
