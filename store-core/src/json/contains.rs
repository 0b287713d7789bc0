//! PostgreSQL's JSONB containment (`@>`), for the backend that does not have it.
//!
//! Source of the rules: PostgreSQL documentation, "jsonb Containment and Existence".

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Tells whether `left` contains `right` as `left @> right` does in PostgreSQL.
///
/// Objects contain objects whose every pair they contain; arrays contain arrays whose every
/// element they contain, in any order and number. Numbers are compared by value (`1` is `1.0`).
/// As the one exception, an array contains a bare scalar that is one of its elements, at the top
/// level only.
#[must_use]
pub fn contains(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(items), scalar) if is_scalar(scalar) => {
            items.iter().any(|item| scalars_equal(item, scalar))
        }
        _ => contains_nested(left, right),
    }
}

fn contains_nested(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => right
            .iter()
            .all(|(key, wanted)| left.get(key).is_some_and(|found| contains_nested(found, wanted))),
        (Value::Array(left), Value::Array(right)) => {
            right.iter().all(|wanted| left.iter().any(|found| contains_nested(found, wanted)))
        }
        _ => scalars_equal(left, right),
    }
}

const fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

fn scalars_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => numbers_equal(left, right),
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::String(left), Value::String(right)) => left == right,
        _ => false,
    }
}

/// Compares by exact value: `u64` and `i64` through `i128`, integers with floats without rounding.
fn numbers_equal(left: &Number, right: &Number) -> bool {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => left == right,
        (Some(integer), None) => float_is_integer(right.as_f64(), integer),
        (None, Some(integer)) => float_is_integer(left.as_f64(), integer),
        (None, None) => left.as_f64().partial_cmp(&right.as_f64()) == Some(Ordering::Equal),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float_is_integer(float: Option<f64>, integer: i128) -> bool {
    float.is_some_and(|float| {
        #[expect(clippy::cast_possible_truncation, reason = "an out-of-range float saturates")]
        let truncated = float as i128;
        float.fract() == 0.0 && truncated == integer
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of (left, right, verdict); `store-tests` asks PostgreSQL for the same verdicts.
    #[test]
    fn containment_follows_postgresql() {
        let cases = [
            (r#"{"a":1,"b":2}"#, r#"{"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":1.0}"#, true),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, false),
            (r#"{"a":{"b":{"c":1,"d":2}}}"#, r#"{"a":{"b":{"c":1}}}"#, true),
            (r#"{"a":{"b":1}}"#, r#"{"b":1}"#, false),
            (r#"{"a":[1,2,3]}"#, r#"{"a":[3,1]}"#, true),
            (r#"{"a":[1,2,3]}"#, r#"{"a":[1,1,1]}"#, true),
            (r#"{"a":[1]}"#, r#"{"a":1}"#, false),
            (r#"{"a":[[1,2]]}"#, r#"{"a":[[1]]}"#, true),
            (r#"{"a":[{"b":1,"c":2}]}"#, r#"{"a":[{"b":1}]}"#, true),
            (r#"{"a":null}"#, r#"{"a":null}"#, true),
            (r#"{}"#, r#"{"a":null}"#, false),
            (r#"{"a":1}"#, r#"{}"#, true),
            (r#"[1,2]"#, r#"[]"#, true),
            (r#"[1,2]"#, r#"1"#, true),
            (r#"["a"]"#, r#""a""#, true),
            (r#"[[1]]"#, r#"1"#, false),
            (r#"1"#, r#"[1]"#, false),
            (r#"1"#, r#"1.0"#, true),
            (r#"[]"#, r#"{}"#, false),
            (r#"{"a":"it's \"q\""}"#, r#"{"a":"it's \"q\""}"#, true),
            (r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992.0}"#, false),
            (r#"{"a":true}"#, r#"{"a":1}"#, false),
        ];
        for (left, right, verdict) in cases {
            let (l, r) =
                (serde_json::from_str(left).unwrap(), serde_json::from_str(right).unwrap());
            assert_eq!(contains(&l, &r), verdict, "{left} @> {right}");
        }
    }
}
