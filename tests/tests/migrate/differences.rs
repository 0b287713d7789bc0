//! What `validate` finds on a target that somebody changed, and how it names it.

use serde_json::{Value, json};
use store_tests::samples::created;

use super::fill;
use super::homes::Home;
use super::support::{Schema, Source, file_url, migrate, moved, open, sql};

/// Table, key, columns and what is said of a difference.
type Expected<'a> = (&'a str, &'a str, &'a [&'a str], &'a str);

/// Run history, graph state and workflows in one file, and where they were moved to.
async fn moved_to_postgres() -> (Source, Schema) {
    let (source, schema) = (Source::with_steps(40).await, Schema::fresh().await);
    let home = Home::File(source.path());
    fill::graphs(&home.graphs().await).await;
    created(&home.workflows().await).await;
    moved(&source.url(), &schema.url()).await;
    (source, schema)
}

/// Asserts that exactly this differs: (table, part of the key, columns, part of what).
#[track_caller]
fn differs(from: &str, to: &str, expected: (&str, &str, &[&str], &str)) {
    let report = migrate("validate", from, to, &[]).ended(4).json();
    let (table, key, columns, what) = expected;
    let matches = |difference: &Value| {
        difference["table"].as_str().unwrap().contains(table)
            && difference["key"].as_str().unwrap().contains(key)
            && difference["columns"] == json!(columns)
            && difference["what"].as_str().unwrap().contains(what)
    };
    let found = report["differences"].as_array().unwrap();
    assert!(found.iter().any(matches), "{expected:?} is not in {found:#?}");
    // A row that is missing or added changes the count as well; nothing else is said.
    let others = found.iter().filter(|one| !matches(one)).collect::<Vec<_>>();
    let counts = |one: &&&Value| one["what"].as_str().unwrap().contains("row(s) on the source");
    assert!(others.iter().all(|one| counts(&one)), "{others:#?}");
}

