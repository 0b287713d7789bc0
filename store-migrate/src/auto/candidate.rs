//! What the values of a column are, and which types could hold them.

use rusqlite::types::ValueRef;

use super::declared::Length;
use crate::model::PgType;
use crate::report::Problem;
use crate::value::{Decimal, Value};

/// How many problems of a column are kept.
pub(super) const KEPT: usize = 100;

/// How many values are of each storage class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) nulls: u64,
    pub(super) integers: u64,
    pub(super) reals: u64,
    pub(super) texts: u64,
    pub(super) blobs: u64,
    /// The longest text or blob that was read.
    pub(super) longest: usize,
}

impl Counts {
    pub(super) fn add(&mut self, stored: ValueRef<'_>) {
        let (count, length) = match stored {
            ValueRef::Null => (&mut self.nulls, 0),
            ValueRef::Integer(_) => (&mut self.integers, 8),
            ValueRef::Real(_) => (&mut self.reals, 8),
            ValueRef::Text(bytes) => (&mut self.texts, bytes.len()),
            ValueRef::Blob(bytes) => (&mut self.blobs, bytes.len()),
        };
        *count += 1;
        self.longest = self.longest.max(length);
    }

    /// How many are not NULL.
    pub(super) fn values(&self) -> u64 {
        self.integers + self.reals + self.texts + self.blobs
    }

    /// Returns what every value is, or most of them.
    pub(super) fn by_values(&self) -> PgType {
        let numbers = self.integers + self.reals;
        let most = numbers.max(self.texts).max(self.blobs);
        match self {
            _ if most == 0 || self.blobs == most => PgType::Bytea,
            _ if self.texts == most => PgType::Text,
            _ if self.reals == 0 => PgType::Int8,
            _ if self.integers == 0 => PgType::Float8,
            // Together only exact decimals hold both without a loss.
            _ => PgType::Numeric,
        }
    }
}

/// Problems, the first ones in full.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) count: u64,
    pub(super) kept: Vec<Problem>,
}

impl Failures {
    pub(super) fn add(&mut self, problem: impl FnOnce() -> Problem) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(problem());
        }
    }
}

/// A type a column may become.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) pg_type: PgType,
    /// The length that is kept.
    pub(super) length: Option<Length>,
    pub(super) failures: Failures,
}

impl Candidate {
    pub(super) fn new(pg_type: PgType) -> Self {
        Self { pg_type, length: None, failures: Failures::default() }
    }

    /// Returns the type in SQL, with its length where that is kept.
    pub(super) fn sql_type(&self) -> String {
        match self.length {
            // `char(n)` would fill up with blanks what is shorter.
            Some(Length::Characters(most)) => format!("varchar({most})"),
            Some(Length::Digits(most, scale)) => format!("numeric({most},{scale})"),
            None => self.pg_type.sql().to_owned(),
        }
    }

    /// Checks a value against the length that is kept: PostgreSQL would round, or cut blanks.
    pub(super) fn check_length(&self, value: &Value<'_>) -> Result<(), String> {
        match (self.length, value) {
            (Some(Length::Characters(most)), Value::Text(text)) => {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                if text.chars().nth(most).is_some() {
                    return Err(format!(
                        "is longer than the {most} characters it was declared with"
                    ));
                }
            }
            (Some(Length::Digits(most, scale)), Value::Numeric(digits)) => {
                let number = Decimal::parse(digits).map_err(|error| error.to_string())?;
                let (whole, part) = number.places();
                if whole > i64::from(most - scale) || part > i64::from(scale) {
                    return Err(format!("does not fit into numeric({most},{scale})"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
