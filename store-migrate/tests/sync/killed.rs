//! Processes that are killed at any instant.

use std::time::Duration;

use crate::support::{Case, NAMES, Numbers, TABLES, wait_until};

#[test]
fn a_sync_that_is_killed_goes_on() {
    let case = Case::new("auto");
    let source = case.source();
    source.execute_batch(TABLES).unwrap();
    case.run("run", &["--capture"], 0);
    let mut numbers = Numbers(99);
    for round in 0..12_i64 {
        source.execute_batch("BEGIN").unwrap();
        for _ in 0..3_000 {
            let (id, n) = (numbers.below(6_000), numbers.below(1_000_000));
            source
                .execute_batch(&match numbers.below(4) {
                    0 => format!("DELETE FROM parents WHERE id = {id}"),
                    1 => format!("INSERT OR REPLACE INTO pairs VALUES ('p', {id}, '{n}')"),
                    _ => format!("INSERT OR REPLACE INTO parents VALUES ({id}, 'c{n}', '{round}')"),
                })
                .unwrap();
        }
        source.execute_batch("COMMIT").unwrap();
        let mut process = case.start("sync", &["--until-rows", "0"]);
        std::thread::sleep(Duration::from_millis(u64::try_from(20 + 25 * round).unwrap()));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    case.run("sync", &["--until-rows", "0"], 0);
    case.assert_equal(&NAMES, "twelve kills");
    let again = case.run("sync", &["--until-rows", "0"], 0);
    assert_eq!(again["rounds"].as_array().unwrap().len(), 1);
    assert_eq!(again["rounds"][0]["rows"], 0, "there is nothing to apply twice");
    case.run("validate", &[], 0);
    assert_eq!(
        case.one(
            "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_migrate\\_keys%' \
                  AND relnamespace = current_schema()::regnamespace"
        ),
        0
    );
    case.finish();
}

#[test]
fn a_first_copy_that_is_killed_goes_on_although_rows_changed() {
    let case = Case::new("auto");
    let source = case.source();
    source
        .execute_batch(
            "CREATE TABLE first (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE);
             CREATE TABLE second (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE,
                                  first INTEGER REFERENCES first (id) ON DELETE CASCADE);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
             INSERT INTO first SELECT i, 'code ' || i FROM n;
             INSERT INTO second SELECT id, code, id FROM first;",
        )
        .unwrap();
    let mut process = case.start("run", &["--capture"]);
    wait_until("a batch is committed", || {
        assert!(process.try_wait().unwrap().is_none(), "it ended before it could be killed");
        case.one(
            "SELECT count(*) FROM pg_class WHERE relname = '_migrate_batches' \
                  AND relnamespace = current_schema()::regnamespace",
        ) > 0
            && case.one("SELECT count(*) FROM _migrate_batches") > 0
    });
    process.kill().unwrap();
    process.wait().unwrap();
    // Behind what is copied and before it: codes move, rows go and come.
    source
        .execute_batch(
            "DELETE FROM first WHERE id BETWEEN 10 AND 20 OR id > 119990;
             UPDATE first SET code = 'was ' || code WHERE id < 5;
             UPDATE first SET code = 'code 1' WHERE id = 100000;
             INSERT INTO first VALUES (12, 'code 2'), (200000, 'code 3');",
        )
        .unwrap();
    case.run("sync", &[], 1);
    case.run("run", &["--capture"], 0);
    case.assert_equal(&["first", "second"], "a kill in the first copy");
    source.execute("UPDATE first SET code = 'last' WHERE id = 30", []).unwrap();
    // What is begun with a capture is gone on with it, also without saying so.
    case.run("run", &[], 0);
    case.assert_equal(&["first", "second"], "a run after the copy");
    case.finish();
}
