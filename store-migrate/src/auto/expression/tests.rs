use super::{Term, Type, condition, scalar};

fn columns() -> Vec<Term> {
    let term = |name: &str, class| Term {
        name: name.to_owned(),
        sql: format!("\"{name}\""),
        class,
        binary: true,
    };
    vec![
        term("i", Type::Integer),
        term("r", Type::Real),
        term("n", Type::Numeric),
        term("t", Type::Text),
        term("b", Type::Boolean),
        term("j", Type::Json),
        term("at", Type::Other),
        Term { binary: false, ..term("nc", Type::Text) },
    ]
}

#[test]
fn conditions_that_mean_the_same_are_translated() {
    for (sqlite, postgres) in [
        ("i > 0", "(\"i\" > 0)"),
        ("I >= -1 and i<>5", "((\"i\" >= (-1)) AND (\"i\" <> 5))"),
        ("i == 1 OR NOT i IS NULL", "((\"i\" = 1) OR (NOT (\"i\" IS NULL)))"),
        ("t IN ('a', 'it''s')", "((\"t\" = 'a') OR (\"t\" = 'it''s'))"),
        ("t NOT IN ('a')", "(NOT ((\"t\" = 'a')))"),
        ("i BETWEEN 1 AND 9 AND b", "(((\"i\" >= 1) AND (\"i\" <= 9)) AND \"b\")"),
        ("length(t) <= 10", "(char_length(\"t\") <= 10)"),
        ("t < 'm'", "(\"t\" COLLATE \"C\" < 'm' COLLATE \"C\")"),
        ("b IN (0, 1)", "((\"b\" = FALSE) OR (\"b\" = TRUE))"),
        ("i % 2 = 0", "((\"i\" % 2) = 0)"),
        ("r > 0.5", "(\"r\" > (0.5))"),
        ("i", "(\"i\" <> 0)"),
        ("t LIKE '%@%'", "(\"t\" LIKE '%@%' ESCAPE '')"),
        ("json_valid(j)", "TRUE"),
        ("at IS NOT NULL", "(\"at\" IS NOT NULL)"),
        ("at NOTNULL", "(\"at\" IS NOT NULL)"),
        ("t = \"none\"", "(\"t\" = 'none')"),
        ("i IS NOT 3", "(\"i\" IS DISTINCT FROM 3)"),
    ] {
        assert_eq!(condition(sqlite, &columns()).as_deref(), Some(postgres), "{sqlite}");
    }
}

#[test]
fn conditions_that_might_differ_are_not() {
    for sqlite in [
        "i + 1 > 0",
        "t = 1",
        "i = '1'",
        "at > '2000-01-01'",
        "t GLOB 'a*'",
        "t LIKE 'a%'",
        "nc = 'a'",
        "typeof(i) = 'integer'",
        "i = r",
        "i / i = 1",
        "CASE WHEN i THEN 1 END",
        "unknown > 1",
        "t",
        "i > 0 i",
        "json_valid(t)",
        "r = 9007199254740993",
        "r = 0.1234567890123456",
        "i > (SELECT 1)",
        "other.i > 1",
    ] {
        assert_eq!(condition(sqlite, &columns()), None, "{sqlite}");
    }
}

#[test]
fn values_are_translated() {
    for (sqlite, postgres) in [
        ("lower(t)", "lower(\"t\" COLLATE \"C\")"),
        ("t || '-' || i", "((\"t\" || '-') || \"i\"::text)"),
        ("coalesce(t, '')", "coalesce(\"t\", '')"),
        ("substr(t, 1, 3)", "substr(\"t\", 1, 3)"),
    ] {
        assert_eq!(scalar(sqlite, &columns()).unwrap().sql, postgres, "{sqlite}");
    }
    for sqlite in ["substr(t, -1)", "i * 2", "'a'", "random()", "r || ''"] {
        assert_eq!(scalar(sqlite, &columns()), None, "{sqlite}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let sql = format!("{}i{}", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(condition(&sql, &columns()), None);
}
