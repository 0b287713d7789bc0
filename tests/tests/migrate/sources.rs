//! Sources that are not what they should be, and sources that others still write.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::support::{Schema, Source, file_url, migrate, moved, number, open, sql};

const STEPS: &str = "SELECT count(*) FROM history_steps";
/// An ordinary change: one more step.
const ONE_MORE: &str = "INSERT INTO history_steps SELECT execution_id, \
    (SELECT max(step_index) + 1 FROM history_steps), execution_started_at, at, kind, name, payload, \
    payload_bytes, byte_offset, input_tokens, output_tokens, cost_micros, NULL \
    FROM history_steps WHERE step_index = 0";

/// Copies a database with what stands beside it, as it is after its process was killed.
fn copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-journal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        if Path::new(&name(from)).exists() {
            fs::copy(name(from), name(to)).unwrap();
        }
    }
}

#[test]
fn what_is_no_database_of_stores_is_refused() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(1).await, Schema::fresh().await);
        let directory = source.directory.path();
        fs::write(directory.join("empty"), "").unwrap();
        fs::write(directory.join("text"), "Not a database at all. ".repeat(500)).unwrap();
        fs::write(directory.join("alone-wal"), "log").unwrap();
        fs::write(directory.join("lonely-journal"), "journal").unwrap();
        sql(&directory.join("other"), "CREATE TABLE t (a)");
        let mut cut = fs::read(source.path()).unwrap();
        cut.truncate(3000);
        fs::write(directory.join("cut"), cut).unwrap();
        let cases: [(&str, &[&str]); 8] = [
            ("missing", &["there is no file"]),
            ("", &["is not a file"]),
            ("empty", &["is an empty file"]),
            ("text", &["not a database"]),
            ("alone", &["alone-wal is there", "restore"]),
            ("lonely", &["lonely-journal is there", "restore"]),
            ("other", &["none of the stores' tables", "--layout auto"]),
            ("cut", &[]),
        ];
        for (name, words) in cases {
            let from = file_url(&directory.join(name));
            for what in ["plan", "run", "validate"] {
                migrate(what, &from, &schema.url(), &[]).refused(words);
            }
        }
        assert!(!directory.join("missing").exists());
        assert_eq!(schema.tables().await, 0);
        // Nor is an empty schema a source, nor one that is not there.
        let back = source.beside("back.sqlite");
        migrate("plan", &schema.url(), &back, &[]).refused(&["none of the stores' tables"]);
        let nowhere = Schema { name: "t_no_such_schema".to_owned() };
        migrate("plan", &nowhere.url(), &back, &[]).refused(&["does not exist", "CREATE SCHEMA"]);
        migrate("run", &source.url(), &nowhere.url(), &[])
            .refused(&["does not exist", "CREATE SCHEMA"]);
        schema.drop().await;
    });
}

#[test]
fn a_log_with_uncommitted_frames_of_a_killed_process_is_honoured() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(10).await, Schema::fresh().await);
        let conn = open(&source.path());
        conn.execute_batch(&format!(
            "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_spill = 1; {ONE_MORE}"
        ))
        .unwrap();
        // So much that pages spill into the log before the commit that never comes.
        conn.execute_batch(
            "PRAGMA cache_size = 1; BEGIN; \
            UPDATE history_steps SET payload = '[\"' || hex(zeroblob(20000)) || '\"]'",
        )
        .unwrap();
        let killed = source.directory.path().join("killed.sqlite");
        copy(&source.path(), &killed);
        let log = fs::metadata(format!("{}-wal", killed.display())).unwrap().len();
        assert!(log > 200_000, "frames are in the log: {log}");
        moved(&file_url(&killed), &schema.url()).await;
        assert_eq!(schema.number(STEPS).await, 11);
        assert_eq!(
            schema.number("SELECT count(*) FROM history_steps WHERE payload ? 'n'").await,
            11
        );
        schema.drop().await;
    });
}

#[test]
fn a_hot_journal_is_rolled_back() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(10).await, Schema::fresh().await);
        let conn = open(&source.path());
        conn.execute_batch(
            "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; \
            UPDATE history_steps SET payload = '[\"' || hex(zeroblob(20000)) || '\"]'",
        )
        .unwrap();
        let killed = source.directory.path().join("killed.sqlite");
        copy(&source.path(), &killed);
        assert!(source.directory.path().join("killed.sqlite-journal").exists());
        moved(&file_url(&killed), &schema.url()).await;
        assert_eq!(
            schema.number("SELECT count(*) FROM history_steps WHERE payload ? 'n'").await,
            10
        );
        schema.drop().await;
    });
}

