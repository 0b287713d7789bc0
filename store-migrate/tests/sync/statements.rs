//! One statement after the other, each applied and compared: none changes a row unnoticed.

use crate::support::{Case, NAMES, TABLES};

/// What fills the tables before the first copy.
const ROWS: &str = "
    INSERT INTO parents VALUES (1, 'a', NULL), (2, 'b', 'x'), (3, 'c', NULL), (4, 'd', NULL);
    INSERT INTO children VALUES (1, 1, NULL, 0), (2, 1, 1, 0), (3, 2, 1, 0), (4, 3, 2, 0),
        (5, 4, NULL, 0), (6, 4, 5, 0);
    INSERT INTO pairs VALUES ('a', 1, 'x'), ('a', 2, 'y'), ('b', 1, 'z');
    INSERT INTO slots (place, active, name) VALUES (1, 1, 'n'), (2, 0, 'n'), (3, 1, 'm'), (4, 0, 'k');
    INSERT INTO words VALUES ('One', 1), ('Two', 2), ('three', 3);
    INSERT INTO log VALUES ('same', 1), ('same', 1), ('other', 2);
    INSERT INTO hens VALUES (1, NULL); INSERT INTO eggs VALUES (1, 1); UPDATE hens SET egg = 1;";

const STATEMENTS: [&str; 38] = [
    "INSERT INTO parents VALUES (5, 'e', 'ä')",
    "UPDATE parents SET note = 'changed' WHERE id IN (1, 5)",
    // Replaced by another unique key than the primary one; the cascade takes children along.
    "INSERT OR REPLACE INTO parents VALUES (6, 'b', 'replaced')",
    "REPLACE INTO parents VALUES (6, 'c', 'replaced twice')",
    "UPDATE OR REPLACE parents SET code = 'd' WHERE id = 5",
    "INSERT INTO parents VALUES (1, 'a', 'up') ON CONFLICT (id) DO UPDATE SET note = excluded.note",
    "INSERT INTO parents VALUES (90, 'a', 'up') ON CONFLICT (code) DO UPDATE SET note = 'by code'",
    "INSERT OR IGNORE INTO parents VALUES (91, 'a', 'no'), (92, 'z', 'yes')",
    // The key itself.
    "UPDATE parents SET id = 93 WHERE id = 92",
    "UPDATE pairs SET b = b + 10",
    "UPDATE pairs SET a = 'b', b = 12 WHERE a = 'a' AND b = 12",
    "UPDATE OR REPLACE pairs SET a = 'b', b = 11 WHERE a = 'a' AND b = 11",
    "INSERT OR REPLACE INTO pairs VALUES ('b', 11, 'new')",
    "BEGIN; UPDATE children SET boss = NULL; UPDATE children SET id = id + 100; COMMIT",
    // Self-references, moved and deleted.
    "INSERT INTO children VALUES (300, 1, 301, 1), (301, 1, 300, 1)",
    "DELETE FROM children WHERE id = 301",
    "INSERT INTO parents VALUES (7, 'g', NULL); INSERT INTO children VALUES (7, 7, NULL, 1), (8, 7, 7, 2)",
    "BEGIN; UPDATE children SET parent = 1 WHERE id = 8; DELETE FROM parents WHERE id = 7; COMMIT",
    // A parent that moves to a new one while the old one goes.
    "BEGIN; INSERT INTO parents VALUES (8, 'h', NULL); UPDATE children SET parent = 8; \
     DELETE FROM parents WHERE id <> 8; COMMIT",
    "INSERT INTO parents VALUES (9, 'i', NULL), (10, 'j', NULL)",
    // Two rows swap a unique value, in a table that others refer to.
    "BEGIN; UPDATE parents SET code = '-' WHERE id = 8; UPDATE parents SET code = 'h' WHERE id = 9; \
     UPDATE parents SET code = 'i' WHERE id = 8; COMMIT",
    // A new row takes the unique value of one that is gone.
    "BEGIN; DELETE FROM parents WHERE id = 10; INSERT INTO parents VALUES (11, 'j', 'after'); COMMIT",
    "BEGIN; UPDATE slots SET place = -1 WHERE id = 1; UPDATE slots SET place = 1 WHERE id = 2; \
     UPDATE slots SET place = 2 WHERE id = 1; COMMIT",
    "UPDATE OR REPLACE slots SET place = 3 WHERE id = 4",
    "INSERT OR REPLACE INTO slots (place, active, name) VALUES (9, 1, 'n')",
    "UPDATE OR REPLACE slots SET active = 1 WHERE id = 2",
    // By the row number, under another name.
    "UPDATE OR REPLACE slots SET rowid = 77 WHERE id = 4",
    "INSERT OR REPLACE INTO words (rowid, word, n) VALUES (1, 'first', 10)",
    "INSERT OR REPLACE INTO words VALUES ('TWO', 20)",
    "UPDATE OR REPLACE words SET word = 'THREE' WHERE word = 'TWO'",
    "UPDATE words SET word = 'three' WHERE word = 'THREE'",
    "INSERT INTO log VALUES ('same', 1); DELETE FROM log WHERE line = 'other'",
    "UPDATE log SET n = 3",
    "BEGIN; UPDATE hens SET egg = NULL; INSERT INTO hens VALUES (2, 2); INSERT INTO eggs VALUES (2, 2); COMMIT",
    "BEGIN; DELETE FROM hens; DELETE FROM eggs; INSERT INTO hens VALUES (3, 3); INSERT INTO eggs VALUES (3, 3); COMMIT",
    "BEGIN; DELETE FROM parents; ROLLBACK",
    "DELETE FROM slots",
    "DELETE FROM parents",
];

