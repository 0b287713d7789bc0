use super::{Default, translate};
use crate::auto::declared::Affinity;
use crate::model::PgType;

fn default(sql: &str, pg_type: PgType, affinity: Affinity) -> Option<String> {
    match translate(sql, pg_type, affinity) {
        Default::Sql(sql) => Some(sql),
        Default::Null => Some("NULL".to_owned()),
        Default::Unknown => None,
    }
}

#[test]
fn constants_are_written_as_the_column_stores_them() {
    use Affinity::{Blob, Integer, Numeric, Real, Text};
    for (sql, pg_type, affinity, expected) in [
        ("0", PgType::Int8, Integer, "0"),
        ("((-5))", PgType::Int8, Integer, "-5"),
        ("'7'", PgType::Int8, Integer, "7"),
        ("7", PgType::Text, Text, "'7'"),
        ("'it''s'", PgType::Text, Text, "'it''s'"),
        ("\"a\"", PgType::Text, Text, "'a'"),
        ("a", PgType::Text, Text, "'a'"),
        ("1.5", PgType::Float8, Real, "'1.5'::double precision"),
        ("1", PgType::Bool, Numeric, "TRUE"),
        ("FALSE", PgType::Bool, Numeric, "FALSE"),
        ("x'00ff'", PgType::Bytea, Blob, "E'\\\\x00ff'::bytea"),
        ("'{}'", PgType::Jsonb, Text, "'{}'::jsonb"),
        ("NULL", PgType::Text, Text, "NULL"),
    ] {
        assert_eq!(default(sql, pg_type, affinity).as_deref(), Some(expected), "{sql}");
    }
}

#[test]
fn now_keeps_its_form() {
    use Affinity::{Integer, Numeric, Text};
    for (sql, pg_type, affinity, expected) in [
        (
            "CURRENT_TIMESTAMP",
            PgType::Timestamptz,
            Numeric,
            "date_trunc('second', statement_timestamp())",
        ),
        (
            "(datetime('now'))",
            PgType::Timestamp,
            Numeric,
            "date_trunc('second', (statement_timestamp() AT TIME ZONE 'UTC'))",
        ),
        ("date('now')", PgType::Date, Numeric, "(statement_timestamp() AT TIME ZONE 'UTC')::date"),
        (
            "CURRENT_TIMESTAMP",
            PgType::Text,
            Text,
            "to_char((statement_timestamp() AT TIME ZONE 'UTC'), 'YYYY-MM-DD HH24:MI:SS')",
        ),
        (
            "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
            PgType::Text,
            Text,
            "to_char((statement_timestamp() AT TIME ZONE 'UTC'), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
        ),
        (
            "(unixepoch())",
            PgType::Int8,
            Integer,
            "floor(extract(epoch FROM statement_timestamp()))::bigint",
        ),
    ] {
        assert_eq!(default(sql, pg_type, affinity).as_deref(), Some(expected), "{sql}");
    }
}

#[test]
fn others_are_not_guessed() {
    use Affinity::{Integer, Numeric, Text};
    for (sql, pg_type, affinity) in [
        ("(lower(hex(randomblob(16))))", PgType::Text, Text),
        ("datetime('now', 'localtime')", PgType::Text, Text),
        ("'abc'", PgType::Int8, Integer),
        ("2", PgType::Bool, Numeric),
        ("1.5", PgType::Text, Text),
        ("CURRENT_TIME", PgType::Timestamp, Numeric),
        ("'nonsense'", PgType::Jsonb, Numeric),
        ("(1 + 1)", PgType::Int8, Integer),
    ] {
        assert_eq!(default(sql, pg_type, affinity), None, "{sql}");
    }
}
