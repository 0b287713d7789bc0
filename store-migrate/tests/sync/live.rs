//! A writer that goes on through the whole move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::support::{Case, NAMES, Numbers, TABLES, wait_until};

/// What the application does, at random: every kind of change.
fn write(conn: &Connection, numbers: &mut Numbers) -> rusqlite::Result<()> {
    let (a, b) = (numbers.below(400), numbers.below(400));
    let sql = match numbers.below(16) {
        0 => format!("INSERT OR REPLACE INTO parents VALUES ({a}, 'code {b}', 'w')"),
        1 => format!("INSERT OR IGNORE INTO parents VALUES ({a}, 'code {b}', NULL)"),
        2 => format!("DELETE FROM parents WHERE id = {a}"),
        3 => format!("UPDATE parents SET note = 'n{b}' WHERE id BETWEEN {a} AND {a} + 3"),
        4 | 5 => format!(
            "INSERT INTO children (parent, n) SELECT id, {b} FROM parents WHERE id >= {a} LIMIT 1"
        ),
        6 => format!("UPDATE children SET boss = (SELECT max(id) FROM children) WHERE n = {a}"),
        7 => format!("DELETE FROM children WHERE n = {a}"),
        8 => format!("UPDATE OR REPLACE pairs SET b = {b} WHERE a = 'k' AND b = {a}"),
        9 => format!("INSERT OR REPLACE INTO pairs VALUES ('k', {a}, 'v{b}')"),
        10 => format!("UPDATE OR REPLACE slots SET place = {b} WHERE place = {a}"),
        11 => format!(
            "INSERT OR REPLACE INTO slots (place, active, name) VALUES ({a}, {b} % 2, 'n{b}')"
        ),
        12 => format!(
            "INSERT INTO words VALUES ('w{a}', 1) ON CONFLICT (word) DO UPDATE SET n = n + 1"
        ),
        13 => format!("INSERT OR REPLACE INTO words VALUES ('W{a}', {b})"),
        14 => format!("INSERT INTO log VALUES ('l{a}', {b})"),
        _ => format!(
            "BEGIN IMMEDIATE; UPDATE slots SET place = -1 WHERE place = {a}; \
             UPDATE OR REPLACE slots SET place = {a} WHERE place = {b}; \
             UPDATE OR REPLACE slots SET place = {b} WHERE place = -1; COMMIT"
        ),
    };
    conn.execute_batch(&sql).inspect_err(|_error| {
        if !conn.is_autocommit() {
            conn.execute_batch("ROLLBACK").unwrap();
        }
    })
}

/// An application. It ends when the source says that it was moved.
struct Writer {
    writes: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

fn start(case: &Case, seed: u64) -> Writer {
    let writes = Arc::new(AtomicU64::new(0));
    let (conn, counter) = (case.source(), Arc::clone(&writes));
    let thread = std::thread::spawn(move || {
        let mut numbers = Numbers(seed);
        loop {
            // An application that does nothing but write would always be ahead.
            std::thread::sleep(Duration::from_millis(2));
            match write(&conn, &mut numbers) {
                Ok(()) => drop(counter.fetch_add(1, Ordering::Relaxed)),
                Err(error) if error.to_string().contains("was moved to") => return,
                Err(error)
                    if matches!(
                        error.sqlite_error_code(),
                        // Two of its random rows may be in each other's way.
                        Some(ErrorCode::DatabaseBusy | ErrorCode::ConstraintViolation)
                    ) => {}
                Err(error) => panic!("the application cannot write: {error}"),
            }
        }
    });
    Writer { writes, thread }
}

#[test]
fn nothing_is_lost_while_an_application_writes() {
    let case = Case::new("auto");
    let source = case.source();
    source.execute_batch(TABLES).unwrap();
    let mut numbers = Numbers(7);
    source.execute_batch("BEGIN").unwrap();
    for _ in 0..20_000 {
        // A statement that a constraint refuses is one that did nothing.
        let _refused = source.execute_batch(&match numbers.below(3) {
            0 => format!("INSERT INTO parents (code) VALUES ('code {}')", numbers.below(9_000)),
            1 => format!(
                "INSERT INTO children (parent, n) SELECT max(id), {} FROM parents",
                numbers.below(400)
            ),
            _ => format!("INSERT INTO log VALUES ('line', {})", numbers.below(400)),
        });
    }
    source.execute_batch("COMMIT").unwrap();
    let writers: Vec<_> = [11, 12].into_iter().map(|seed| start(&case, seed)).collect();
    let written = || writers.iter().map(|one| one.writes.load(Ordering::Relaxed)).sum::<u64>();
    wait_until("the application writes", || written() > 200);

    case.run("run", &["--capture"], 0);
    let after_run = written();
    assert!(after_run > 200, "{after_run}");
    let synced = case.run("sync", &["--until-rows", "2000"], 0);
    assert!(!synced["rounds"].as_array().unwrap().is_empty());
    let status = case.run("status", &[], 0);
    assert!(status[0]["sync"]["pending"].as_u64().is_some(), "{status}");
    wait_until("more is written", || written() > after_run + 500);
    let report = case.run("cutover", &["--retire-source", "--until-rows", "2000"], 0);
    let count = written();
    for writer in writers {
        writer.thread.join().unwrap();
    }
    println!(
        "{count} writes of the application, {after_run} of them during the copy; writes were \
         stopped for {} s",
        report["seconds_without_writes"]
    );
    assert!(report["seconds_without_writes"].as_f64().unwrap() > 0.0);
    assert_eq!(report["done"], true);
    case.assert_equal(&NAMES, "the cutover");
    case.run("validate", &[], 0);

    let refused = case.source().execute("DELETE FROM parents", []).unwrap_err();
    assert!(refused.to_string().contains("was moved to"), "{refused}");
    case.clean_source();
    assert_eq!(case.left_in_source(), Vec::<String>::new());
    case.source().execute("DELETE FROM parents", []).unwrap();
    case.finish();
}
