//! Comparisons, of what both engines compare alike.

use super::scalar::boolean;
use super::{Literal, Translated, Type};

/// Up to here every integer is a floating point number, and the only one it is equal to.
const EXACT: i64 = 1 << 53;

/// Translates a comparison of two values.
pub(super) fn compare(left: &Translated, operator: &str, right: &Translated) -> Option<Translated> {
    let equality = matches!(operator, "=" | "<>");
    if let Some(found) = with_boolean(left, operator, right) {
        return Some(found);
    }
    let sql = match (left.class, right.class) {
        (Type::Text, Type::Text) if !(left.binary && right.binary) => return None,
        (Type::Text, Type::Text) if equality => format!("({} {operator} {})", left.sql, right.sql),
        // SQLite orders text by its bytes.
        (Type::Text, Type::Text) => {
            format!("({} COLLATE \"C\" {operator} {} COLLATE \"C\")", left.sql, right.sql)
        }
        _ if numbers(left, right) || numbers(right, left) => {
            format!("({} {operator} {})", left.sql, right.sql)
        }
        _ => return None,
    };
    Some(boolean(sql))
}

/// Returns whether both are numbers that no conversion changes before they are compared.
fn numbers(left: &Translated, right: &Translated) -> bool {
    match (left.class, right.class, &right.literal) {
        (Type::Integer | Type::Numeric, Type::Integer | Type::Numeric, None) => true,
        (Type::Integer | Type::Numeric, _, Some(Literal::Integer(_) | Literal::Decimal)) => true,
        (Type::Real, Type::Real, None) | (Type::Real, _, Some(Literal::Decimal)) => true,
        (Type::Real, _, Some(Literal::Integer(value))) => (-EXACT..=EXACT).contains(value),
        _ => false,
    }
}

/// Translates the comparison of a boolean column with 0 or 1.
fn with_boolean(left: &Translated, operator: &str, right: &Translated) -> Option<Translated> {
    let (value, number) = match (left.class, right.class) {
        (Type::Boolean, Type::Boolean) if matches!(operator, "=" | "<>") => {
            return Some(boolean(format!("({} {operator} {})", left.sql, right.sql)));
        }
        (Type::Boolean, _) => (left, right),
        (_, Type::Boolean) => (right, left),
        _ => return None,
    };
    let truth = match number.literal {
        Some(Literal::Integer(0)) => "FALSE",
        Some(Literal::Integer(1)) => "TRUE",
        _ => return None,
    };
    matches!(operator, "=" | "<>").then(|| boolean(format!("({} {operator} {truth})", value.sql)))
}

/// Translates `IS` and `IS NOT`.
pub(super) fn is(left: &Translated, not: bool, right: &Translated) -> Option<Translated> {
    if right.is_null() {
        let word = if not { "IS NOT NULL" } else { "IS NULL" };
        return Some(boolean(format!("({} {word})", left.sql)));
    }
    // It compares like `=`, and needs the same of both sides.
    compare(left, "=", right)?;
    let same = left.class == right.class && left.class != Type::Boolean;
    let word = if not { "IS DISTINCT FROM" } else { "IS NOT DISTINCT FROM" };
    same.then(|| boolean(format!("({} {word} {})", left.sql, right.sql)))
}

/// Translates `IN` with a list.
pub(super) fn one_of(left: &Translated, list: &[Translated]) -> Option<Translated> {
    if list.is_empty() {
        return None;
    }
    let each: Option<Vec<String>> =
        list.iter().map(|value| compare(left, "=", value).map(|found| found.sql)).collect();
    Some(boolean(format!("({})", each?.join(" OR "))))
}

/// Translates `LIKE` with a pattern that has no letters: then it does not matter that SQLite does
/// not tell their case apart.
pub(super) fn like(left: &Translated, pattern: &Translated) -> Option<Translated> {
    let Some(Literal::Text(text)) = &pattern.literal else { return None };
    let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (left.class == Type::Text && !letters)
        .then(|| boolean(format!("({} LIKE {} ESCAPE '')", left.sql, pattern.sql)))
}
