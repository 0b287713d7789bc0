//! Decimal numbers of any length, by their digits.
//!
//! PostgreSQL's binary form is in `src/backend/utils/adt/numeric.c` (`numeric_send`): the number of
//! digits to base 10,000, the weight of the first, the sign, how many decimal digits are shown
//! after the point, and the digits.

use bytes::{BufMut as _, BytesMut};

use super::Unconvertible;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// What PostgreSQL can hold: digits before the point, and after it.
const MAX_BEFORE: i64 = 131_072;
const MAX_AFTER: i64 = 16_383;

/// A decimal number: `0.digits` times ten to the power of `point`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Digits without zeros at either end; none for zero.
    digits: Vec<u8>,
    /// Where the point is, counted from the first digit.
    point: i64,
}

impl Decimal {
    /// Parses a number as JSON and SQL write it: sign, digits, point, exponent.
    pub(crate) fn parse(text: &str) -> Result<Self, Unconvertible> {
        let refuse = || Unconvertible::new("is not a decimal number");
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let mut digits = Vec::with_capacity(mantissa.len());
        let mut before = None;
        for byte in mantissa {
            match byte {
                b'0'..=b'9' => digits.push(byte - b'0'),
                b'.' if before.is_none() => before = Some(digits.len()),
                _ => return Err(refuse()),
            }
        }
        if digits.is_empty() {
            return Err(refuse());
        }
        let before = i64::try_from(before.unwrap_or(digits.len())).map_err(|_large| refuse())?;
        Ok(Self { negative, digits, point: before.saturating_add(exponent) }.trimmed())
    }

    fn trimmed(mut self) -> Self {
        let leading = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..leading);
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            return Self { negative: false, digits: Vec::new(), point: 0 };
        }
        self.point -= i64::try_from(leading).unwrap_or(i64::MAX);
        self
    }

    /// Returns the one form of its value: sign, digits without zeros at either end, and where the
    /// point is. It is short however large the exponent.
    pub(crate) fn canonical(&self) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let mut text = String::with_capacity(self.digits.len() + 8);
        if self.negative {
            text.push('-');
        }
        text.extend(self.digits.iter().map(|digit| char::from(b'0' + digit)));
        text.push('@');
        text.push_str(&self.point.to_string());
        text
    }

    /// Returns how many digits it has before the point and behind it.
    pub(crate) fn places(&self) -> (i64, i64) {
        let digits = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        (self.point.max(0), digits.saturating_sub(self.point).max(0))
    }

    /// Checks that PostgreSQL can hold it.
    pub(crate) fn check(&self) -> Result<(), Unconvertible> {
        let after = i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_sub(self.point);
        if self.point > MAX_BEFORE || after > MAX_AFTER {
            return Err(Unconvertible::new("is a number outside the range of NUMERIC"));
        }
        Ok(())
    }

    /// Writes PostgreSQL's binary form.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        // Digits to base 10,000 begin at a multiple of four before the point.
        let lead = usize::try_from((4 - self.point.rem_euclid(4)) % 4).unwrap_or(0);
        let mut padded = vec![0; lead];
        padded.extend_from_slice(&self.digits);
        padded.resize(padded.len().next_multiple_of(4), 0);
        let groups = padded
            .chunks_exact(4)
            .map(|four| four.iter().fold(0_u16, |value, digit| value * 10 + u16::from(*digit)));
        let weight = (self.point + i64::try_from(lead).unwrap_or(0)) / 4 - 1;
        let digits = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let scale = digits.saturating_sub(self.point).max(0);
        // The range was checked: everything fits.
        out.put_u16(u16::try_from(padded.len() / 4).unwrap_or(u16::MAX));
        out.put_i16(if self.digits.is_empty() {
            0
        } else {
            i16::try_from(weight).unwrap_or(i16::MAX)
        });
        out.put_u16(if self.negative { NEGATIVE } else { POSITIVE });
        out.put_u16(u16::try_from(scale).unwrap_or(u16::MAX));
        groups.for_each(|group| out.put_u16(group));
    }
}

