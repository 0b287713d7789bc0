//! Defaults that are the present instant.

use super::super::names::literal;
use crate::catalog::tokens::{Class, Token};
use crate::model::{Kind, PgType};

/// What SQLite takes for "now": the same instant through a whole statement.
const NOW: &str = "statement_timestamp()";
/// The same as a date and a time in UTC.
const NOW_UTC: &str = "(statement_timestamp() AT TIME ZONE 'UTC')";

/// Translates the present instant.
pub(super) fn now(tokens: &[Token<'_>], pg_type: PgType) -> Option<String> {
    let format = now_format(tokens)?;
    if format == "%s" {
        let whole = matches!(pg_type.kind(), Kind::Integer);
        return whole.then(|| format!("floor(extract(epoch FROM {NOW}))::bigint"));
    }
    match pg_type.kind() {
        Kind::Text => Some(format!("to_char({NOW_UTC}, {})", literal(&picture(&format)?))),
        Kind::Date if format == "%Y-%m-%d" => Some(format!("{NOW_UTC}::date")),
        Kind::Timestamp => Some(format!("date_trunc('{}', {NOW})", precision(&format)?)),
        Kind::LocalTimestamp if !format.ends_with('Z') => {
            Some(format!("date_trunc('{}', {NOW_UTC})", precision(&format)?))
        }
        _ => None,
    }
}

/// Returns the format in which a function writes the present instant.
fn now_format(tokens: &[Token<'_>]) -> Option<String> {
    let (first, rest) = tokens.split_first()?;
    let is_now = |token: &Token<'_>| {
        token.class == Class::String && token.text.eq_ignore_ascii_case("'now'")
    };
    let none = match rest {
        [] | [_, _] => true,
        [open, now, close] => open.is("(") && is_now(now) && close.is(")"),
        _ => false,
    };
    let called = matches!(rest, [open, .., close] if open.is("(") && close.is(")"));
    let format = match first.text.to_ascii_uppercase().as_str() {
        "CURRENT_TIMESTAMP" if rest.is_empty() => "%Y-%m-%d %H:%M:%S",
        "CURRENT_DATE" if rest.is_empty() => "%Y-%m-%d",
        "CURRENT_TIME" if rest.is_empty() => "%H:%M:%S",
        "DATETIME" if called && none => "%Y-%m-%d %H:%M:%S",
        "DATE" if called && none => "%Y-%m-%d",
        "TIME" if called && none => "%H:%M:%S",
        "UNIXEPOCH" if called && none => "%s",
        "STRFTIME" => match rest {
            [open, format, comma, now, close]
                if open.is("(") && comma.is(",") && is_now(now) && close.is(")") =>
            {
                return (format.class == Class::String).then(|| format.name())?;
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(format.to_owned())
}

/// Returns to what a whole date and time in this format is exact.
fn precision(format: &str) -> Option<&'static str> {
    let format = format.strip_suffix('Z').unwrap_or(format).replace('T', " ");
    match format.as_str() {
        "%Y-%m-%d %H:%M:%S" => Some("second"),
        "%Y-%m-%d %H:%M:%f" => Some("milliseconds"),
        "%Y-%m-%d %H:%M" => Some("minute"),
        _ => None,
    }
}

/// Returns the format as `to_char` takes it.
fn picture(format: &str) -> Option<String> {
    let mut picture = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        picture.push_str(match letter {
            '%' => match letters.next()? {
                'Y' => "YYYY",
                'm' => "MM",
                'd' => "DD",
                'H' => "HH24",
                'M' => "MI",
                'S' => "SS",
                'f' => "SS.MS",
                _ => return None,
            },
            'T' => "\"T\"",
            'Z' => "\"Z\"",
            '-' => "-",
            ':' => ":",
            ' ' => " ",
            '/' => "/",
            _ => return None,
        });
    }
    Some(picture)
}
