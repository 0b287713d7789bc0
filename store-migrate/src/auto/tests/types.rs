//! The type table, and what the values have to say.

use super::{AutoOptions, Map, planned, planned_with};
use crate::model::PgType::{
    Bool, Bytea, Date, Float8, Int8, Jsonb, Numeric, Text, Timestamp, Timestamptz,
};

#[test]
fn declared_types_become_those_of_the_table() {
    let plan = planned(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b SMALLINT, c REAL, d NUMERIC, e DECIMAL(9,2),
                        f TEXT, g VARCHAR(20), h BLOB, i, j TIMESTAMP, k DATETIME, l DATE, m JSON,
                        n BOOLEAN, o TIMESTAMPTZ);",
    );
    let expected = [
        Int8,
        Int8,
        Int8,
        Float8,
        Numeric,
        Numeric,
        Text,
        Text,
        Bytea,
        Bytea,
        Timestamp,
        Timestamp,
        Date,
        Jsonb,
        Bool,
        Timestamptz,
    ];
    assert_eq!(plan.types("t"), expected);
    assert_eq!(plan.problem_count, 0);
}

#[test]
fn columns_without_a_type_become_what_their_values_are() {
    let plan = planned(
        "CREATE TABLE t(a, b, c, d, e, f BLOB, g UUID);
         INSERT INTO t VALUES (1, 1.5, 'x', x'00', 1, 'text', 'ab'), (2, 2.5, NULL, x'01', 2.5, 'y', 'c');",
    );
    assert_eq!(plan.types("t"), [Int8, Float8, Text, Bytea, Numeric, Text, Text]);
    assert_eq!(plan.problem_count, 0);
    assert!(plan.note("column t.f").contains("text"));
}

#[test]
fn booleans_are_booleans_only_when_all_are_zero_or_one() {
    let plan = planned(
        "CREATE TABLE t(a BOOL DEFAULT 1, b BOOLEAN DEFAULT 0); INSERT INTO t VALUES (0, 2), (NULL, 0);",
    );
    assert_eq!(plan.types("t"), [Bool, Int8]);
    assert!(plan.before("t").contains("\"a\" boolean DEFAULT TRUE"));
    assert!(plan.before("t").contains("\"b\" bigint DEFAULT 0"));
    assert!(plan.note("column t.b").contains("0, 1"));
    assert_eq!(plan.problem_count, 0);
}

#[test]
fn timestamps_have_a_zone_when_all_values_have_an_offset() {
    let plan = planned(
        "CREATE TABLE t(a TIMESTAMP, b TIMESTAMP, c DATETIME);
         INSERT INTO t VALUES ('2024-05-31T12:00:00Z', '2024-05-31 12:00:00', 1717156800);",
    );
    assert_eq!(plan.types("t"), [Timestamptz, Timestamp, Int8]);
    assert!(plan.note("column t.c").contains("integers"));
    assert_eq!(plan.problem_count, 0);
}

#[test]
fn names_speak_only_when_asked() {
    let sql = "CREATE TABLE t(made_at TEXT, day_at TEXT, odd_at TEXT, data_json TEXT, none_at TEXT);
               INSERT INTO t VALUES ('2024-05-31T12:00:00+02:00', '2024-05-31', 'never', '{\"a\": 1}', NULL);";
    assert_eq!(planned(sql).types("t"), [Text; 5]);
    let options = AutoOptions { infer: true, ..AutoOptions::default() };
    let plan = planned_with(sql, &options).unwrap();
    assert_eq!(plan.types("t"), [Timestamptz, Date, Text, Jsonb, Text]);
    assert!(plan.note("column t.made_at").contains("inferred"));
    assert_eq!(plan.problem_count, 0);
}

#[test]
fn lengths_are_kept_when_asked_and_then_checked() {
    let sql = "CREATE TABLE t(a VARCHAR(3), b CHAR(2), c DECIMAL(4,2));
               INSERT INTO t VALUES ('äöü', 'x', 12.34), ('abcd', 'y', 123.4), ('ab  ', 'z', 1.234);";
    assert!(planned(sql).before("t").contains("\"a\" text"));
    let options = AutoOptions { keep_lengths: true, ..AutoOptions::default() };
    let plan = planned_with(sql, &options).unwrap();
    let table = plan.before("t");
    assert!(table.contains("\"a\" varchar(3)"));
    assert!(table.contains("\"b\" varchar(2)"));
    assert!(table.contains("\"c\" numeric(4,2)"));
    assert_eq!(plan.problem_count, 4);
    assert_eq!(plan.problems[0].key, "rowid=2");
}

#[test]
fn the_map_has_the_last_word() {
    let map = "[tables.t]\nto = \"things\"\n[tables.t.columns.a]\ntype = \"timestamptz\"\nto = \"made\"\n\
               [tables.t.columns.b]\ntype = \"smallint\"\n[tables.gone]\nskip = true\n";
    let options = AutoOptions { map: Some(Map::parse(map).unwrap()), ..AutoOptions::default() };
    let plan = planned_with(
        "CREATE TABLE t(a TEXT, b INT); CREATE TABLE gone(x);
         INSERT INTO t VALUES ('2024-05-31T12:00:00Z', 1), ('soon', 40000);",
        &options,
    )
    .unwrap();
    assert_eq!(plan.plan.tables.len(), 1);
    assert_eq!(plan.plan.tables[0].postgres, "things");
    assert_eq!(plan.plan.tables[0].columns[0].postgres, "made");
    assert!(plan.before("things").contains("\"made\" timestamptz"));
    assert!(plan.note("table gone").contains("map"));
    let reasons: Vec<_> = plan.problems.iter().map(|problem| problem.column.as_str()).collect();
    assert_eq!(reasons, ["a", "b"]);
    assert_eq!(plan.problems[1].target_type, "smallint");
}

#[test]
fn two_things_of_one_name_in_the_map_are_refused() {
    let map = Map::parse("[tables.a]\nto = \"x\"\n[tables.b]\nto = \"x\"\n").unwrap();
    let options = AutoOptions { map: Some(map), ..AutoOptions::default() };
    let error = planned_with("CREATE TABLE a(x); CREATE TABLE b(x);", &options).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}
