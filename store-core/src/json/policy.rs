//! What JSON the stores accept, and how it is brought into the form both backends keep.

use serde_json::{Number, Value};

use crate::{Error, Result};

/// The deepest nesting of arrays and objects: `serde_json` reads back no more than 127 levels.
const MAX_DEPTH: usize = 100;

/// The magnitude from which PostgreSQL's JSONB prints an integral float as an integer.
const INTEGRAL_FROM: f64 = 1e16;

/// Escapes NUL under [`NulPolicy::Escape`]; the character itself becomes `ESCAPE` + `E`.
const ESCAPE: char = '\u{E000}';

/// What happens to NUL characters, which PostgreSQL cannot store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NulPolicy {
    /// They are `Invalid`, with the path.
    #[default]
    Reject,
    /// They are written as U+E000 `0` (and U+E000 as U+E000 `E`) and restored when read.
    ///
    /// Choose it once for a database: a store with the other policy reads the escaped form.
    Escape,
}

/// The JSON policy of a store.
///
/// Key order is not kept, and numbers that `serde_json::Value` cannot hold (integers beyond
/// `u64`, decimals with more digits than `f64`) never reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonPolicy {
    max_bytes: usize,
    nul: NulPolicy,
}

/// A value the policy admitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// The value as it will be read back.
    pub value: Value,
    /// The compact text that is stored.
    pub text: String,
}

impl Admitted {
    /// Returns the value in the form that is stored, for a database that compares values.
    #[must_use]
    pub fn stored(&self) -> Value {
        // It was written from a value a moment ago.
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Returns the size of the stored text.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        i64::try_from(self.text.len()).unwrap_or(i64::MAX)
    }
}

impl Default for JsonPolicy {
    fn default() -> Self {
        Self::new(Self::DEFAULT_MAX_BYTES, NulPolicy::Reject)
    }
}

impl JsonPolicy {
    /// The size a value may have unless a setting says otherwise: 16 MiB.
    pub const DEFAULT_MAX_BYTES: usize = 16 * 1024 * 1024;

    /// Makes a policy with a cap on the compact text of a value, in bytes.
    #[must_use]
    pub const fn new(max_bytes: usize, nul: NulPolicy) -> Self {
        Self { max_bytes, nul }
    }

    /// Checks `value` and brings it into the stored form.
    ///
    /// `-0.0` becomes `0.0`; an integral float of at least 1e16 that fits `i64` or `u64` becomes
    /// that integer. Everything else is kept exactly.
    ///
    /// # Errors
    /// `Invalid` for NUL (unless escaped), nesting deeper than 100 and values over the cap; the
    /// field carries the JSON path.
    pub fn admit(&self, field: &str, mut value: Value) -> Result<Admitted> {
        self.normalize(&mut value, &mut Path::root(field))?;
        let text = value.to_string();
        if text.len() > self.max_bytes {
            let (size, cap) = (text.len(), self.max_bytes);
            return Err(Error::invalid(
                field,
                format!("has {size} bytes of JSON, the cap is {cap}"),
            ));
        }
        Ok(Admitted { value: self.restore(value), text })
    }

    /// Undoes what [`NulPolicy::Escape`] did, for a value that was read.
    #[must_use]
    pub fn restore(&self, mut value: Value) -> Value {
        if self.nul == NulPolicy::Escape {
            restore_nul(&mut value);
        }
        value
    }

    fn normalize(&self, value: &mut Value, path: &mut Path<'_>) -> Result<()> {
        match value {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::Number(number) => {
                normalize_number(number);
                Ok(())
            }
            Value::String(text) => self.check_text(text, path),
            Value::Array(items) => {
                path.descend()?;
                for (index, item) in items.iter_mut().enumerate() {
                    path.within(Segment::Index(index), |path| self.normalize(item, path))?;
                }
                path.ascend();
                Ok(())
            }
            Value::Object(map) => {
                path.descend()?;
                if map.keys().any(|key| self.touches(key)) {
                    *map = self.escape_keys(std::mem::take(map), path)?;
                }
                for (key, item) in map.iter_mut() {
                    path.within(Segment::Key(key.clone()), |path| self.normalize(item, path))?;
                }
                path.ascend();
                Ok(())
            }
        }
    }

    fn touches(&self, text: &str) -> bool {
        match self.nul {
            NulPolicy::Reject => text.contains('\0'),
            NulPolicy::Escape => text.contains(['\0', ESCAPE]),
        }
    }

    fn check_text(&self, text: &mut String, path: &Path<'_>) -> Result<()> {
        if self.touches(text) {
            match self.nul {
                NulPolicy::Reject => return Err(path.invalid("holds a NUL character")),
                NulPolicy::Escape => *text = escape_nul(text),
            }
        }
        Ok(())
    }

    fn escape_keys(
        &self,
        map: serde_json::Map<String, Value>,
        path: &Path<'_>,
    ) -> Result<serde_json::Map<String, Value>> {
        map.into_iter()
            .map(|(mut key, item)| {
                self.check_text(&mut key, path)?;
                Ok((key, item))
            })
            .collect()
    }
}

/// Where in a value the check is: built only as far as an error message needs it.
struct Path<'a> {
    field: &'a str,
    segments: Vec<Segment>,
    depth: usize,
}

enum Segment {
    Key(String),
    Index(usize),
}

