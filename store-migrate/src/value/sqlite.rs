//! Values of SQLite: reading what is stored, whatever the column was declared as, and binding.

use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use uuid::Uuid;

use super::time::{show_date, show_local, show_timestamp};
use super::{Decimal, Unconvertible, Value, check_json, parse_date, parse_local, parse_timestamp};
use crate::model::{Kind, PgType};

/// Reads a stored value as one of a kind.
///
/// # Errors
/// `Unconvertible` when it is none exactly: nothing is rounded, cut or made NULL.
pub(crate) fn read(kind: Kind, stored: ValueRef<'_>) -> Result<Value<'_>, Unconvertible> {
    match (kind, stored) {
        (_, ValueRef::Null) => Ok(Value::Null),
        (Kind::Boolean, ValueRef::Integer(0)) => Ok(Value::Boolean(false)),
        (Kind::Boolean, ValueRef::Integer(1)) => Ok(Value::Boolean(true)),
        (Kind::Integer, ValueRef::Integer(value)) => Ok(Value::Integer(value)),
        (Kind::Real, ValueRef::Real(value)) => Ok(Value::Real(value)),
        (Kind::Real, ValueRef::Integer(value)) => exact_real(value),
        (Kind::Numeric, ValueRef::Integer(value)) => Ok(Value::Numeric(value.to_string().into())),
        (Kind::Numeric, ValueRef::Real(value)) => real_digits(value),
        (Kind::Numeric, ValueRef::Text(bytes)) => {
            let text = utf8(bytes)?;
            Decimal::parse(text)?.check()?;
            Ok(Value::Numeric(text.into()))
        }
        (Kind::Text, ValueRef::Text(bytes)) => Ok(Value::Text(text_of(bytes)?.into())),
        (Kind::Blob, ValueRef::Blob(bytes)) => Ok(Value::Blob(bytes.into())),
        (Kind::Uuid, ValueRef::Text(bytes)) => uuid_of(utf8(bytes)?),
        (Kind::Timestamp, ValueRef::Text(bytes)) => {
            parse_timestamp(utf8(bytes)?).map(Value::Timestamp)
        }
        (Kind::LocalTimestamp, ValueRef::Text(bytes)) => {
            parse_local(utf8(bytes)?).map(Value::LocalTimestamp)
        }
        (Kind::Date, ValueRef::Text(bytes)) => parse_date(utf8(bytes)?).map(Value::Date),
        // The affinity of a column that is declared JSON makes numbers of texts that are some.
        (Kind::Json, ValueRef::Integer(value)) => Ok(Value::Json(value.to_string().into())),
        (Kind::Json, ValueRef::Real(value)) if value.is_finite() => {
            Ok(Value::Json(value.to_string().into()))
        }
        (Kind::Json, ValueRef::Text(bytes)) => {
            let text = utf8(bytes)?;
            check_json(text)?;
            Ok(Value::Json(text.into()))
        }
        (kind, stored) => Err(Unconvertible::new(format!(
            "is {} where {} is expected",
            storage_class(stored),
            expected(kind)
        ))),
    }
}

/// Checks that a value fits into the type of its column on PostgreSQL.
pub(crate) fn check_range(pg_type: PgType, value: &Value<'_>) -> Result<(), Unconvertible> {
    let fits = match (pg_type, value) {
        (PgType::Int2, Value::Integer(value)) => i16::try_from(*value).is_ok(),
        (PgType::Int4, Value::Integer(value)) => i32::try_from(*value).is_ok(),
        _ => true,
    };
    if fits { Ok(()) } else { Err(Unconvertible::new(format!("is out of range of {pg_type}"))) }
}

fn exact_real<'a>(value: i64) -> Result<Value<'a>, Unconvertible> {
    // Beyond 53 bits not every integer is a floating point number.
    const EXACT: i64 = 1 << 53;
    match i32::try_from(value) {
        Ok(small) => Ok(Value::Real(f64::from(small))),
        Err(_) if (-EXACT..=EXACT).contains(&value) => {
            // Its digits are those of the number, exactly.
            let real =
                value.to_string().parse().map_err(|_error| Unconvertible::new("is no number"))?;
            Ok(Value::Real(real))
        }
        Err(_) => {
            Err(Unconvertible::new("is an integer that DOUBLE PRECISION cannot hold exactly"))
        }
    }
}

fn real_digits<'a>(value: f64) -> Result<Value<'a>, Unconvertible> {
    if !value.is_finite() {
        return Err(Unconvertible::new("is infinite"));
    }
    // The shortest digits that give the same number back.
    Ok(Value::Numeric(value.to_string().into()))
}

fn utf8(bytes: &[u8]) -> Result<&str, Unconvertible> {
    std::str::from_utf8(bytes).map_err(|error| {
        Unconvertible::new(format!("is not valid UTF-8 at byte {}", error.valid_up_to()))
    })
}

fn text_of(bytes: &[u8]) -> Result<&str, Unconvertible> {
    let text = utf8(bytes)?;
    match text.find('\0') {
        Some(at) => Err(Unconvertible::new(format!("has a NUL at byte {at}"))),
        None => Ok(text),
    }
}

fn uuid_of<'a>(text: &str) -> Result<Value<'a>, Unconvertible> {
    // Only the form the stores write: another would come back changed.
    let uuid = Uuid::try_parse(text).map_err(|_error| Unconvertible::new("is not a UUID"))?;
    let mut buffer = Uuid::encode_buffer();
    if text != uuid.hyphenated().encode_lower(&mut buffer) {
        return Err(Unconvertible::new("is a UUID that is not written in lower case with hyphens"));
    }
    Ok(Value::Uuid(uuid.into_bytes()))
}

/// Names the storage class of a value.
pub(crate) const fn storage_class(stored: ValueRef<'_>) -> &'static str {
    match stored {
        ValueRef::Null => "NULL",
        ValueRef::Integer(_) => "an integer",
        ValueRef::Real(_) => "a real",
        ValueRef::Text(_) => "text",
        ValueRef::Blob(_) => "a blob",
    }
}

const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "0 or 1",
        Kind::Integer => "an integer of 64 bits",
        Kind::Real => "a real",
        Kind::Numeric => "a decimal number",
        Kind::Text => "text",
        Kind::Blob => "a blob",
        Kind::Uuid => "the text of a UUID",
        Kind::Timestamp => "the text of an instant",
        Kind::LocalTimestamp => "the text of a date and a time",
        Kind::Date => "the text of a date",
        Kind::Json => "the text of JSON",
        Kind::SearchWords => "words",
    }
}

