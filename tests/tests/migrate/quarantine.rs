//! Values that do not convert: named before anything is written, or set aside with their bytes.

use std::collections::BTreeMap;

use serde_json::Value;
use store_tests::fixture::noon;
use store_tests::samples::{created, task};

use super::homes::Home;
use super::support::{Schema, Source, migrate, moved};

/// What is broken: the statement, the column, part of the reason, the stored type, the raw bytes.
const BROKEN: [(&str, &str, &str, &str, &[u8]); 9] = [
    (
        "history_steps SET payload_bytes = 'many' WHERE step_index = 1",
        "payload_bytes",
        "is text where an integer",
        "text",
        b"many",
    ),
    (
        "history_steps SET name = CAST(x'41ff42' AS TEXT) WHERE step_index = 2",
        "name",
        "not valid UTF-8 at byte 1",
        "text",
        b"A\xffB",
    ),
    (
        "history_steps SET name = 'a' || char(0) || 'b' WHERE step_index = 3",
        "name",
        "NUL at byte 1",
        "text",
        b"a\0b",
    ),
    (
        "history_steps SET payload = '{\"a\": tru}' WHERE step_index = 4",
        "payload",
        "",
        "text",
        b"{\"a\": tru}",
    ),
    ("history_steps SET at = 'yesterday' WHERE step_index = 5", "at", "", "text", b"yesterday"),
    (
        "history_steps SET payload_bytes = 1.5 WHERE step_index = 6",
        "payload_bytes",
        "is a real where an integer",
        "real",
        b"1.5",
    ),
    (
        "history_steps SET payload = '\"a\\u0000b\"' WHERE step_index = 7",
        "payload",
        "",
        "text",
        b"\"a\\u0000b\"",
    ),
    (
        "workflow_audit SET run_id = 'no-uuid' WHERE seq = 1",
        "run_id",
        "not a UUID",
        "text",
        b"no-uuid",
    ),
    (
        "history_tasks SET attempt = 3000000000 WHERE task_id = 'big'",
        "attempt",
        "out of range of integer",
        "integer",
        b"3000000000",
    ),
];

async fn broken() -> Source {
    let source = Source::with_steps(12).await;
    let home = Home::File(source.path());
    created(&home.workflows().await).await;
    let t = home.history().await;
    t.store.record_task(task("e", "big", noon())).await.unwrap();
    for (statement, ..) in BROKEN {
        source.sql(&format!(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; UPDATE {statement}"
        ));
    }
    source
}

/// The columns and reasons of problems in a report.
#[track_caller]
fn assert_named(report: &Value) {
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(report["problem_count"], BROKEN.len(), "{problems:#?}");
    for (statement, column, reason, ..) in BROKEN {
        let table = statement.split(' ').next().unwrap();
        let key = statement.rsplit(' ').next().unwrap().trim_matches('\'');
        let named = problems.iter().any(|problem| {
            problem["table"] == table
                && problem["column"] == column
                && problem["key"].as_str().unwrap().contains(key)
                && problem["reason"].as_str().unwrap().contains(reason)
        });
        assert!(named, "{statement} is not in {problems:#?}");
    }
}

#[test]
fn what_does_not_convert_is_named_and_nothing_is_written() {
    store_tests::run(async {
        let (source, schema) = (broken().await, Schema::fresh().await);
        assert_named(&migrate("plan", &source.url(), &schema.url(), &[]).ended(3).json());
        let ran = migrate("run", &source.url(), &schema.url(), &[]).ended(3);
        assert_named(&ran.json());
        assert!(ran.stderr.contains("--on-error quarantine"), "{}", ran.stderr);
        assert_eq!(schema.tables().await, 0);
        schema.drop().await;
    });
}

#[test]
fn rows_are_set_aside_with_their_bytes_and_the_rest_moves() {
    store_tests::run(async {
        let (source, schema) = (broken().await, Schema::fresh().await);
        let aside = ["--on-error", "quarantine", "--batch-rows", "4"];
        let report = migrate("run", &source.url(), &schema.url(), &aside).ended(0).json();
        assert_eq!(report["quarantined"], BROKEN.len());
        let sql =
            "SELECT source_table, column_name, type, raw, reason, key FROM _migrate_quarantine";
        let rows = schema.connect().await.query(sql, &[]).await.unwrap();
        assert_eq!(rows.len(), BROKEN.len());
        let raws: BTreeMap<Vec<u8>, (String, String, String)> =
            rows.iter().map(|row| (row.get(3), (row.get(0), row.get(1), row.get(2)))).collect();
        for (statement, column, _, class, raw) in BROKEN {
            let table = statement.split(' ').next().unwrap();
            let expected = (table.to_owned(), column.to_owned(), class.to_owned());
            assert_eq!(raws.get(raw), Some(&expected), "{statement}");
        }
        assert_eq!(schema.number("SELECT count(*) FROM history_steps").await, 12 - 7);
        let report = migrate("validate", &source.url(), &schema.url(), &[]).ended(0).json();
        let aside: u64 = report["tables"]
            .as_array()
            .unwrap()
            .iter()
            .map(|table| table["quarantined"].as_u64().unwrap())
            .sum();
        assert_eq!(aside, 9);
        // Exactly these: one more is a difference.
        source.sql(
            "PRAGMA ignore_check_constraints = ON; \
            UPDATE history_steps SET at = 'tomorrow' WHERE step_index = 9",
        );
        migrate("validate", &source.url(), &schema.url(), &[]).ended(4);
        schema.drop().await;
    });
}

#[test]
fn what_referred_to_a_row_that_was_set_aside_is_told() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(3).await, Schema::fresh().await);
        source.sql(
            "PRAGMA ignore_check_constraints = ON; \
            UPDATE history_executions SET started_at = 'soon' WHERE execution_id = 'e'",
        );
        let aside = ["--on-error", "quarantine"];
        let ran = migrate("run", &source.url(), &schema.url(), &aside);
        ran.refused(&["foreign key", "--keep-orphans"]);
        let kept = ["--on-error", "quarantine", "--keep-orphans"];
        let report = migrate("run", &source.url(), &schema.url(), &kept).ended(0).json();
        assert_eq!(report["not_valid"].as_array().unwrap().len(), 1);
        assert_eq!(schema.number("SELECT count(*) FROM history_steps").await, 3);
        schema.drop().await;
    });
}

#[test]
fn what_sqlite_cannot_hold_is_named_and_no_file_is_made() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(6).await, Schema::fresh().await);
        moved(&source.url(), &schema.url()).await;
        schema
            .sql(
                "UPDATE history_steps SET at = 'infinity' WHERE step_index = 2; \
            UPDATE history_steps SET at = '0044-03-15 12:00:00 BC' WHERE step_index = 4",
            )
            .await;
        let back = source.directory.path().join("back.sqlite");
        let to = source.beside("back.sqlite");
        let ran = migrate("run", &schema.url(), &to, &[]).ended(3);
        let report = ran.json();
        assert_eq!(report["problem_count"], 2, "{report:#}");
        assert!(report["problems"].as_array().unwrap().iter().all(|one| one["column"] == "at"));
        assert!(!back.exists());
        let aside = ["--on-error", "quarantine"];
        let report = migrate("run", &schema.url(), &to, &aside).ended(0).json();
        assert_eq!(report["quarantined"], 2);
        assert_eq!(super::support::number(&back, "SELECT count(*) FROM history_steps"), 4);
        migrate("validate", &schema.url(), &to, &[]).ended(0);
        schema.drop().await;
    });
}