impl<'a> Path<'a> {
    const fn root(field: &'a str) -> Self {
        Self { field, segments: Vec::new(), depth: 0 }
    }

    fn descend(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.invalid(&format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    const fn ascend(&mut self) {
        self.depth -= 1;
    }

    fn within(
        &mut self,
        segment: Segment,
        check: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.segments.push(segment);
        check(self)?;
        self.segments.pop();
        Ok(())
    }

    fn invalid(&self, reason: &str) -> Error {
        let mut path = self.field.to_owned();
        for segment in &self.segments {
            match segment {
                Segment::Index(index) => path.push_str(&format!("[{index}]")),
                Segment::Key(key) => {
                    path.push('.');
                    path.push_str(&key.replace('\0', "\\u0000"));
                }
            }
        }
        Error::invalid(path, reason)
    }
}

fn normalize_number(number: &mut Number) {
    if number.is_i64() || number.is_u64() {
        return;
    }
    let Some(float) = number.as_f64() else { return };
    if float == 0.0 {
        *number = Number::from_f64(0.0).unwrap_or_else(|| Number::from(0));
    } else if float.abs() >= INTEGRAL_FROM && float.fract() == 0.0 {
        // Both bounds are powers of two, so the comparisons and the casts are exact.
        #[expect(clippy::cast_possible_truncation, reason = "checked against the bounds")]
        if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float) {
            *number = Number::from(float as i64);
        } else if (0.0..18_446_744_073_709_551_616.0).contains(&float) {
            #[expect(clippy::cast_sign_loss, reason = "checked to be positive")]
            let integer = float as u64;
            *number = Number::from(integer);
        }
    }
}

fn escape_nul(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, 'E']),
            other => escaped.push(other),
        }
    }
    escaped
}

fn unescape_nul(text: &str) -> String {
    let mut restored = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            (ESCAPE, Some('0')) => {
                chars.next();
                restored.push('\0');
            }
            (ESCAPE, Some('E')) => {
                chars.next();
                restored.push(ESCAPE);
            }
            _ => restored.push(c),
        }
    }
    restored
}

fn restore_nul(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if text.contains(ESCAPE) {
                *text = unescape_nul(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(restore_nul),
        Value::Object(map) => {
            if map.keys().any(|key| key.contains(ESCAPE)) {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(key, item)| (unescape_nul(&key), item))
                    .collect();
            }
            map.values_mut().for_each(restore_nul);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn admit(value: Value) -> Result<Value> {
        JsonPolicy::default().admit("payload", value).map(|admitted| admitted.value)
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |inner, _| json!([inner]))
    }

    #[test]
    fn nul_is_refused_with_its_path_in_strings_and_keys() {
        let error = admit(json!({"a": [1, {"b": "x\0y"}]})).unwrap_err();
        assert_eq!(error.to_string(), "payload.a[1].b is invalid: holds a NUL character");
        assert!(admit(json!({"a": {"k\0": 1}})).is_err());
    }

    #[test]
    fn a_hundred_levels_pass_and_one_more_is_refused() {
        assert!(admit(nested(100)).is_ok());
        let error = admit(nested(101)).unwrap_err().to_string();
        assert!(error.ends_with("is nested deeper than 100 levels"), "{error}");
    }

    #[test]
    fn a_value_over_the_cap_is_refused_with_size_and_cap() {
        let policy = JsonPolicy::new(10, NulPolicy::Reject);
        assert_eq!(policy.admit("p", json!("12345678")).unwrap().bytes(), 10);
        let error = policy.admit("p", json!("123456789")).unwrap_err();
        assert_eq!(error.to_string(), "p is invalid: has 11 bytes of JSON, the cap is 10");
    }

    #[test]
    fn numbers_take_the_form_both_backends_keep() {
        let cases = [
            ("-0.0", "0.0"),
            ("0.0", "0.0"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "10000000000000000"),
            ("-1e16", "-10000000000000000"),
            ("9007199254740993", "9007199254740993"),
            ("9223372036854775808", "9223372036854775808"),
            ("9.223372036854775808e18", "9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("1.8446744073709552e19", "1.8446744073709552e19"),
            ("1.7976931348623157e308", "1.7976931348623157e308"),
            ("5e-324", "5e-324"),
            ("1.5", "1.5"),
        ];
        for (input, kept) in cases {
            let value = admit(serde_json::from_str(input).unwrap()).unwrap();
            let expected: Value = serde_json::from_str(kept).unwrap();
            assert_eq!(value, expected, "{input}");
            assert_eq!(value.is_f64(), expected.is_f64(), "{input}");
        }
        let zero = admit(json!(-0.0)).unwrap();
        assert!(zero.as_f64().unwrap().is_sign_positive());
    }

    #[test]
    fn escaped_nul_is_restored_exactly() {
        let policy = JsonPolicy::new(1000, NulPolicy::Escape);
        let value = json!({"k\0": ["a\0b", "\u{E000}0", "\u{E000}", "\u{E000}E\0"], "\u{E000}": 1});
        let admitted = policy.admit("p", value.clone()).unwrap();
        assert!(!admitted.text.contains("\\u0000"));
        assert_eq!(admitted.value, value);
        assert_eq!(policy.restore(serde_json::from_str(&admitted.text).unwrap()), value);
    }
}
