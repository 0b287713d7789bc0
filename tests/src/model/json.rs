//! The JSON policy, written down a second time.

use serde_json::{Map, Number, Value};

/// Returns what a store keeps of a value, or the path of the first NUL in it.
pub(super) fn kept(field: &str, value: &Value) -> Result<Value, String> {
    Ok(match value {
        Value::Number(number) => Value::Number(kept_number(number)),
        Value::String(text) if text.contains('\0') => return Err(field.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| kept(&format!("{field}[{index}]"), item))
            .collect::<Result<_, _>>()?,
        Value::Object(map) => {
            if map.keys().any(|key| key.contains('\0')) {
                return Err(field.to_owned());
            }
            map.iter()
                .map(|(key, item)| Ok((key.clone(), kept(&format!("{field}.{key}"), item)?)))
                .collect::<Result<Map<_, _>, String>>()?
                .into()
        }
        other => other.clone(),
    })
}

/// Zero has no sign, and large integral floats are integers.
fn kept_number(number: &Number) -> Number {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.clone() };
    if float == 0.0 {
        return Number::from_f64(0.0).expect("zero is finite");
    }
    if float.abs() < 1e16 || float.fract() != 0.0 {
        return number.clone();
    }
    let digits = format!("{float:.0}");
    match (digits.parse::<i64>(), digits.parse::<u64>()) {
        (Ok(integer), _) => integer.into(),
        (_, Ok(integer)) => integer.into(),
        _ => number.clone(),
    }
}

/// The bytes of a value in its compact form.
pub(super) fn bytes(value: &Value) -> u64 {
    value.to_string().len() as u64
}
