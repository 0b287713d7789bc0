//! The form of values in a file: a byte for the type, and the bytes of the value.
//!
//! | Byte | Type | Bytes |
//! |---|---|---|
//! | 0 | NULL | none |
//! | 1 | boolean | one, 0 or 1 |
//! | 2 | integer | 8 |
//! | 3 | real | 8, its bits |
//! | 4 | decimal number | length, digits |
//! | 5 | text | length, UTF-8 |
//! | 6 | blob | length, bytes |
//! | 7 | UUID | 16 |
//! | 8 | instant | 8, microseconds since 1970 in UTC |
//! | 9 | date and time without a zone | 8, microseconds since 1970 |
//! | 10 | date | 4, days since 1970 |
//! | 11 | JSON | length, UTF-8 |
//! | 12 | large blob | 8, its length; 4, its number among those of the batch |
//!
//! Numbers are little endian, lengths 8 bytes.

use crate::model::Kind;
use crate::value::Value;

/// A value of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field<'a> {
    /// It is all here.
    Value(Value<'a>),
    /// It has a file of its own.
    Large {
        /// How long it is.
        length: u64,
        /// Its number among those of the batch.
        number: u32,
    },
}

/// Appends a value that is all here; `LargeBlob` is written by [`put_large`].
pub(super) fn put(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::Boolean(value) => out.extend([1, u8::from(*value)]),
        Value::Integer(value) => fixed(2, &value.to_le_bytes(), out),
        Value::Real(value) => fixed(3, &value.to_bits().to_le_bytes(), out),
        Value::Numeric(digits) => long(4, digits.as_bytes(), out),
        Value::Text(text) => long(5, text.as_bytes(), out),
        Value::Blob(bytes) => long(6, bytes, out),
        Value::Uuid(bytes) => fixed(7, bytes, out),
        Value::Timestamp(micros) => fixed(8, &micros.to_le_bytes(), out),
        Value::LocalTimestamp(micros) => fixed(9, &micros.to_le_bytes(), out),
        Value::Date(days) => fixed(10, &days.to_le_bytes(), out),
        Value::Json(text) => long(11, text.as_bytes(), out),
        Value::LargeBlob(length) => put_large(*length, 0, out),
    }
}

/// Appends the note that a large blob has a file of its own.
pub(super) fn put_large(length: u64, number: u32, out: &mut Vec<u8>) {
    fixed(12, &length.to_le_bytes(), out);
    out.extend(number.to_le_bytes());
}

fn fixed(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn long(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    fixed(tag, &u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes(), out);
    out.extend_from_slice(bytes);
}

/// Takes the next value off `bytes`; `None` when they are none of a kind, or end within it.
pub(super) fn take<'a>(kind: Kind, bytes: &mut &'a [u8]) -> Option<Field<'a>> {
    let [tag] = array(bytes)?;
    let value = match (tag, kind) {
        (0, _) => Value::Null,
        (1, Kind::Boolean) => match array(bytes)? {
            [0] => Value::Boolean(false),
            [1] => Value::Boolean(true),
            _ => return None,
        },
        (2, Kind::Integer) => Value::Integer(i64::from_le_bytes(array(bytes)?)),
        (3, Kind::Real) => Value::Real(f64::from_bits(u64::from_le_bytes(array(bytes)?))),
        (4, Kind::Numeric) => Value::Numeric(text(bytes)?.into()),
        (5, Kind::Text) => Value::Text(text(bytes)?.into()),
        (6, Kind::Blob) => Value::Blob(slice(bytes)?.into()),
        (7, Kind::Uuid) => Value::Uuid(array(bytes)?),
        (8, Kind::Timestamp) => Value::Timestamp(i64::from_le_bytes(array(bytes)?)),
        (9, Kind::LocalTimestamp) => Value::LocalTimestamp(i64::from_le_bytes(array(bytes)?)),
        (10, Kind::Date) => Value::Date(i32::from_le_bytes(array(bytes)?)),
        (11, Kind::Json) => Value::Json(text(bytes)?.into()),
        (12, Kind::Blob) => {
            let length = u64::from_le_bytes(array(bytes)?);
            return Some(Field::Large { length, number: u32::from_le_bytes(array(bytes)?) });
        }
        _ => return None,
    };
    Some(Field::Value(value))
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*array)
}

fn slice<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u64::from_le_bytes(array(bytes)?)).ok()?;
    let (slice, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(slice)
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(slice(bytes)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = (Kind, Value<'static>)> {
        let blob = proptest::collection::vec(any::<u8>(), 0..200);
        prop_oneof![
            Just((Kind::Text, Value::Null)),
            any::<bool>().prop_map(|value| (Kind::Boolean, Value::Boolean(value))),
            any::<i64>().prop_map(|value| (Kind::Integer, Value::Integer(value))),
            any::<u64>().prop_map(|bits| (Kind::Real, Value::Real(f64::from_bits(bits)))),
            "-?[0-9]{1,40}(\\.[0-9]{1,20})?"
                .prop_map(|t| (Kind::Numeric, Value::Numeric(t.into()))),
            any::<String>().prop_map(|text| (Kind::Text, Value::Text(text.into()))),
            blob.prop_map(|bytes| (Kind::Blob, Value::Blob(bytes.into()))),
            any::<[u8; 16]>().prop_map(|bytes| (Kind::Uuid, Value::Uuid(bytes))),
            any::<i64>().prop_map(|value| (Kind::Timestamp, Value::Timestamp(value))),
            any::<i64>().prop_map(|value| (Kind::LocalTimestamp, Value::LocalTimestamp(value))),
            any::<i32>().prop_map(|value| (Kind::Date, Value::Date(value))),
            any::<String>().prop_map(|text| (Kind::Json, Value::Json(text.into()))),
        ]
    }

    /// NaN is not equal to itself, its bits are.
    fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
        match (one, other) {
            (Value::Real(one), Value::Real(other)) => one.to_bits() == other.to_bits(),
            (one, other) => one == other,
        }
    }

    proptest! {
        #[test]
        fn rows_come_back(row in proptest::collection::vec(any_value(), 0..20)) {
            let mut bytes = Vec::new();
            for (_, value) in &row {
                put(value, &mut bytes);
            }
            let mut rest = bytes.as_slice();
            for (kind, value) in &row {
                match take(*kind, &mut rest) {
                    Some(Field::Value(back)) => prop_assert!(same(value, &back)),
                    other => prop_assert!(false, "{value:?} came back as {other:?}"),
                }
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn a_value_that_is_cut_is_none((kind, value) in any_value(), cut in 1_usize..20) {
            let mut bytes = Vec::new();
            put(&value, &mut bytes);
            bytes.truncate(bytes.len().saturating_sub(cut));
            prop_assert_eq!(take(kind, &mut bytes.as_slice()), None);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut rest = bytes.as_slice();
            while take(Kind::Blob, &mut rest).is_some() {}
        }
    }

    #[test]
    fn a_large_blob_is_told_by_length_and_number() {
        let mut bytes = Vec::new();
        put_large(u64::MAX, 7, &mut bytes);
        let mut rest = bytes.as_slice();
        let field = Field::Large { length: u64::MAX, number: 7 };
        assert_eq!(take(Kind::Blob, &mut rest), Some(field));
        assert!(rest.is_empty());
        assert_eq!(take(Kind::Text, &mut bytes.as_slice()), None);
    }
}