fn every_statement(recursive: bool) {
    let case = Case::new("auto");
    let source = case.source();
    source.execute_batch(&format!("{TABLES}{ROWS}")).unwrap();
    source.execute_batch(&format!("PRAGMA recursive_triggers = {recursive}")).unwrap();
    case.run("run", &["--capture"], 0);
    let before = schema(&case);
    for statement in STATEMENTS {
        source.execute_batch(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        case.run("sync", &["--until-rows", "0"], 0);
        case.assert_equal(&NAMES, statement);
    }
    case.run("validate", &[], 0);
    assert_eq!(schema(&case), before, "the schema of the target is what it was");
    case.finish();
}

/// Counts what a delta may change for its transaction only.
fn schema(case: &Case) -> (i64, i64, i64) {
    let here = "connamespace = current_schema()::regnamespace";
    (
        case.one(&format!("SELECT count(*) FROM pg_constraint WHERE {here}")),
        case.one(&format!("SELECT count(*) FROM pg_constraint WHERE {here} AND condeferrable")),
        case.one(
            "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace",
        ),
    )
}

#[test]
fn every_statement_is_captured() {
    every_statement(false);
}

#[test]
fn every_statement_is_captured_with_recursive_triggers() {
    every_statement(true);
}

#[test]
fn many_changes_at_once_are_applied() {
    let case = Case::new("auto");
    let source = case.source();
    source.execute_batch(&format!("{TABLES}{ROWS}")).unwrap();
    case.run("run", &["--capture"], 0);
    for statement in &STATEMENTS[..STATEMENTS.len() - 2] {
        source.execute_batch(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    case.run("sync", &["--until-rows", "0"], 0);
    case.assert_equal(&NAMES, "all of them");
    case.finish();
}

#[test]
fn the_application_sees_no_difference() {
    let case = Case::new("auto");
    let source = case.source();
    source.execute_batch(&format!("{TABLES}{ROWS}")).unwrap();
    case.run("run", &["--capture"], 0);
    let changed = source.execute("INSERT INTO parents (code) VALUES ('new')", []).unwrap();
    assert_eq!(changed, 1);
    let id = source.last_insert_rowid();
    let code: String =
        source.query_row("SELECT code FROM parents WHERE id = ?1", [id], |row| row.get(0)).unwrap();
    assert_eq!(code, "new");
    assert_eq!(source.execute("UPDATE children SET n = 5", []).unwrap(), 6);
    case.finish();
}
