//! What the declared type of a column means on either side.

use crate::model::PgType;

/// The affinity SQLite gives a column by its declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    Integer,
    Text,
    /// None: values stay what they are.
    Blob,
    Real,
    Numeric,
}

/// What a declared type asks for on PostgreSQL; the values have the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// This type.
    Type(PgType),
    /// `boolean` if all values are 0, 1 or NULL.
    Boolean,
    /// `timestamptz` if all values carry an offset, `timestamp` otherwise.
    Timestamp,
    /// By what every value is.
    Values,
}

/// A length or precision that was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// At most so many characters.
    Characters(u32),
    /// At most so many digits, and so many of them behind the point.
    Digits(u32, u32),
}

/// Returns the affinity of a declared type, by the rules of SQLite.
pub(super) fn affinity(declared: &str, strict: bool) -> Affinity {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if strict && declared == "ANY" {
        Affinity::Blob
    } else if has(&["INT"]) {
        Affinity::Integer
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if declared.is_empty() || has(&["BLOB"]) {
        Affinity::Blob
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// Returns what a declared type asks for.
pub(super) fn wish(declared: &str, strict: bool) -> Wish {
    let name = base(declared);
    match name.as_str() {
        "BOOL" | "BOOLEAN" => return Wish::Boolean,
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => return Wish::Type(PgType::Timestamptz),
        "TIMESTAMP" | "DATETIME" | "TIMESTAMP WITHOUT TIME ZONE" => return Wish::Timestamp,
        "DATE" => return Wish::Type(PgType::Date),
        "JSON" | "JSONB" => return Wish::Type(PgType::Jsonb),
        "NUMERIC" | "DECIMAL" => return Wish::Type(PgType::Numeric),
        _ => {}
    }
    match affinity(declared, strict) {
        Affinity::Integer => Wish::Type(PgType::Int8),
        Affinity::Text => Wish::Type(PgType::Text),
        Affinity::Real => Wish::Type(PgType::Float8),
        Affinity::Blob | Affinity::Numeric => Wish::Values,
    }
}

/// Returns the declared length of text or precision of a number. None where PostgreSQL has no
/// such type.
pub(super) fn length(declared: &str) -> Option<Length> {
    let inner = declared.split_once('(')?.1.split_once(')')?.0;
    let mut numbers = inner.split(',').map(|number| number.trim().parse::<u32>());
    let first = numbers.next()?.ok()?;
    let second = numbers.next().transpose().ok()?;
    if affinity(declared, false) == Affinity::Text {
        return (second.is_none() && (1..=10_485_760).contains(&first))
            .then_some(Length::Characters(first));
    }
    let scale = second.unwrap_or(0);
    let numeric = wish(declared, false) == Wish::Type(PgType::Numeric);
    (numeric && (1..=1000).contains(&first) && scale <= first)
        .then_some(Length::Digits(first, scale))
}

/// Returns a declared type without its lengths, in upper case, with single blanks.
fn base(declared: &str) -> String {
    let mut depth = 0_u32;
    let without: String = declared
        .chars()
        .filter(|letter| {
            match letter {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
        .collect();
    without.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::{Length, Wish, length, wish};
    use crate::model::PgType;

    #[test]
    fn declared_types_ask_for_what_the_table_says() {
        let expected = [
            ("INTEGER", Wish::Type(PgType::Int8)),
            ("unsigned big int", Wish::Type(PgType::Int8)),
            ("TINYINT(1)", Wish::Type(PgType::Int8)),
            ("Bool", Wish::Boolean),
            ("BOOLEAN", Wish::Boolean),
            ("REAL", Wish::Type(PgType::Float8)),
            ("double  precision", Wish::Type(PgType::Float8)),
            ("FLOAT", Wish::Type(PgType::Float8)),
            ("NUMERIC", Wish::Type(PgType::Numeric)),
            ("DECIMAL(10, 2)", Wish::Type(PgType::Numeric)),
            ("VARCHAR(255)", Wish::Type(PgType::Text)),
            ("NATIVE CHARACTER(70)", Wish::Type(PgType::Text)),
            ("CLOB", Wish::Type(PgType::Text)),
            ("TIMESTAMP", Wish::Timestamp),
            ("datetime", Wish::Timestamp),
            ("timestamp(6) with time zone", Wish::Type(PgType::Timestamptz)),
            ("DATE", Wish::Type(PgType::Date)),
            ("JSON", Wish::Type(PgType::Jsonb)),
            ("BLOB", Wish::Values),
            ("", Wish::Values),
            ("UUID", Wish::Values),
        ];
        for (declared, expected) in expected {
            assert_eq!(wish(declared, false), expected, "{declared}");
        }
        assert_eq!(wish("ANY", true), Wish::Values);
    }

    #[test]
    fn lengths_are_those_postgres_can_have() {
        assert_eq!(length("VARCHAR(10)"), Some(Length::Characters(10)));
        assert_eq!(length("DECIMAL(10, 2)"), Some(Length::Digits(10, 2)));
        assert_eq!(length("NUMERIC(5)"), Some(Length::Digits(5, 0)));
        for none in ["TEXT", "VARCHAR(0)", "VARCHAR(MAX)", "INT(11)", "NUMERIC(5,9)"] {
            assert_eq!(length(none), None, "{none}");
        }
    }
}
