//! Values as both engines understand them.

mod decimal;
mod json;
mod postgres;
mod sqlite;
mod time;

use std::borrow::Cow;

pub(crate) use decimal::Decimal;
pub(crate) use json::{check as check_json, hash as hash_json};
pub(crate) use postgres::{decode, encode};
pub(crate) use sqlite::{bind, check_range, check_stored, read};
pub(crate) use time::{parse_date, parse_local, parse_timestamp};

/// A value of a column, in the canonical form of its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A floating point number; compared by its bits.
    Real(f64),
    /// A decimal number, as its digits.
    Numeric(Cow<'a, str>),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
    /// Bytes that are too many to be held at once: how many, and they are read apart.
    LargeBlob(u64),
    /// A UUID.
    Uuid([u8; 16]),
    /// Microseconds since 1970 in UTC.
    Timestamp(i64),
    /// Microseconds since 1970, without a zone.
    LocalTimestamp(i64),
    /// Days since 1970.
    Date(i32),
    /// The text of valid JSON.
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// Lets go of what it borrows.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Real(value) => Value::Real(value),
            Self::Numeric(text) => Value::Numeric(Cow::Owned(text.into_owned())),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Blob(bytes) => Value::Blob(Cow::Owned(bytes.into_owned())),
            Self::LargeBlob(length) => Value::LargeBlob(length),
            Self::Uuid(bytes) => Value::Uuid(bytes),
            Self::Timestamp(micros) => Value::Timestamp(micros),
            Self::LocalTimestamp(micros) => Value::LocalTimestamp(micros),
            Self::Date(days) => Value::Date(days),
            Self::Json(text) => Value::Json(Cow::Owned(text.into_owned())),
        }
    }

    /// Returns about how many bytes it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Numeric(text) | Self::Text(text) | Self::Json(text) => 16 + text.len(),
            Self::Blob(bytes) => 16 + bytes.len(),
            _ => 16,
        }
    }
}

/// Why a value does not convert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unconvertible(pub String);

impl Unconvertible {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
