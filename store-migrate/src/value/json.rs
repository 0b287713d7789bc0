//! JSON: what PostgreSQL takes, and one form of equal values.
//!
//! `serde_json` says what is valid. Its numbers are not used: they end at 64 bits, and a number of
//! a payload may not.

use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::{Decimal, Unconvertible};

/// How deep values may be nested. PostgreSQL's own limit depends on its stack.
const MAX_DEPTH: usize = 512;

/// Checks that PostgreSQL's JSONB can hold a text.
pub(crate) fn check(text: &str) -> Result<(), Unconvertible> {
    let _valid: IgnoredAny = serde_json::from_str(text)
        .map_err(|error| Unconvertible::new(format!("is not valid JSON: {error}")))?;
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at);
                check_string(&text[at..end])?;
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let end = number_end(bytes, at);
                // The common ones are short, and short ones without exponent always fit.
                let number = &text[at..end];
                if number.len() > 300 || number.contains(['e', 'E']) {
                    Decimal::parse(number)?.check()?;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Unconvertible::new(format!("is JSON nested deeper than {MAX_DEPTH}")));
        }
        at += 1;
    }
    Ok(())
}

/// JSONB has neither NUL nor half of a surrogate pair.
fn check_string(quoted: &str) -> Result<(), Unconvertible> {
    if !quoted.contains("\\u") {
        return Ok(());
    }
    let text: String = serde_json::from_str(quoted)
        .map_err(|error| Unconvertible::new(format!("is JSON with a string of {error}")))?;
    match text.find('\0') {
        Some(at) => Err(Unconvertible::new(format!("is JSON with a NUL at byte {at} of a string"))),
        None => Ok(()),
    }
}

/// Returns where the string that begins at a quote ends, behind its closing quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let length = bytes[start..]
        .iter()
        .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
        .count();
    start + length
}

/// Hashes valid JSON by value: objects by sorted keys, of equal keys the last, numbers by their
/// decimal value, strings by their characters.
pub(crate) fn hash(text: &str, sha: &mut Sha256) -> Result<(), Unconvertible> {
    let mut reader = Reader { text, at: 0 };
    let mut canonical = Vec::with_capacity(text.len());
    reader.value(&mut canonical, 0)?;
    sha.update(u64::try_from(canonical.len()).unwrap_or(u64::MAX).to_le_bytes());
    sha.update(&canonical);
    Ok(())
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Result<u8, Unconvertible> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !byte.is_ascii_whitespace() {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Unconvertible::new("is JSON that ends too early"))
    }

    fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), Unconvertible> {
        if depth > MAX_DEPTH {
            return Err(Unconvertible::new(format!("is JSON nested deeper than {MAX_DEPTH}")));
        }
        match self.peek()? {
            b'{' => self.object(out, depth),
            b'[' => self.array(out, depth),
            b'"' => string(self.take_string(), out),
            b'-' | b'0'..=b'9' => {
                let end = number_end(self.text.as_bytes(), self.at);
                let number = &self.text[self.at..end];
                self.at = end;
                number_into(number, out)
            }
            first => {
                // `true`, `false` or `null`: it is valid.
                out.push(first);
                self.at += if first == b'f' { 5 } else { 4 };
                Ok(())
            }
        }
    }

    fn array(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), Unconvertible> {
        out.push(b'[');
        self.at += 1;
        while self.peek()? != b']' {
            self.value(out, depth + 1)?;
            out.push(b',');
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        out.push(b']');
        Ok(())
    }

    fn object(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), Unconvertible> {
        let mut members: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        self.at += 1;
        while self.peek()? != b'}' {
            let mut key = Vec::new();
            string(self.take_string(), &mut key)?;
            if self.peek()? == b':' {
                self.at += 1;
            }
            let mut value = Vec::new();
            self.value(&mut value, depth + 1)?;
            members.push((key, value));
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        // The sort is stable: of equal keys the last stands last, and it is the one that counts.
        members.sort_by(|one, other| one.0.cmp(&other.0));
        out.push(b'{');
        for (nth, (key, value)) in members.iter().enumerate() {
            if members.get(nth + 1).is_none_or(|next| next.0 != *key) {
                out.extend_from_slice(key);
                out.extend_from_slice(value);
            }
        }
        out.push(b'}');
        Ok(())
    }

    fn take_string(&mut self) -> &'a str {
        let end = string_end(self.text.as_bytes(), self.at);
        let quoted = &self.text[self.at..end];
        self.at = end;
        quoted
    }
}

/// Writes a string with its length first, so that nothing in it can be taken for what follows.
fn string(quoted: &str, out: &mut Vec<u8>) -> Result<(), Unconvertible> {
    out.push(b'"');
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    let put = |text: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    };
    if inner.contains('\\') {
        let text: String = serde_json::from_str(quoted)
            .map_err(|error| Unconvertible::new(format!("is JSON with a string of {error}")))?;
        put(&text, out);
    } else {
        put(inner, out);
    }
    Ok(())
}

fn number_into(number: &str, out: &mut Vec<u8>) -> Result<(), Unconvertible> {
    out.push(b'#');
    let canonical = Decimal::parse(number)?.canonical();
    out.extend_from_slice(canonical.as_bytes());
    out.push(b';');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(text: &str) -> Vec<u8> {
        check(text).unwrap();
        let mut sha = Sha256::new();
        hash(text, &mut sha).unwrap();
        sha.finalize().to_vec()
    }

    #[test]
    fn equal_values_hash_alike() {
        for (one, other) in [
            (r#"{"a":1,"b":[true,null]}"#, r#" { "b" : [ true , null ] , "a" : 1.0 } "#),
            (r#""\u00e4\n""#, "\"ä\\n\""),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            ("[1e2,18446744073709551616]", "[100,18446744073709551616.00]"),
            ("[]", " [ ] "),
            ("{}", "{ }"),
        ] {
            assert_eq!(hashed(one), hashed(other), "{one} {other}");
        }
    }

    #[test]
    fn different_values_hash_apart() {
        let all = [
            "null",
            "false",
            "0",
            "1",
            "10",
            r#""""#,
            r#""1""#,
            "[]",
            "{}",
            "[1]",
            "[[1]]",
            "[1,1]",
            "[11]",
            r#"["a","b"]"#,
            r#"["a,b"]"#,
            r#"{"a":"b"}"#,
            r#"{"b":"a"}"#,
            "true",
            "0.1",
            "-1",
            r#"{"a":null}"#,
            "[null]",
        ];
        let hashes: std::collections::BTreeSet<_> = all.iter().map(|text| hashed(text)).collect();
        assert_eq!(hashes.len(), all.len());
    }

    #[test]
    fn what_jsonb_does_not_hold_is_refused() {
        let deep = format!("{}{}", "[".repeat(600), "]".repeat(600));
        for text in
            ["", "{", "nul", "[1,]", r#""\u0000""#, r#""\ud800""#, "1e200000", &deep, "\"\u{1}\""]
        {
            check(text).unwrap_err();
        }
        check(r#"{"k":"\ud83d\ude00"}"#).unwrap();
    }
}