fn parse_exponent(bytes: &[u8]) -> Result<i64, Unconvertible> {
    let text =
        std::str::from_utf8(bytes).map_err(|_invalid| Unconvertible::new("is not a number"))?;
    let digits = text.trim_start_matches(['+', '-']);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unconvertible::new("is not a decimal number"));
    }
    // Beyond 18 digits only the direction matters: no engine holds it.
    let size = digits.parse::<i64>().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Ok(if text.starts_with('-') { -size } else { size })
}

/// Writes PostgreSQL's binary form as plain digits, with as many after the point as it shows.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, Unconvertible> {
    let broken = || Unconvertible::new("is not the binary form of NUMERIC");
    let word = |at: usize| match bytes.get(at * 2..at * 2 + 2) {
        Some([high, low]) => Ok(u16::from_be_bytes([*high, *low])),
        _ => Err(broken()),
    };
    let count = usize::from(word(0)?);
    let weight = i64::from(word(1)?.cast_signed());
    let scale = usize::from(word(3)?);
    let negative = match word(2)? {
        POSITIVE => false,
        NEGATIVE => true,
        NAN => return Err(Unconvertible::new("is NaN, which SQLite has no number for")),
        INFINITY | NEGATIVE_INFINITY => {
            return Err(Unconvertible::new(
                "is an infinite NUMERIC, which SQLite has no number for",
            ));
        }
        _ => return Err(broken()),
    };
    let groups = (0..count).map(|nth| word(4 + nth)).collect::<Result<Vec<_>, _>>()?;
    let group = |place: i64| {
        let nth = usize::try_from(weight - place).ok();
        nth.and_then(|nth| groups.get(nth)).copied().unwrap_or(0)
    };
    let mut before = String::new();
    for place in (0..=weight.max(0)).rev() {
        before.push_str(&format!("{:04}", group(place)));
    }
    let mut after = String::new();
    let mut place = -1;
    while after.len() < scale {
        after.push_str(&format!("{:04}", group(place)));
        place -= 1;
    }
    after.truncate(scale);
    let before = before.trim_start_matches('0');
    let sign = if negative { "-" } else { "" };
    let before = if before.is_empty() { "0" } else { before };
    let point = if after.is_empty() { "" } else { "." };
    Ok(format!("{sign}{before}{point}{after}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        Decimal::parse(text).unwrap().canonical()
    }

    #[test]
    fn equal_numbers_have_one_form() {
        for (one, other) in [
            ("1", "1.0"),
            ("1e2", "100.00"),
            ("-0.0", "0"),
            ("0e5", "0"),
            ("12300e-2", "123"),
            ("0.00012", "1.2E-4"),
            ("+5", "5"),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
        }
        assert_ne!(canonical("1"), canonical("-1"));
        assert_ne!(canonical("1"), canonical("10"));
        assert_ne!(canonical("0.1"), canonical("0.01"));
        assert!(canonical("1e999999999999999999999999").len() < 40);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1e", "1e+", "abc", "1.2.3", "NaN", "1 "] {
            Decimal::parse(text).unwrap_err();
        }
        Decimal::parse("1e200000").unwrap().check().unwrap_err();
        Decimal::parse("1e-20000").unwrap().check().unwrap_err();
        Decimal::parse("1e131071").unwrap().check().unwrap();
    }

    proptest! {
        #[test]
        fn the_binary_form_gives_the_number_back(text in "-?[0-9]{1,30}(\\.[0-9]{1,30})?(e-?[0-9]{1,2})?") {
            let number = Decimal::parse(&text).unwrap();
            let mut bytes = BytesMut::new();
            number.encode(&mut bytes);
            let back = decode(&bytes).unwrap();
            prop_assert_eq!(Decimal::parse(&back).unwrap(), number);
        }
    }
}
