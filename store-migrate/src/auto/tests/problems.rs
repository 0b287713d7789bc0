//! Values that do not convert are named; none is changed.

use super::{database, planned};
use crate::auto::{AutoOptions, orphans, plan, sqlite_schema};
use crate::error::Error;
use crate::model::PgType;

#[test]
fn every_value_that_does_not_convert_is_named() {
    let plan = planned(
        "CREATE TABLE t(k TEXT PRIMARY KEY, i INTEGER, b BOOLEAN, w TIMESTAMP, s TEXT, j JSON);
         INSERT INTO t VALUES ('text', 'abc', 1, NULL, NULL, NULL), ('big', 1e30, 0, NULL, NULL, NULL),
           ('dirty', 1, 1, '31.5.2024', NULL, NULL), ('clean', 1, 1, '2024-05-31 12:00:00', 'x', '[1]'),
           ('utf', 1, 1, NULL, CAST(x'61ff' AS TEXT), NULL), ('nul', 1, 1, NULL, 'a' || char(0), NULL),
           ('json', 1, 1, NULL, NULL, '{'), ('blob', x'00', 1, NULL, x'00', NULL);",
    );
    let found: Vec<(&str, &str)> = (plan.problems.iter())
        .map(|problem| (problem.column.as_str(), problem.key.as_str()))
        .collect();
    let expected = [
        ("i", "k=text"),
        ("i", "k=big"),
        ("i", "k=blob"),
        ("w", "k=dirty"),
        ("s", "k=utf"),
        ("s", "k=nul"),
        ("s", "k=blob"),
        ("j", "k=json"),
    ];
    assert_eq!(found, expected);
    assert_eq!(plan.problem_count, 8);
    assert_eq!(plan.problems[0].target_type, "bigint");
}

#[test]
fn a_boolean_that_is_text_is_a_problem() {
    let plan = planned("CREATE TABLE t(b BOOL); INSERT INTO t VALUES (1), ('true');");
    assert_eq!((plan.problem_count, plan.problems[0].key.as_str()), (1, "rowid=2"));
}

#[test]
fn mixed_values_without_a_type_are_problems_of_the_fewer() {
    let plan = planned("CREATE TABLE t(v); INSERT INTO t VALUES (1), (2), ('x'), (x'00');");
    assert_eq!(plan.problem_count, 2);
    assert_eq!(plan.problems[0].key, "rowid=3");
}

#[test]
fn problems_are_counted_beyond_those_that_are_shown() {
    let plan = planned(
        "CREATE TABLE t(i INTEGER);
         WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000)
         INSERT INTO t SELECT 'x' || x FROM n;",
    );
    assert_eq!(plan.problem_count, 5000);
    assert_eq!(plan.problems.len(), 100);
    assert_eq!(plan.rows, [5000]);
}

#[test]
fn large_blobs_are_planned_without_being_read() {
    let plan =
        planned("CREATE TABLE t(a BLOB, b); INSERT INTO t VALUES (zeroblob(90000000), x'00');");
    assert_eq!((plan.problem_count, plan.types("t")), (0, vec![PgType::Bytea; 2]));
}

#[test]
fn progress_can_stop_the_reading() {
    let conn = database("CREATE TABLE t(a)");
    let stopped = plan(&conn, &AutoOptions::default(), &mut |_progress| Err(Error::Stopped));
    assert!(matches!(stopped, Err(Error::Stopped)));
}

#[test]
fn orphans_are_found_and_mismatches_told() {
    let conn = database(
        "PRAGMA foreign_keys = OFF;
         CREATE TABLE p(id INTEGER PRIMARY KEY, other TEXT);
         CREATE TABLE c(a REFERENCES p, b REFERENCES p ON DELETE CASCADE);
         CREATE TABLE m(x REFERENCES p(other), y REFERENCES p, z REFERENCES gone);
         CREATE TABLE w(k TEXT, p INT REFERENCES p, PRIMARY KEY (k)) WITHOUT ROWID;
         INSERT INTO p VALUES (1, 'x'); INSERT INTO c VALUES (1, 1), (1, 2), (3, NULL);
         INSERT INTO m VALUES ('x', 1, 1), ('y', 7, 1); INSERT INTO w VALUES ('ok', 1), ('no', 9);",
    );
    let found = orphans(&conn, 3).unwrap();
    let shown: Vec<_> = (found.found.iter())
        .map(|one| (one.table.as_str(), one.key.as_str(), one.columns.join(",")))
        .collect();
    let expected = [("c", "rowid=2", "b"), ("c", "rowid=3", "a"), ("m", "rowid=2", "y")];
    assert_eq!(shown, expected.map(|(table, key, column)| (table, key, column.to_owned())));
    assert_eq!(found.count, 4);
    let unchecked: Vec<_> = found.unchecked.iter().map(|one| one.columns.join(",")).collect();
    assert_eq!(unchecked, ["x", "z"]);
    assert_eq!(orphans(&conn, 9).unwrap().found[3].key, "k=no");
}

#[test]
fn the_schema_of_the_origin_can_be_made_again() {
    let sql = "CREATE TABLE a(x TEXT COLLATE NOCASE, y AS (x || '!') STORED);
               CREATE VIEW v AS SELECT x FROM a; CREATE INDEX i ON a(lower(x)) WHERE x > '';
               CREATE TRIGGER tr AFTER INSERT ON a BEGIN UPDATE a SET x = x; END;
               CREATE TABLE b(k PRIMARY KEY, n UNIQUE) WITHOUT ROWID;
               CREATE VIRTUAL TABLE f USING fts5(x); CREATE TABLE s(i INTEGER PRIMARY KEY AUTOINCREMENT);";
    let conn = database(sql);
    let steps = sqlite_schema(&conn).unwrap();
    let kinds: Vec<&str> = steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(kinds, ["table", "table", "table", "virtual table", "index", "view", "trigger"]);
    let again = database("");
    for step in &steps {
        again.execute_batch(&step.sql).unwrap();
    }
    let read = |conn| crate::catalog::sqlite::read(conn).unwrap();
    let (before, after) = (read(&conn), read(&again));
    let tables = |catalog: &crate::catalog::sqlite::Catalog| catalog.tables.clone();
    assert_eq!(tables(&before), tables(&after));
    assert_eq!((before.views, before.triggers), (after.views, after.triggers));
}