#[test]
fn a_damaged_page_is_refused() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(500).await, Schema::fresh().await);
        let find = "SELECT rootpage FROM sqlite_schema WHERE name = 'history_steps'";
        let page = usize::try_from(number(&source.path(), find)).unwrap();
        let mut bytes = fs::read(source.path()).unwrap();
        bytes[(page - 1) * 4096..][8..200].fill(0xa5);
        let damaged = source.directory.path().join("damaged.sqlite");
        fs::write(&damaged, bytes).unwrap();
        for what in ["plan", "run"] {
            migrate(what, &file_url(&damaged), &schema.url(), &[]).refused(&["damage"]);
        }
        assert_eq!(schema.tables().await, 0);
        schema.drop().await;
    });
}

#[test]
fn schemas_of_another_version_are_refused() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(1).await, Schema::fresh().await);
        let last = "(SELECT max(rowid) FROM store_history_migrations)";
        let cases = [
            (
                format!("DELETE FROM store_history_migrations WHERE rowid = {last}"),
                "lacks migration",
            ),
            (
                format!(
                    "UPDATE store_history_migrations SET name = '9999-from-the-future' WHERE rowid = {last}"
                ),
                "9999-from-the-future",
            ),
            (
                format!("UPDATE store_history_migrations SET checksum = '00' WHERE rowid = {last}"),
                "version",
            ),
        ];
        let whole = fs::read(source.path()).unwrap();
        for (change, words) in cases {
            source.sql(&change);
            for what in ["plan", "run"] {
                migrate(what, &source.url(), &schema.url(), &[]).refused(&["store-history", words]);
            }
            let _gone = fs::remove_file(format!("{}-wal", source.path().display()));
            fs::write(source.path(), &whole).unwrap();
        }
        assert_eq!(schema.tables().await, 0);
        schema.drop().await;
    });
}

#[test]
fn a_newer_schema_on_the_target_is_refused() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(1).await, Schema::fresh().await);
        moved(&source.url(), &schema.url()).await;
        schema
            .sql(
                "INSERT INTO store_history_migrations SELECT '99991231000000', '9999-future', \
            checksum, now() FROM store_history_migrations LIMIT 1; \
            DELETE FROM _migrate_state; TRUNCATE history_executions CASCADE",
            )
            .await;
        migrate("run", &source.url(), &schema.url(), &[]).refused(&["99991231000000"]);
        migrate("plan", &schema.url(), &source.beside("back.sqlite"), &[])
            .refused(&["9999-future"]);
        schema.drop().await;
    });
}

#[test]
fn a_writer_goes_on_and_the_copy_is_of_one_instant() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(3000).await, Schema::fresh().await);
        let stop = Arc::new(AtomicBool::new(false));
        let (path, stopped) = (source.path(), stop.clone());
        let writer = std::thread::spawn(move || {
            let conn: Connection = open(&path);
            conn.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
            let mut written = 0;
            while !stopped.load(Ordering::Relaxed) {
                // Both tables, in one transaction: a copy of two instants would tear it apart.
                conn.execute_batch(&format!("BEGIN IMMEDIATE; {ONE_MORE}; \
                    UPDATE history_executions SET error = (SELECT count(*) FROM history_steps); COMMIT")).unwrap();
                written += 1;
            }
            written
        });
        let ran = migrate("run", &source.url(), &schema.url(), &["--batch-rows", "300"]);
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 10);
        ran.ended(0);
        let steps = schema.number(STEPS).await;
        let noted = "SELECT COALESCE(max(error), '3000')::int8 FROM history_executions";
        assert_eq!(schema.number(noted).await, steps);
        // What was written meanwhile is what differs now.
        let ran = migrate("validate", &source.url(), &schema.url(), &[]).ended(4);
        assert!(ran.stdout.contains("missing on the target"), "{}", ran.stdout);
        schema.drop().await;
    });
}

#[test]
fn a_writer_in_its_transaction_does_not_disturb() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(3).await, Schema::fresh().await);
        let conn = open(&source.path());
        conn.execute_batch(&format!("BEGIN IMMEDIATE; {ONE_MORE}")).unwrap();
        migrate("plan", &source.url(), &schema.url(), &[]).ended(0);
        schema.drop().await;
    });
}
