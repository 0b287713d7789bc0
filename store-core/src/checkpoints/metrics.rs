use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value, json};

use super::MetricPath;
use crate::{Error, Result};

/// The key of the object that stands for a number JSON does not have.
pub(super) const FLOAT_KEY: &str = "$f64";

/// The deepest nesting: that of the JSON policy.
const MAX_DEPTH: usize = 100;

/// How good a checkpoint is: a JSON object in which numbers are metrics.
///
/// A number at any depth of nested objects is a metric, addressed by its [`MetricPath`]. NaN and
/// the infinities, which JSON does not have, are the objects `{"$f64": "NaN"}`,
/// `{"$f64": "Infinity"}` and `{"$f64": "-Infinity"}`; the key `$f64` means nothing else. Text,
/// booleans, null and arrays are kept and are no metrics, nor is what is inside arrays.
///
/// Metrics are compared as `f64`: integers beyond 2^53 are rounded for that, and kept as they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Metrics(Value);

impl Metrics {
    /// The most numbers of one checkpoint.
    pub const MAX_NUMBERS: usize = 1000;

    /// Makes metrics that hold nothing.
    #[must_use]
    pub fn new() -> Self {
        Self(Value::Object(Map::new()))
    }

    /// Checks and wraps a JSON object.
    ///
    /// # Errors
    /// `Invalid` for anything but an object, for a `$f64` that is not one of the three objects
    /// above (inside arrays too), for a number whose path is longer than 512 bytes or holds NUL,
    /// for more than 1000 numbers, and for nesting deeper than 100.
    pub fn from_json(json: Value) -> Result<Self> {
        match &json {
            Value::Object(map) if !map.contains_key(FLOAT_KEY) => {}
            _ => return Err(Error::invalid("metrics", "must be an object of metrics")),
        }
        numbers_of(&json)?;
        Ok(Self(json))
    }

    /// Returns the JSON object.
    #[must_use]
    pub const fn as_json(&self) -> &Value {
        &self.0
    }

    /// Returns the JSON object as an owned value.
    #[must_use]
    pub fn into_json(self) -> Value {
        self.0
    }

    /// Puts a number at a path, with the objects on the way; any `f64` is accepted.
    ///
    /// # Errors
    /// `Invalid` for a malformed path, for one that leads through something else than objects or
    /// to an object of metrics, and for more than 1000 numbers; nothing is changed then.
    pub fn set(&mut self, path: impl AsRef<str>, value: f64) -> Result<()> {
        let path = MetricPath::new(path.as_ref())?;
        let mut changed = self.0.clone();
        let mut place = &mut changed;
        for key in path.keys() {
            place = match place {
                Value::Object(map) if !map.contains_key(FLOAT_KEY) => {
                    map.entry(key).or_insert_with(|| Value::Object(Map::new()))
                }
                _ => return Err(Error::invalid("path", "leads through what is no object")),
            };
        }
        if matches!(place, Value::Object(map) if !map.is_empty() && !map.contains_key(FLOAT_KEY)) {
            return Err(Error::invalid("path", "leads to an object of metrics"));
        }
        *place = number(value);
        *self = Self::from_json(changed)?;
        Ok(())
    }

