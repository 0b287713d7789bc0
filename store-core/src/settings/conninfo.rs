//! The key-value form of a DSN: `host=db user=app password='two words'`, as libpq reads it.

use std::iter::Peekable;
use std::str::Chars;

/// Splits into keys and unquoted values, in order. The reason never repeats the text.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut chars = text.chars().peekable();
    let mut pairs = Vec::new();
    loop {
        skip_spaces(&mut chars);
        if chars.peek().is_none() {
            return Ok(pairs);
        }
        let key = key(&mut chars)?;
        skip_spaces(&mut chars);
        let value = if chars.next_if_eq(&'\'').is_some() {
            quoted(&mut chars)?
        } else {
            unquoted(&mut chars)?
        };
        pairs.push((key, value));
    }
}

/// Writes a value as it has to stand after `key=`.
pub(super) fn quote(value: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && c != '\'' && c != '\\';
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn skip_spaces(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
}

fn key(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut key = String::new();
    while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        key.push(c);
    }
    skip_spaces(chars);
    if key.is_empty() || chars.next_if_eq(&'=').is_none() {
        return Err("the key-value form is `key=value key=value`, with single quotes around \
                    values that hold spaces"
            .to_owned());
    }
    Ok(key)
}

fn quoted(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut value = String::new();
    loop {
        match chars.next() {
            Some('\'') => return Ok(value),
            Some('\\') => value.push(escaped(chars)?),
            Some(c) => value.push(c),
            None => return Err("a single quote is not closed".to_owned()),
        }
    }
}

fn unquoted(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut value = String::new();
    while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
        value.push(if c == '\\' { escaped(chars)? } else { c });
    }
    Ok(value)
}

fn escaped(chars: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    chars.next().ok_or_else(|| "a backslash ends it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_are_understood_and_written_back() {
        let cases = [
            ("host=h", vec![("host", "h")]),
            (" host = h\n port=1 ", vec![("host", "h"), ("port", "1")]),
            ("password='a b'", vec![("password", "a b")]),
            (r"password='it\'s \\' user=u", vec![("password", r"it's \"), ("user", "u")]),
            (r"password=a\ b", vec![("password", "a b")]),
            ("password='' user=u", vec![("password", ""), ("user", "u")]),
        ];
        for (text, expected) in cases {
            let pairs = parse(text).unwrap();
            let plain: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(plain, expected, "{text}");
            let again: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={}", quote(v))).collect();
            assert_eq!(parse(&again.join(" ")).unwrap(), pairs, "{text}");
        }
    }

    #[test]
    fn malformed_text_is_refused_without_repeating_it() {
        for text in ["hunter2", "host", "=hunter2", "password='hunter2", "password=hunter2\\"] {
            let reason = parse(text).unwrap_err();
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }
}
