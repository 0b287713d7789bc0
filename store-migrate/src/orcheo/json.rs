//! JSON text as the stores can keep it: nothing is rounded on the way.

use serde_json::{Map, Value, json};

/// Reads JSON; the error is the rule that is broken, without the value.
///
/// A number that the stores cannot hold exactly is refused here, because reading it would round it.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    if let Some(reason) = Tokens::of(text).find_map(refusal) {
        return Err(reason);
    }
    serde_json::from_str(text).map_err(|error| reason(&error))
}

/// Reads metrics, in which Python writes `NaN` and the infinities as they are: they become what
/// stands for them in metrics of the stores.
pub(super) fn parse_metrics(text: &str) -> Result<Value, String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        let (before, string) = rest.split_at(quote);
        plain.push_str(&with_floats(before));
        let end = string_end(string);
        plain.push_str(&string[..end]);
        rest = &string[end..];
    }
    plain.push_str(&with_floats(rest));
    parse(&plain)
}

fn with_floats(text: &str) -> String {
    let object = |word: &str| json!({"$f64": word}).to_string();
    text.replace("-Infinity", "\u{0}")
        .replace("Infinity", &object("Infinity"))
        .replace('\u{0}', &object("-Infinity"))
        .replace("NaN", &object("NaN"))
}

/// Where and how JSON is malformed. What `serde_json` says never shows the text.
fn reason(error: &serde_json::Error) -> String {
    format!("is no JSON: {error}")
}

/// Returns an object that is empty.
pub(super) fn empty() -> Value {
    Value::Object(Map::new())
}

/// The numbers of a JSON text, in their order, as they are written.
struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Tokens<'t> {
    const fn of(text: &'t str) -> Self {
        Self { rest: text }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        loop {
            let start = self.rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            let found = &self.rest[start..];
            if found.starts_with('"') {
                self.rest = &found[string_end(found)..];
                continue;
            }
            let part = |c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'));
            let (token, rest) = found.split_at(found.find(part).unwrap_or(found.len()));
            self.rest = rest;
            return Some(token);
        }
    }
}

/// Returns where a string that begins here ends, its quotes included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Says why a number cannot be kept.
fn refusal(token: &str) -> Option<String> {
    if !token.contains(['.', 'e', 'E']) {
        let fits = token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
        let digits = token.bytes().any(|byte| byte.is_ascii_digit());
        return (digits && !fits).then(|| "holds an integer beyond 64 bits".to_owned());
    }
    let number: f64 = token.parse().ok()?;
    if !number.is_finite() {
        return Some("holds a number beyond the range of a double".to_owned());
    }
    let exact = decimal(token) == decimal(&format!("{number:e}"));
    (!exact).then(|| "holds a decimal number with more digits than a double keeps".to_owned())
}

/// Returns the digits of a number without zeros around them, and the power of ten of the last one.
fn decimal(token: &str) -> (bool, String, i64) {
    let (negative, token) = match token.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let exponent =
        exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>().unwrap_or(i64::MAX);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let kept = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len() - kept.len()).unwrap_or(i64::MAX);
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let digits = kept.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return (false, digits, 0);
    }
    (negative, digits, exponent.saturating_sub(places).saturating_add(dropped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_would_be_rounded_are_refused() {
        for kept in [
            "0",
            "-1",
            "18446744073709551615",
            "-9223372036854775808",
            "0.1",
            "1e5",
            "1.50",
            "-0.0",
            "1E+2",
            "123456.789e3",
            "5e-324",
            r#"{"a 99999999999999999999": ["1e999", 2.5]}"#,
            r#""\\" "#,
        ] {
            assert!(parse(kept).is_ok(), "{kept}: {:?}", parse(kept));
        }
        for refused in [
            "18446744073709551616",
            "-9223372036854775809",
            "0.10000000000000000001",
            "1e999",
            r#"{"\"": 99999999999999999999}"#,
            "NaN",
            "[1,]",
            r#""\ud800""#,
        ] {
            assert!(parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn metrics_may_be_no_numbers() {
        let metrics = parse_metrics(r#"{"NaN": NaN, "a": [Infinity, -Infinity], "\"NaN": 1}"#);
        let float = |word: &str| json!({"$f64": word});
        let expected = json!({
            "NaN": float("NaN"), "a": [float("Infinity"), float("-Infinity")], "\"NaN": 1
        });
        assert_eq!(metrics.unwrap(), expected);
    }
}
