//! What is carried over, and what is a note.

use super::planned;

#[test]
fn constraints_are_carried_over_after_the_data() {
    let plan = planned(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, a TEXT, b INT, UNIQUE (a, b));
         CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p ON DELETE CASCADE ON UPDATE SET NULL,
                        a TEXT, b INT, FOREIGN KEY (a, b) REFERENCES p(a, b) DEFERRABLE INITIALLY DEFERRED);",
    );
    let expected = [
        "ALTER TABLE \"p\" ADD CONSTRAINT \"p_pkey\" PRIMARY KEY (\"id\")",
        "ALTER TABLE \"p\" ADD CONSTRAINT \"p_a_b_key\" UNIQUE (\"a\", \"b\")",
        "ALTER TABLE \"c\" ADD CONSTRAINT \"c_pkey\" PRIMARY KEY (\"id\")",
        "ALTER TABLE \"c\" ADD CONSTRAINT \"c_p_fkey\" FOREIGN KEY (\"p\") REFERENCES \"p\" (\"id\") \
         ON UPDATE SET NULL ON DELETE CASCADE",
        "ALTER TABLE \"c\" ADD CONSTRAINT \"c_a_b_fkey\" FOREIGN KEY (\"a\", \"b\") REFERENCES \"p\" \
         (\"a\", \"b\") DEFERRABLE INITIALLY DEFERRED",
    ];
    assert_eq!(plan.after(), expected);
    assert_eq!(plan.plan.notes, []);
}

#[test]
fn indexes_are_carried_over() {
    let plan = planned(
        "CREATE TABLE t(a INT, b TEXT, c TEXT COLLATE NOCASE, d BOOLEAN);
         CREATE INDEX i1 ON t(a DESC, b); CREATE UNIQUE INDEX i2 ON t(b) WHERE a IS NOT NULL AND d = 1;
         CREATE INDEX i3 ON t(lower(b), a); CREATE UNIQUE INDEX i4 ON t(c); CREATE INDEX i5 ON t(b COLLATE RTRIM);",
    );
    let expected = [
        "CREATE INDEX \"i1\" ON \"t\" (\"a\" DESC, \"b\")",
        "CREATE UNIQUE INDEX \"i2\" ON \"t\" (\"b\") WHERE ((\"a\" IS NOT NULL) AND (\"d\" = TRUE))",
        "CREATE INDEX \"i3\" ON \"t\" ((lower(\"b\" COLLATE \"C\")), \"a\")",
        "CREATE UNIQUE INDEX \"i4\" ON \"t\" (lower(\"c\" COLLATE \"C\"))",
        "CREATE INDEX \"i5\" ON \"t\" (rtrim(\"b\" COLLATE \"C\", ' '))",
    ];
    assert_eq!(plan.after(), expected);
    assert!(plan.note("column t.c").contains("NOCASE"));
}

#[test]
fn a_key_without_regard_to_case_has_an_index_that_compares_so() {
    let plan = planned(
        "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, u TEXT UNIQUE COLLATE NOCASE);
         CREATE TABLE c(k TEXT REFERENCES t);",
    );
    let after = plan.after();
    assert!(after[0].ends_with("\"t_pkey\" PRIMARY KEY (\"k\")"));
    assert!(after[1].starts_with("CREATE UNIQUE INDEX \"t_k_key\""));
    assert!(after[2].ends_with("(lower(\"u\" COLLATE \"C\"))"));
    assert!(plan.note("foreign key c (k)").contains("bytes"));
}

