//! Instants as Orcheo writes them: ISO 8601, mostly with an offset.

use store_core::Timestamp;

/// Reads an instant; one without an offset is in UTC, which is how Orcheo reads it.
///
/// The error is the rule that is broken.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    if finer_than_micros(text) {
        return Err("is finer than a microsecond".into());
    }
    let zoned = if has_offset(text) { text.to_owned() } else { format!("{text}+00:00") };
    zoned.parse().map_err(|_invalid: store_core::Error| {
        "is no instant in ISO 8601 between the years 0001 and 9999".into()
    })
}

/// Tells whether a text ends like an instant with an offset.
fn has_offset(text: &str) -> bool {
    let time = text.get("YYYY-MM-DD".len()..).unwrap_or_default();
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

/// Tells whether something would be lost in microseconds.
fn finer_than_micros(text: &str) -> bool {
    let Some((_, fraction)) = text.split_once('.') else { return false };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit);
    digits.skip(6).any(|digit| digit != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_python_writes_them() {
        let expected = "2025-03-01T12:00:00.500000+00:00";
        for text in [
            "2025-03-01T12:00:00.500000+00:00",
            "2025-03-01T13:00:00.5+01:00",
            "2025-03-01T12:00:00.500000Z",
            "2025-03-01T12:00:00.500000",
            "2025-03-01 12:00:00.500000",
            "2025-03-01T12:00:00.500000000",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "yesterday", "2025-03-01", "2025-03-01T12:00:00.0000001Z", "1740830400"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