/// The first and the last instant whose text has a year of four digits, in microseconds.
const INSTANTS: std::ops::RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_999_999;
const DAYS: std::ops::RangeInclusive<i32> = -719_528..=2_932_896;

/// Checks that SQLite has a value for this one, as [`bind`] would find out.
pub(crate) fn check_stored(value: &Value<'_>) -> Result<(), Unconvertible> {
    let fits = match value {
        Value::Real(value) => !value.is_nan(),
        Value::Timestamp(micros) | Value::LocalTimestamp(micros) => INSTANTS.contains(micros),
        Value::Date(days) => DAYS.contains(days),
        Value::LargeBlob(length) => i32::try_from(*length).is_ok(),
        _ => true,
    };
    if fits { Ok(()) } else { bind(value).map(drop) }
}

/// Turns a value into what SQLite stores.
///
/// # Errors
/// `Unconvertible` for what SQLite has no value for: NaN would become NULL.
pub(crate) fn bind<'a>(value: &'a Value<'_>) -> Result<ToSqlOutput<'a>, Unconvertible> {
    let text = |text: String| ToSqlOutput::Owned(Owned::Text(text));
    Ok(match value {
        Value::Null => ToSqlOutput::Owned(Owned::Null),
        Value::Boolean(value) => ToSqlOutput::Owned(Owned::Integer(i64::from(*value))),
        Value::Integer(value) => ToSqlOutput::Owned(Owned::Integer(*value)),
        Value::Real(value) if value.is_nan() => {
            return Err(Unconvertible::new("is NaN, which SQLite cannot store"));
        }
        Value::Real(value) => ToSqlOutput::Owned(Owned::Real(*value)),
        Value::Numeric(digits) => number(digits),
        Value::Text(value) | Value::Json(value) => {
            ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes()))
        }
        Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        Value::LargeBlob(length) => {
            let length = i32::try_from(*length)
                .map_err(|_large| Unconvertible::new("is longer than SQLite's blobs can be"))?;
            ToSqlOutput::ZeroBlob(length)
        }
        Value::Uuid(bytes) => text(Uuid::from_bytes(*bytes).hyphenated().to_string()),
        Value::Timestamp(micros) => text(show_timestamp(*micros)?),
        Value::LocalTimestamp(micros) => text(show_local(*micros)?),
        Value::Date(days) => text(show_date(*days)?),
    })
}

/// SQLite's NUMERIC affinity would turn long digits into a real that is not equal: then the digits
/// stay text, which it does as well when a value is not exactly a number of its own.
fn number<'a>(digits: &str) -> ToSqlOutput<'a> {
    if let Ok(integer) = digits.parse::<i64>() {
        return ToSqlOutput::Owned(Owned::Integer(integer));
    }
    let same = |real: &f64| {
        let one = Decimal::parse(&real.to_string()).ok();
        real.is_finite() && one.is_some() && one == Decimal::parse(digits).ok()
    };
    match digits.parse::<f64>().ok().filter(same) {
        Some(real) => ToSqlOutput::Owned(Owned::Real(real)),
        None => ToSqlOutput::Owned(Owned::Text(digits.to_owned())),
    }
}
