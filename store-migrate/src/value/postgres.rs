//! Values of PostgreSQL in the binary format of `COPY`.

use bytes::{BufMut as _, BytesMut};

use super::{Decimal, Unconvertible, Value, decimal};
use crate::model::PgType;

/// PostgreSQL counts from the year 2000.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const EPOCH_DAYS: i32 = 10_957;

/// The only version of the binary form of JSONB.
const JSONB_VERSION: u8 = 1;

/// The largest value of a column.
const MAX_BYTES: usize = 1 << 30;

/// Appends a value with its length, as a field of a tuple.
///
/// # Errors
/// `Unconvertible` when the type of the column cannot hold it.
pub(crate) fn encode(
    pg_type: PgType,
    value: &Value<'_>,
    out: &mut BytesMut,
) -> Result<(), Unconvertible> {
    let range = || Unconvertible::new(format!("is out of range of {pg_type}"));
    match value {
        Value::Null => out.put_i32(-1),
        Value::Boolean(value) => {
            out.put_i32(1);
            out.put_u8(u8::from(*value));
        }
        Value::Integer(value) => match pg_type {
            PgType::Int2 => {
                out.put_i32(2);
                out.put_i16(i16::try_from(*value).map_err(|_large| range())?);
            }
            PgType::Int4 => {
                out.put_i32(4);
                out.put_i32(i32::try_from(*value).map_err(|_large| range())?);
            }
            _ => {
                out.put_i32(8);
                out.put_i64(*value);
            }
        },
        Value::Real(value) => {
            out.put_i32(8);
            out.put_f64(*value);
        }
        Value::Numeric(digits) => {
            let number = Decimal::parse(digits)?;
            number.check()?;
            let mut field = BytesMut::new();
            number.encode(&mut field);
            put_bytes(&[], &field, out)?;
        }
        Value::Text(text) => put_bytes(&[], text.as_bytes(), out)?,
        Value::Json(text) if pg_type == PgType::Jsonb => {
            put_bytes(&[JSONB_VERSION], text.as_bytes(), out)?;
        }
        Value::Json(text) => put_bytes(&[], text.as_bytes(), out)?,
        Value::Blob(bytes) => put_bytes(&[], bytes, out)?,
        Value::LargeBlob(length) => {
            out.put_i32(field_length(usize::try_from(*length).unwrap_or(usize::MAX))?)
        }
        Value::Uuid(bytes) => put_bytes(&[], bytes, out)?,
        Value::Timestamp(micros) | Value::LocalTimestamp(micros) => {
            out.put_i32(8);
            out.put_i64(micros.checked_sub(EPOCH_MICROS).ok_or_else(range)?);
        }
        Value::Date(days) => {
            out.put_i32(4);
            out.put_i32(days.checked_sub(EPOCH_DAYS).ok_or_else(range)?);
        }
    }
    Ok(())
}

fn put_bytes(prefix: &[u8], bytes: &[u8], out: &mut BytesMut) -> Result<(), Unconvertible> {
    out.put_i32(field_length(prefix.len() + bytes.len())?);
    out.put_slice(prefix);
    out.put_slice(bytes);
    Ok(())
}

fn field_length(bytes: usize) -> Result<i32, Unconvertible> {
    i32::try_from(bytes).ok().filter(|_| bytes < MAX_BYTES).ok_or_else(|| {
        Unconvertible::new("is larger than the 1 GiB a value of PostgreSQL can have")
    })
}

/// Reads a field of a tuple.
///
/// # Errors
/// `Unconvertible` when SQLite has no such value: NaN, infinite instants.
pub(crate) fn decode<'a>(
    pg_type: PgType,
    field: Option<&'a [u8]>,
) -> Result<Value<'a>, Unconvertible> {
    let Some(bytes) = field else { return Ok(Value::Null) };
    Ok(match pg_type {
        PgType::Bool => Value::Boolean(fixed::<1>(bytes)? != [0]),
        PgType::Int2 => Value::Integer(i64::from(i16::from_be_bytes(fixed(bytes)?))),
        PgType::Int4 => Value::Integer(i64::from(i32::from_be_bytes(fixed(bytes)?))),
        PgType::Int8 => Value::Integer(i64::from_be_bytes(fixed(bytes)?)),
        PgType::Float8 => Value::Real(f64::from_be_bytes(fixed(bytes)?)),
        PgType::Numeric => Value::Numeric(decimal::decode(bytes)?.into()),
        PgType::Text | PgType::Tsvector => Value::Text(utf8(bytes)?.into()),
        PgType::Bytea => Value::Blob(bytes.into()),
        PgType::Uuid => Value::Uuid(fixed(bytes)?),
        PgType::Timestamptz => Value::Timestamp(micros(bytes)?),
        PgType::Timestamp => Value::LocalTimestamp(micros(bytes)?),
        PgType::Date => Value::Date(days(bytes)?),
        PgType::Json => Value::Json(utf8(bytes)?.into()),
        PgType::Jsonb => match bytes {
            [JSONB_VERSION, text @ ..] => Value::Json(utf8(text)?.into()),
            _ => return Err(Unconvertible::new("is JSONB of an unknown version")),
        },
    })
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Unconvertible> {
    bytes.try_into().map_err(|_length| Unconvertible::new("has a length its type does not have"))
}

fn utf8(bytes: &[u8]) -> Result<&str, Unconvertible> {
    std::str::from_utf8(bytes).map_err(|_invalid| Unconvertible::new("is not valid UTF-8"))
}

fn micros(bytes: &[u8]) -> Result<i64, Unconvertible> {
    match i64::from_be_bytes(fixed(bytes)?) {
        i64::MIN | i64::MAX => Err(Unconvertible::new("is an infinite instant")),
        micros => micros
            .checked_add(EPOCH_MICROS)
            .ok_or_else(|| Unconvertible::new("is an instant out of range")),
    }
}

fn days(bytes: &[u8]) -> Result<i32, Unconvertible> {
    match i32::from_be_bytes(fixed(bytes)?) {
        i32::MIN | i32::MAX => Err(Unconvertible::new("is an infinite date")),
        days => {
            days.checked_add(EPOCH_DAYS).ok_or_else(|| Unconvertible::new("is a date out of range"))
        }
    }
}
