//! Values of expressions: literals, columns, functions.

use super::super::names::literal as quoted;
use super::{Literal, Term, Translated, Type};

/// Beyond so many digits a decimal is not the shortest form of its floating point number.
const EXACT_DIGITS: usize = 15;

pub(super) fn boolean(sql: String) -> Translated {
    Translated::new(sql, Type::Boolean)
}

pub(super) fn integer(value: i64) -> Translated {
    // A sign before a number binds more loosely than a cast or an operator.
    let sql = if value < 0 { format!("({value})") } else { value.to_string() };
    Translated::literal(sql, Type::Integer, Literal::Integer(value))
}

pub(super) fn decimal(digits: &str) -> Option<Translated> {
    let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let body = digits.strip_prefix('-').unwrap_or(digits);
    let short = body.bytes().filter(u8::is_ascii_digit).count() <= EXACT_DIGITS;
    (short && body.bytes().all(plain) && body.contains('.'))
        .then(|| Translated::literal(format!("({digits})"), Type::Numeric, Literal::Decimal))
}

pub(super) fn text(value: String) -> Translated {
    Translated::literal(quoted(&value), Type::Text, Literal::Text(value))
}

pub(super) fn column(term: &Term) -> Translated {
    Translated { binary: term.binary, ..Translated::new(term.sql.clone(), term.class) }
}

/// Returns an expression as a condition. SQLite takes a number for true unless it is zero.
pub(super) fn truth(value: &Translated) -> Option<String> {
    match (value.class, &value.literal) {
        (Type::Boolean, _) => Some(value.sql.clone()),
        (Type::Integer, Some(Literal::Integer(number))) => {
            Some(if *number == 0 { "FALSE" } else { "TRUE" }.to_owned())
        }
        (Type::Integer, None) => Some(format!("({} <> 0)", value.sql)),
        _ => None,
    }
}

/// Both engines cut the quotient towards zero; only by zero and at the ends of 64 bits they differ.
pub(super) fn divide(left: &Translated, operator: &str, right: &Translated) -> Option<Translated> {
    let Some(Literal::Integer(by)) = right.literal else { return None };
    let whole = left.class == Type::Integer && left.literal.is_none() && by > 0;
    whole.then(|| Translated::new(format!("({} {operator} {by})", left.sql), Type::Integer))
}

pub(super) fn concatenate(left: &Translated, right: &Translated) -> Option<Translated> {
    let part = |value: &Translated| match value.class {
        Type::Text => Some(value.sql.clone()),
        Type::Integer => Some(format!("{}::text", value.sql)),
        _ => None,
    };
    Some(Translated::new(format!("({} || {})", part(left)?, part(right)?), Type::Text))
}

/// Translates the call of a function.
pub(super) fn call(name: &str, arguments: &[Translated]) -> Option<Translated> {
    let is_text = |value: &Translated| value.class == Type::Text;
    let to = |sql: String, class| Some(Translated::new(sql, class));
    match (name, arguments) {
        ("length", [value]) if is_text(value) => {
            to(format!("char_length({})", value.sql), Type::Integer)
        }
        // Both fold ASCII only: PostgreSQL under the collation "C".
        ("lower" | "upper", [value]) if is_text(value) => {
            to(format!("{name}({} COLLATE \"C\")", value.sql), Type::Text)
        }
        ("trim", [value]) if is_text(value) => to(format!("btrim({}, ' ')", value.sql), Type::Text),
        ("ltrim" | "rtrim", [value]) if is_text(value) => {
            to(format!("{name}({}, ' ')", value.sql), Type::Text)
        }
        ("instr", [value, Translated { literal: Some(Literal::Text(part)), sql, .. }])
            if is_text(value) && !part.is_empty() =>
        {
            to(format!("strpos({}, {sql})", value.sql), Type::Integer)
        }
        ("substr" | "substring", [value, places @ ..]) if is_text(value) => substr(value, places),
        ("coalesce" | "ifnull", [first, rest @ ..]) if !rest.is_empty() => {
            let same = |value: &Translated| value.class == first.class && value.binary;
            let known = !matches!(first.class, Type::Json | Type::Other);
            let all: Vec<&str> = arguments.iter().map(|value| value.sql.as_str()).collect();
            (known && arguments.iter().all(same))
                .then(|| Translated::new(format!("coalesce({})", all.join(", ")), first.class))
        }
        // The type on PostgreSQL holds valid JSON only; NULL passes either way.
        ("json_valid", [value]) if value.class == Type::Json => {
            to("TRUE".to_owned(), Type::Boolean)
        }
        _ => None,
    }
}

/// Counts from the start only: from the end the engines differ.
fn substr(value: &Translated, places: &[Translated]) -> Option<Translated> {
    let number = |place: &Translated, least: i64| match place.literal {
        Some(Literal::Integer(number)) if (least..=i64::from(i32::MAX / 2)).contains(&number) => {
            Some(number)
        }
        _ => None,
    };
    let sql = match places {
        [from] => format!("substr({}, {})", value.sql, number(from, 1)?),
        [from, count] => {
            format!("substr({}, {}, {})", value.sql, number(from, 1)?, number(count, 0)?)
        }
        _ => return None,
    };
    Some(Translated::new(sql, Type::Text))
}
