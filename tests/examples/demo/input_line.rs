//! One line of the input, as a step.

use serde_json::{Map, Value};
use store_core::history::{NewStep, Usage};

/// The keys of the sample.
const KEYS: [&str; 6] = ["at", "kind", "name", "payload", "usage", "idempotency_key"];

/// Reads a line. A line with the sample's keys is a step; any other object is a payload.
pub(crate) fn parse(line: &str) -> Result<NewStep, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| not_json(&error))?;
    let Value::Object(mut object) = value else {
        return Err("is not a JSON object".into());
    };
    let is_step = object.keys().all(|key| KEYS.contains(&key.as_str()));
    match object.remove("payload") {
        Some(payload) if is_step => step(payload, object),
        Some(payload) => {
            object.insert("payload".into(), payload);
            Ok(NewStep::new(Value::Object(object)))
        }
        None => Ok(NewStep::new(Value::Object(object))),
    }
}

/// Says where in the line it is. What the parser calls line 1 is this one, which has a number.
fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    format!("not JSON, column {}: {reason}", error.column())
}

fn step(payload: Value, mut rest: Map<String, Value>) -> Result<NewStep, String> {
    let at = text(&mut rest, "at")?;
    Ok(NewStep {
        at: at.map(|at| at.parse().map_err(|error| format!("`at`: {error}"))).transpose()?,
        kind: text(&mut rest, "kind")?,
        name: text(&mut rest, "name")?,
        payload,
        usage: usage(rest.remove("usage"))?,
        idempotency_key: text(&mut rest, "idempotency_key")?,
    })
}

fn text(object: &mut Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` is neither a string nor null")),
    }
}

fn usage(value: Option<Value>) -> Result<Option<Usage>, String> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let part = |key: &str| {
        let number = value.get(key).and_then(Value::as_i64);
        number.ok_or_else(|| format!("`usage.{key}` is not a whole number"))
    };
    Ok(Some(Usage {
        input_tokens: part("input_tokens")?,
        output_tokens: part("output_tokens")?,
        cost_micros: part("cost_micros")?,
    }))
}