#[test]
fn checks_and_defaults_are_carried_over_or_noted() {
    let plan = planned(
        "CREATE TABLE t(a INT NOT NULL DEFAULT 5 CONSTRAINT positive CHECK (a > 0),
                        b TEXT DEFAULT CURRENT_TIMESTAMP CHECK (b GLOB '2*'),
                        c TEXT DEFAULT (hex(randomblob(4))), d JSON CHECK (json_valid(d)),
                        CHECK (length(b) < 30), CHECK (a BETWEEN 1 AND 9));",
    );
    let sql = plan.before("t");
    for part in [
        "\"a\" bigint DEFAULT 5 NOT NULL",
        "\"b\" text DEFAULT to_char(",
        "\"c\" text,",
        "CONSTRAINT \"positive\" CHECK ((\"a\" > 0))",
        "CONSTRAINT \"t_check\" CHECK ((char_length(\"b\") < 30))",
    ] {
        assert!(sql.contains(part), "{part} in {sql}");
    }
    assert_eq!(plan.note("default of t.c"), "is not carried over");
    assert_eq!(plan.note("check of t"), "is not carried over");
    assert_eq!(plan.plan.notes.iter().filter(|note| note.sql.is_some()).count(), 3);
}

#[test]
fn generated_columns_are_computed_or_copied() {
    let plan = planned(
        "CREATE TABLE t(a TEXT, n INT, low TEXT AS (lower(a)) STORED, twice INT AS (n * 2),
                        len INT GENERATED ALWAYS AS (length(a)), chained TEXT AS (low || '!'));
         INSERT INTO t(a, n) VALUES ('Ab', 2);",
    );
    let sql = plan.before("t");
    assert!(sql.contains("\"low\" text GENERATED ALWAYS AS (lower(\"a\" COLLATE \"C\")) STORED"));
    assert!(sql.contains("\"len\" bigint GENERATED ALWAYS AS (char_length(\"a\")) STORED"));
    let moved: Vec<_> = plan.table("t").columns.iter().map(|c| c.sqlite.as_str()).collect();
    assert_eq!(moved, ["a", "n", "twice", "chained"]);
    assert!(plan.note("column t.twice").contains("ordinary"));
    assert!(plan.note("column t.chained").contains("ordinary"));
}

#[test]
fn what_has_no_counterpart_is_listed_with_its_sql() {
    let plan = planned(
        "CREATE TABLE t(a TEXT UNIQUE ON CONFLICT REPLACE, b INT); CREATE VIEW v AS SELECT a FROM t;
         CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END; CREATE VIRTUAL TABLE f USING fts5(a);
         CREATE INDEX i ON t(b + 1); CREATE INDEX p ON t(a) WHERE b + 1 > 2;",
    );
    assert_eq!(plan.plan.tables.len(), 1);
    for about in ["view v", "trigger tr", "virtual table f", "index i", "index p"] {
        assert!(plan.note(about).contains("not carried over"));
        let note = plan.plan.notes.iter().find(|note| note.about == about).unwrap();
        assert!(note.sql.as_deref().is_some_and(|sql| sql.starts_with("CREATE")));
    }
    assert!(plan.note("virtual table f").contains("f_data"));
    assert!(plan.note("table t").contains("REPLACE"));
}

#[test]
fn foreign_keys_that_cannot_be_are_noted() {
    let plan = planned(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, t TEXT); CREATE TABLE a(x INT REFERENCES gone);
         CREATE TABLE b(x TEXT REFERENCES p); CREATE TABLE c(x TEXT REFERENCES p(t));",
    );
    assert!(plan.note("foreign key a (x)").contains("no table gone"));
    assert!(plan.note("foreign key b (x)").contains("text"));
    assert!(plan.note("foreign key c (x)").contains("not unique"));
}

#[test]
fn a_value_too_long_for_an_index_leaves_it_out() {
    let plan = planned(
        "CREATE TABLE t(a TEXT, b TEXT UNIQUE); CREATE INDEX i ON t(a);
         INSERT INTO t VALUES (hex(zeroblob(5000)), hex(zeroblob(5000)));",
    );
    assert!(plan.note("index i").contains("10000 bytes"));
    assert!(plan.note("constraint t_b_key").contains("10000 bytes"));
}
