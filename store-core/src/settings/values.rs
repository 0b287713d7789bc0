//! What a variable may hold. Each function answers with the value or with the reason against it.

use std::str::FromStr;
use std::time::Duration;

use super::{Backend, Synchronous};

pub(super) const DAY_SECONDS: u64 = 24 * 60 * 60;

/// The longest value an error repeats.
const SHOWN_CHARS: usize = 60;

/// The unit of a number that has none.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Milliseconds,
    Seconds,
}

/// Says what a variable held and what it accepts.
pub(super) fn refusal(held: &str, accepts: &str) -> String {
    format!("holds {}; it accepts {accepts}", shown(held))
}

/// Quotes a value for an error, unless it looks like a DSN that ended up in the wrong variable.
pub(super) fn shown(held: &str) -> String {
    let lower = held.to_ascii_lowercase();
    if held.contains(['@', '=']) || lower.contains("://") || lower.contains("password") {
        return "a value that is not shown, because it may carry a secret".to_owned();
    }
    if held.chars().count() > SHOWN_CHARS {
        return format!("a value of {} characters", held.chars().count());
    }
    format!("`{}`", held.escape_debug())
}

pub(super) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    let digits = text.trim();
    // `parse` also takes a leading plus sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refusal(text, "a whole number"));
    }
    digits.parse().map_err(|_too_large| refusal(text, "a smaller whole number"))
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "on" | "true" | "1" | "yes" => Ok(true),
        "off" | "false" | "0" | "no" => Ok(false),
        _ => Err(refusal(text, "on or off, true or false, yes or no, 1 or 0")),
    }
}

pub(super) fn synchronous(text: &str) -> Result<Synchronous, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "full" => Ok(Synchronous::Full),
        "normal" => Ok(Synchronous::Normal),
        _ => Err(refusal(text, "full or normal")),
    }
}

/// Parses a number of seconds, whole or decimal, or one with the suffix `ms`, `s`, `m` or `h`.
pub(super) fn duration(text: &str, unit: Unit) -> Result<Duration, String> {
    let refuse = || {
        let base = match unit {
            Unit::Milliseconds => "milliseconds",
            Unit::Seconds => "seconds",
        };
        refusal(text, &format!("a number of {base}, or a number with the suffix ms, s, m or h"))
    };
    let lower = text.trim().to_ascii_lowercase();
    let start = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (digits, suffix) = lower.split_at(start);
    let seconds = match (suffix.trim_start(), unit) {
        ("ms", _) | ("", Unit::Milliseconds) => 0.001,
        ("s", _) | ("", Unit::Seconds) => 1.0,
        ("m", _) => 60.0,
        ("h", _) => 3600.0,
        _ => return Err(refuse()),
    };
    let value: f64 = digits.parse().map_err(|_not_decimal| refuse())?;
    Duration::try_from_secs_f64(value * seconds).map_err(|_too_long| refuse())
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, Unit::Seconds)
}

pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    duration(text, Unit::Milliseconds)
}

pub(super) fn days(text: &str) -> Result<Duration, String> {
    let days: u64 = number(text)?;
    let seconds = days.checked_mul(DAY_SECONDS);
    seconds.map(Duration::from_secs).ok_or_else(|| refusal(text, "a smaller whole number"))
}

pub(super) fn backend(text: &str) -> Result<Backend, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "sqlite" => Ok(Backend::Sqlite),
        "postgres" | "postgresql" => Ok(Backend::Postgres),
        "memory" => Ok(Backend::Memory),
        _ => Err(refusal(text, "sqlite, postgres or memory")),
    }
}

/// Parses a backend under the prefix `ORCHEO`, where memory has one more name.
pub(super) fn orcheo_backend(text: &str) -> Result<Backend, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "inmemory" => Ok(Backend::Memory),
        _ => {
            backend(text).map_err(|_reason| refusal(text, "sqlite, postgres, or inmemory (memory)"))
        }
    }
}

/// Parses the vault's backend under the prefix `ORCHEO`, where SQLite is called a file.
pub(super) fn orcheo_vault_backend(text: &str) -> Result<Backend, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "file" => Ok(Backend::Sqlite),
        _ => orcheo_backend(text)
            .map_err(|_reason| refusal(text, "file (sqlite), postgres, or inmemory (memory)")),
    }
}

/// Parses `DB_TYPE`.
pub(super) fn database_type(text: &str) -> Result<Backend, String> {
    match backend(text) {
        Ok(found @ (Backend::Sqlite | Backend::Postgres)) => Ok(found),
        _ => Err(refusal(text, "sqlite or postgresql")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_seconds_and_suffixes() {
        let cases = [
            ("30", Some(30_000)),
            ("0.5", Some(500)),
            (".25", Some(250)),
            ("1.5s", Some(1_500)),
            ("250ms", Some(250)),
            ("250 MS", Some(250)),
            ("2m", Some(120_000)),
            (" 1h ", Some(3_600_000)),
            ("0", Some(0)),
            ("", None),
            ("s", None),
            (".", None),
            ("1.2.3", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("inf", None),
            ("nan", None),
            ("1d", None),
            ("99999999999999999999999999", None),
        ];
        for (text, millis) in cases {
            assert_eq!(seconds(text).ok(), millis.map(Duration::from_millis), "{text}");
        }
        assert_eq!(milliseconds("250"), Ok(Duration::from_millis(250)));
        assert_eq!(milliseconds("2s"), Ok(Duration::from_secs(2)));
    }

    #[test]
    fn a_value_that_may_carry_a_secret_is_not_repeated() {
        for held in ["postgresql://u:hunter2@h/d", "u:hunter2@h", "PASSWORD hunter2", "a=hunter2"] {
            assert!(!refusal(held, "x").contains("hunter2"), "{held}");
        }
        assert_eq!(refusal("a\nb", "x"), "holds `a\\nb`; it accepts x");
        assert_eq!(shown(&"x".repeat(61)), "a value of 61 characters");
    }
}
