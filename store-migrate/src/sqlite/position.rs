//! Places in the order in which a table is read.

use rusqlite::types::{Value, ValueRef};
use serde_json::json;

use crate::{Error, Result};

/// Writes the values an order goes by.
pub(super) fn write(values: &[ValueRef<'_>]) -> String {
    let values: Vec<_> = values
        .iter()
        .map(|value| match value {
            ValueRef::Null => json!({"null": true}),
            // Text, so that no reader of JSON rounds it.
            ValueRef::Integer(value) => json!({"integer": value.to_string()}),
            ValueRef::Real(value) => json!({"real": value.to_bits().to_string()}),
            ValueRef::Text(bytes) => json!({"text": hex::encode(bytes)}),
            ValueRef::Blob(bytes) => json!({"blob": hex::encode(bytes)}),
        })
        .collect();
    serde_json::Value::Array(values).to_string()
}

/// Reads what [`write`] wrote.
pub(super) fn read(text: &str) -> Result<Vec<Value>> {
    let broken = || Error::refused(format!("`{text}` is not a position of a migration"));
    let values: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(text).map_err(|_error| broken())?;
    values.iter().map(|value| one(value).ok_or_else(broken)).collect()
}

fn one(value: &serde_json::Map<String, serde_json::Value>) -> Option<Value> {
    let (class, value) = value.iter().next()?;
    let text = || value.as_str();
    Some(match class.as_str() {
        "null" => Value::Null,
        "integer" => Value::Integer(text()?.parse().ok()?),
        "real" => Value::Real(f64::from_bits(text()?.parse().ok()?)),
        "text" => Value::Text(String::from_utf8(hex::decode(text()?).ok()?).ok()?),
        "blob" => Value::Blob(hex::decode(text()?).ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back() {
        let values = [
            ValueRef::Null,
            ValueRef::Integer(i64::MIN),
            ValueRef::Real(0.1),
            ValueRef::Text("ä\"".as_bytes()),
            ValueRef::Blob(&[0, 255]),
        ];
        let back = read(&write(&values)).unwrap();
        assert!(back.iter().map(ValueRef::from).eq(values));
        for text in ["", "[]x", "[1]", r#"[{"integer":"x"}]"#, r#"[{"other":"1"}]"#] {
            read(text).unwrap_err();
        }
    }
}