    /// Returns these metrics with a number at a path.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    pub fn with(mut self, path: impl AsRef<str>, value: f64) -> Result<Self> {
        self.set(path, value)?;
        Ok(self)
    }

    /// Returns the number at a path; none when there is no number, or the path is malformed.
    #[must_use]
    pub fn get(&self, path: impl AsRef<str>) -> Option<f64> {
        let path = MetricPath::new(path.as_ref()).ok()?;
        // Through objects only: a pointer would find its way into arrays.
        let place = path.keys().try_fold(&self.0, |place, key| place.as_object()?.get(&key))?;
        float(place).ok().flatten()
    }

    /// Returns all numbers with their paths, in the order of the paths' bytes.
    pub fn numbers(&self) -> impl Iterator<Item = (MetricPath, f64)> + use<> {
        // They were checked when the metrics were made.
        numbers_of(&self.0).unwrap_or_default().into_iter()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl TryFrom<Value> for Metrics {
    type Error = Error;

    fn try_from(json: Value) -> Result<Self> {
        Self::from_json(json)
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Writes a number; those JSON does not have as an object.
fn number(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => json!({FLOAT_KEY: "NaN"}),
        None if value.is_sign_positive() => json!({FLOAT_KEY: "Infinity"}),
        None => json!({FLOAT_KEY: "-Infinity"}),
    }
}

/// Reads a number; none when the value is something else.
fn float(value: &Value) -> Result<Option<f64>> {
    match value {
        Value::Number(number) => Ok(number.as_f64()),
        Value::Object(map) => match (map.get(FLOAT_KEY), map.len()) {
            (None, _) => Ok(None),
            (Some(Value::String(word)), 1) => special(word).map(Some),
            _ => Err(malformed()),
        },
        _ => Ok(None),
    }
}

fn special(word: &str) -> Result<f64> {
    match word {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        _ => Err(malformed()),
    }
}

fn malformed() -> Error {
    Error::invalid(
        "metrics",
        "holds a `$f64` that is not alone in its object with NaN, Infinity or -Infinity",
    )
}

/// Finds all numbers of an object, checking it on the way.
fn numbers_of(json: &Value) -> Result<Vec<(MetricPath, f64)>> {
    let mut found = Vec::new();
    collect(json, None, 1, &mut found)?;
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

fn collect(
    object: &Value,
    at: Option<&MetricPath>,
    depth: usize,
    found: &mut Vec<(MetricPath, f64)>,
) -> Result<()> {
    check_depth(depth)?;
    for (key, value) in object.as_object().into_iter().flatten() {
        if let Some(number) = float(value)? {
            if found.len() == Metrics::MAX_NUMBERS {
                let most = Metrics::MAX_NUMBERS;
                return Err(Error::invalid("metrics", format!("has more than {most} numbers")));
            }
            found.push((below(at, key)?, number));
        } else if value.is_object() {
            collect_below(value, at, key, depth, found)?;
        } else {
            check_array(value, depth + 1)?;
        }
    }
    Ok(())
}

/// A key that is too long for a path is fine, as long as no number is below it.
fn collect_below(
    object: &Value,
    at: Option<&MetricPath>,
    key: &str,
    depth: usize,
    found: &mut Vec<(MetricPath, f64)>,
) -> Result<()> {
    match below(at, key) {
        Ok(path) => collect(object, Some(&path), depth + 1, found),
        Err(error) => {
            let mut unreachable = Vec::new();
            collect(object, None, depth + 1, &mut unreachable)?;
            if unreachable.is_empty() { Ok(()) } else { Err(error) }
        }
    }
}

/// Names the metrics in the error of a path.
fn below(at: Option<&MetricPath>, key: &str) -> Result<MetricPath> {
    MetricPath::below(at, key).map_err(|error| match error {
        Error::Invalid { reason, .. } => {
            Error::invalid("metrics", format!("holds a number whose path {reason}"))
        }
        other => other,
    })
}

/// Checks what is inside arrays, where nothing is a metric.
fn check_array(value: &Value, depth: usize) -> Result<()> {
    match value {
        Value::Array(items) => {
            check_depth(depth)?;
            items.iter().try_for_each(|item| check_array(item, depth + 1))
        }
        Value::Object(map) => {
            check_depth(depth)?;
            float(value)?;
            map.values().try_for_each(|item| check_array(item, depth + 1))
        }
        _ => Ok(()),
    }
}

fn check_depth(depth: usize) -> Result<()> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(Error::invalid("metrics", format!("is nested deeper than {MAX_DEPTH} levels")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_objects_and_nowhere_else() {
        let metrics = Metrics::from_json(json!({
            "b": {"c/d": 2, "e": {"$f64": "-Infinity"}}, "a": 1.5, "list": [3, {"x": 4}],
            "text": "5", "none": null, "yes": true, "": 6, "nan": {"$f64": "NaN"},
        }))
        .unwrap();
        let found: Vec<_> =
            metrics.numbers().map(|(p, v)| (p.to_string(), v.to_string())).collect();
        let expected =
            [("/", "6"), ("/a", "1.5"), ("/b/c~1d", "2"), ("/b/e", "-inf"), ("/nan", "NaN")];
        let expected = expected.map(|(path, value)| (path.to_owned(), value.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(metrics.get("b/c~1d"), Some(2.0));
        assert!(metrics.get("nan").unwrap().is_nan());
        for absent in ["list", "list/0", "text", "b", "b/x", "", "nan/$f64"] {
            assert_eq!(metrics.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn setting_a_number_makes_the_objects_on_the_way() {
        let mut metrics = Metrics::new().with("val/loss", f64::INFINITY).unwrap();
        metrics.set("/val/accuracy", 0.5).unwrap();
        metrics.set("val/loss", -1.0).unwrap();
        metrics.set("val/nan", f64::NAN).unwrap();
        let expected = json!({"val": {"loss": -1.0, "accuracy": 0.5, "nan": {"$f64": "NaN"}}});
        assert_eq!(metrics.as_json(), &expected);
        let before = metrics.clone();
        for bad in ["val", "val/loss/x", "val/nan/x", "", "~"] {
            assert!(metrics.set(bad, 1.0).is_err(), "{bad}");
            assert_eq!(metrics, before);
        }
    }

    #[test]
    fn what_is_no_object_of_metrics_is_invalid() {
        let long = "k".repeat(513);
        let deep = (0..100).fold(json!(1), |inner, _| json!({"a": inner}));
        assert!(Metrics::from_json(deep.clone()).is_ok());
        let bad = [
            json!(1),
            json!([]),
            json!({"$f64": "NaN"}),
            json!({"a": {"$f64": "nan"}}),
            json!({"a": {"$f64": 1.0}}),
            json!({"a": {"$f64": "NaN", "b": 1}}),
            json!({"a": [{"$f64": "inf"}]}),
            json!({&long: 1}),
            json!({&long: {"a": 1}}),
            json!({"a\0b": 1}),
            json!({"a": deep}),
        ];
        for json in bad {
            let error = Metrics::from_json(json.clone()).unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "metrics"), "{json}");
        }
        assert!(Metrics::from_json(json!({&long: "text", "b": [1]})).is_ok());
        assert!(Metrics::from_json(json!({&long: {"a": "text"}})).is_ok());
    }

    #[test]
    fn a_thousand_numbers_pass_and_one_more_is_refused() {
        let numbers = |count: usize| -> Value {
            Value::Object((0..count).map(|n| (format!("m{n}"), json!(n))).collect())
        };
        let mut metrics = Metrics::from_json(numbers(1000)).unwrap();
        assert_eq!(metrics.numbers().count(), 1000);
        assert!(metrics.set("one_more", 1.0).is_err());
        metrics.set("m7", 8.0).unwrap();
        assert!(Metrics::from_json(numbers(1001)).is_err());
    }
}
