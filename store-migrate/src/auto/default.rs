//! Defaults of columns.

mod now;

use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};

use super::declared::Affinity;
use super::names::literal;
use crate::catalog::tokens::{Class, Token, tokens};
use crate::model::{Kind, PgType};
use crate::value::{self, Value};
use now::now;

/// What becomes of a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Default {
    /// There is none, as without one.
    Null,
    /// This one.
    Sql(String),
    /// None that certainly means the same.
    Unknown,
}

/// Translates the SQL of a default.
pub(super) fn translate(sql: &str, pg_type: PgType, affinity: Affinity) -> Default {
    let Some(tokens) = tokens(sql) else { return Default::Unknown };
    let tokens = bare(&tokens);
    let found = match tokens {
        [word] if word.is("NULL") => return Default::Null,
        [value] => constant(*value, false, pg_type, affinity).or_else(|| now(tokens, pg_type)),
        [sign, value] if sign.is("-") && value.class == Class::Number => {
            constant(*value, true, pg_type, affinity)
        }
        [sign, value] if sign.is("+") && value.class == Class::Number => {
            constant(*value, false, pg_type, affinity)
        }
        _ => now(tokens, pg_type),
    };
    found.map_or(Default::Unknown, Default::Sql)
}

/// Takes the parentheses around all of it away.
fn bare<'a, 'b>(mut tokens: &'b [Token<'a>]) -> &'b [Token<'a>] {
    while let [first, inner @ .., last] = tokens {
        let closes =
            super::create::group(tokens, 0).is_some_and(|(_, end)| end == tokens.len() - 1);
        if !(first.is("(") && last.is(")") && closes) {
            break;
        }
        tokens = inner;
    }
    tokens
}

/// Translates a value that is written out, as the column would store it.
fn constant(
    token: Token<'_>,
    negative: bool,
    pg_type: PgType,
    affinity: Affinity,
) -> Option<String> {
    let kind = pg_type.kind();
    let text = match token.class {
        Class::Number => {
            let sign = if negative { "-" } else { "" };
            let digits = format!("{sign}{}", token.text);
            return match digits.parse::<i64>() {
                Ok(number) if affinity == Affinity::Text => {
                    stored(kind, pg_type, ValueRef::Text(number.to_string().as_bytes()))
                }
                Ok(number) => stored(kind, pg_type, ValueRef::Integer(number)),
                Err(_not_whole) if affinity == Affinity::Text => None,
                Err(_not_whole) => real(&digits, kind, pg_type),
            };
        }
        Class::Blob => {
            let digits = token.text.get(2..token.text.len() - 1)?;
            let bytes = hex::decode(digits).map_err(drop);
            return stored(kind, pg_type, ValueRef::Blob(&bytes.ok()?));
        }
        Class::Word if token.is("TRUE") || token.is("FALSE") => {
            let number = i64::from(token.is("TRUE"));
            return (affinity != Affinity::Text)
                .then(|| stored(kind, pg_type, ValueRef::Integer(number)))?;
        }
        Class::Word if token.text.to_ascii_uppercase().starts_with("CURRENT_") => return None,
        Class::String | Class::Quoted | Class::Word => token.name()?,
        Class::Sign => return None,
    };
    let number = matches!(affinity, Affinity::Integer | Affinity::Real | Affinity::Numeric);
    match text.parse::<i64>() {
        Ok(value) if number && value.to_string() == text => {
            stored(kind, pg_type, ValueRef::Integer(value))
        }
        // Something like a number that a column for numbers would store as one.
        _ if number && text.trim().parse::<f64>().is_ok() => None,
        _ => stored(kind, pg_type, ValueRef::Text(text.as_bytes())),
    }
}

fn real(digits: &str, kind: Kind, pg_type: PgType) -> Option<String> {
    let number: f64 = digits.parse().ok().filter(|number: &f64| number.is_finite())?;
    stored(kind, pg_type, ValueRef::Real(number))
}

/// Writes a stored value as SQL, if it converts.
fn stored(kind: Kind, pg_type: PgType, stored: ValueRef<'_>) -> Option<String> {
    let value = value::read(kind, stored).ok()?;
    value::check_range(pg_type, &value).ok()?;
    let quoted = |text: &str| format!("{}::{pg_type}", literal(text));
    Some(match value {
        Value::Boolean(value) => if value { "TRUE" } else { "FALSE" }.to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) if value.is_finite() => quoted(&value.to_string()),
        Value::Numeric(digits) => quoted(&digits),
        Value::Text(text) => literal(&text),
        Value::Json(text) => quoted(&text),
        Value::Blob(bytes) => quoted(&format!("\\x{}", hex::encode(bytes))),
        Value::Uuid(bytes) => quoted(&uuid::Uuid::from_bytes(bytes).to_string()),
        Value::Timestamp(_) | Value::LocalTimestamp(_) | Value::Date(_) => {
            match value::bind(&value).ok()? {
                ToSqlOutput::Owned(Owned::Text(text)) => quoted(&text),
                _ => return None,
            }
        }
        Value::Null | Value::Real(_) | Value::LargeBlob(_) => return None,
    })
}

#[cfg(test)]
mod tests;