#[test]
fn one_flipped_byte_on_postgres_is_named() {
    store_tests::run(async {
        let (source, schema) = moved_to_postgres().await;
        let (from, to) = (source.url(), schema.url());
        let cases: [(&str, &str, Expected<'_>); 5] = [
            (
                "UPDATE history_steps SET payload = jsonb_set(payload, '{text}', '\"spaße\"') WHERE step_index = 7",
                "UPDATE history_steps SET payload = jsonb_set(payload, '{text}', '\"späße\"') WHERE step_index = 7",
                ("history_steps", "step_index=7", &["payload"], "another value"),
            ),
            (
                "UPDATE history_executions SET workflow_id = 'workfloW' WHERE execution_id = 'e'",
                "UPDATE history_executions SET workflow_id = 'workflow' WHERE execution_id = 'e'",
                ("history_executions", "\"e\"", &["workflow_id"], "another value"),
            ),
            (
                "UPDATE graph_blobs SET bytes = set_byte(bytes, 0, get_byte(bytes, 0) # 1) \
              WHERE ctid = (SELECT max(ctid) FROM graph_blobs WHERE length(bytes) > 0)",
                "UPDATE graph_blobs SET bytes = set_byte(bytes, 0, get_byte(bytes, 0) # 1) \
              WHERE ctid = (SELECT max(ctid) FROM graph_blobs WHERE length(bytes) > 0)",
                ("graph_blobs", "address=", &["bytes"], "another value"),
            ),
            (
                "UPDATE history_steps SET at = at + interval '1 microsecond' WHERE step_index = 39",
                "UPDATE history_steps SET at = at - interval '1 microsecond' WHERE step_index = 39",
                ("history_steps", "step_index=39", &["at"], "another value"),
            ),
            (
                "UPDATE history_executions SET error = '' WHERE execution_id = 'none'",
                "UPDATE history_executions SET error = NULL WHERE execution_id = 'none'",
                ("history_executions", "\"none\"", &["error"], "another value"),
            ),
        ];
        for (change, undo, expected) in cases {
            schema.sql(&format!("SET session_replication_role = replica; {change}")).await;
            differs(&from, &to, expected);
            schema.sql(&format!("SET session_replication_role = replica; {undo}")).await;
        }
        migrate("validate", &from, &to, &[]).ended(0);
        schema.drop().await;
    });
}

#[test]
fn rows_that_are_missing_or_added_on_postgres_are_named() {
    store_tests::run(async {
        let (source, schema) = moved_to_postgres().await;
        let (from, to) = (source.url(), schema.url());
        schema.sql("INSERT INTO graph_threads VALUES ('added', now())").await;
        differs(&from, &to, ("graph_threads", "\"added\"", &[], "on the target only"));
        schema.sql("DELETE FROM graph_threads WHERE thread_id = 'added'").await;
        schema.sql("DELETE FROM history_steps WHERE step_index = 3").await;
        differs(&from, &to, ("history_steps", "step_index=3", &[], "missing on the target"));
        let ran = migrate("validate", &from, &to, &[]);
        assert!(ran.stdout.contains("39 on the target"), "{}", ran.stdout);
        schema.drop().await;
    });
}

#[test]
fn what_stands_around_the_rows_on_postgres_is_named() {
    store_tests::run(async {
        let (source, schema) = moved_to_postgres().await;
        let (from, to) = (source.url(), schema.url());
        let client = schema.connect().await;
        let index = "SELECT indexname::text, indexdef FROM pg_indexes WHERE tablename = 'workflow_audit' \
            AND schemaname = current_schema() AND indexname NOT IN \
            (SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace) LIMIT 1";
        let index = client.query_one(index, &[]).await.unwrap();
        let (name, again): (String, String) = (index.get(0), index.get(1));
        schema.sql(&format!("DROP INDEX \"{name}\"")).await;
        differs(&from, &to, (&name, "", &[], "missing on the target"));
        schema.sql(&again).await;
        for kind in ["f", "p", "c"] {
            let constraint = format!(
                "SELECT conname::text, pg_get_constraintdef(oid), conrelid::regclass::text \
                 FROM pg_constraint WHERE contype = '{kind}' AND conrelid = 'history_steps'::regclass LIMIT 1"
            );
            let constraint = client.query_one(&constraint, &[]).await.unwrap();
            let (name, definition, table): (String, String, String) =
                (constraint.get(0), constraint.get(1), constraint.get(2));
            schema.sql(&format!("ALTER TABLE {table} DROP CONSTRAINT \"{name}\"")).await;
            differs(&from, &to, (&name, "", &[], "missing on the target"));
            schema
                .sql(&format!("ALTER TABLE {table} ADD CONSTRAINT \"{name}\" {definition}"))
                .await;
        }
        migrate("validate", &from, &to, &[]).ended(0);
        schema
            .sql("SELECT setval(pg_get_serial_sequence('workflow_audit', 'seq'), 1, false)")
            .await;
        differs(&from, &to, ("workflow_audit", "", &["seq"], "counter"));
        schema.drop().await;
    });
}

#[test]
fn what_differs_on_sqlite_is_named() {
    store_tests::run(async {
        let (source, schema) = moved_to_postgres().await;
        let back = source.directory.path().join("back.sqlite");
        moved(&schema.url(), &file_url(&back)).await;
        let (from, to) = (schema.url(), file_url(&back));
        let cases: [(&str, &str, Expected<'_>); 5] = [
            (
                "UPDATE history_steps SET payload = json_set(payload, '$.n', 8) WHERE step_index = 7",
                "UPDATE history_steps SET payload = json_set(payload, '$.n', 7) WHERE step_index = 7",
                ("history_steps", "step_index=7", &["payload"], "another value"),
            ),
            (
                "UPDATE graph_blobs SET bytes = zeroblob(length(bytes)) WHERE rowid = 1",
                "",
                ("graph_blobs", "address=", &["bytes"], "another value"),
            ),
            (
                "DELETE FROM history_steps WHERE step_index = 3",
                "",
                ("history_steps", "step_index=3", &[], "missing on the target"),
            ),
            (
                "INSERT INTO graph_threads VALUES ('added', '2026-03-02T12:00:00.000000+00:00')",
                "",
                ("graph_threads", "\"added\"", &[], "on the target only"),
            ),
            (
                "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'workflow_audit'",
                "",
                ("workflow_audit", "", &["seq"], "counter"),
            ),
        ];
        for (change, undo, expected) in cases {
            let saved = std::fs::read(&back).unwrap();
            sql(
                &back,
                &format!("PRAGMA foreign_keys = OFF; {change}; PRAGMA wal_checkpoint(TRUNCATE)"),
            );
            differs(&from, &to, expected);
            if undo.is_empty() {
                std::fs::write(&back, saved).unwrap();
            } else {
                sql(&back, undo);
            }
        }
        let index = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL \
            AND tbl_name = 'workflow_audit' LIMIT 1";
        let index: String = open(&back).query_row(index, [], |row| row.get(0)).unwrap();
        sql(&back, &format!("DROP INDEX \"{index}\""));
        differs(&from, &to, (&index, "", &[], "missing on the target"));
        schema.drop().await;
    });
}
