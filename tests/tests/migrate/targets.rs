//! Targets that have something already: rows, or the state of a migration.

use std::fs;

use serde_json::Value;

use super::support::{Schema, Source, file_url, migrate, moved, number, output, plain};

const STEPS: &str = "SELECT count(*) FROM history_steps";

/// Renames the executions of a source, so that its rows and those of another one go together.
fn renamed(source: &Source) {
    source.sql(
        "PRAGMA foreign_keys = OFF; UPDATE history_executions SET execution_id = 'other ' || execution_id;
         UPDATE history_steps SET execution_id = 'other ' || execution_id",
    );
}

#[test]
fn rows_that_are_there_are_refused_and_kept() {
    store_tests::run(async {
        let (one, other, schema) =
            (Source::with_steps(5).await, Source::with_steps(7).await, Schema::fresh().await);
        moved(&one.url(), &schema.url()).await;
        for more in [&[][..], &["--on-error", "quarantine"][..]] {
            let ran = migrate("run", &other.url(), &schema.url(), more);
            ran.refused(&["history_executions", "--replace", "--append"]);
        }
        assert_eq!(schema.number(STEPS).await, 5);
        migrate("validate", &one.url(), &schema.url(), &[]).ended(0);
        let back = one.beside("back.sqlite");
        moved(&schema.url(), &back).await;
        let third = Schema::fresh().await;
        moved(&other.url(), &third.url()).await;
        migrate("run", &third.url(), &back, &[]).refused(&[
            "history_executions",
            "--replace",
            "--append",
        ]);
        third.drop().await;
        schema.drop().await;
    });
}

#[test]
fn replace_leaves_the_rows_of_the_source_alone() {
    store_tests::run(async {
        let (one, other, schema) =
            (Source::with_steps(5).await, Source::with_steps(7).await, Schema::fresh().await);
        moved(&one.url(), &schema.url()).await;
        let ran = migrate("run", &other.url(), &schema.url(), &["--replace"]).ended(0);
        assert_eq!(ran.json()["validation"]["difference_count"], 0);
        assert_eq!(schema.number(STEPS).await, 7);
        // The first source may come back as well, in the same way.
        migrate("run", &one.url(), &schema.url(), &["--replace"]).ended(0);
        assert_eq!(schema.number(STEPS).await, 5);
        let back = one.directory.path().join("back.sqlite");
        moved(&schema.url(), &file_url(&back)).await;
        let third = Schema::fresh().await;
        moved(&other.url(), &third.url()).await;
        migrate("run", &third.url(), &file_url(&back), &["--replace"]).ended(0);
        assert_eq!(number(&back, STEPS), 7);
        third.drop().await;
        schema.drop().await;
    });
}

#[test]
fn append_keeps_what_is_there() {
    store_tests::run(async {
        let (one, other, schema) =
            (Source::with_steps(5).await, Source::with_steps(7).await, Schema::fresh().await);
        renamed(&other);
        moved(&one.url(), &schema.url()).await;
        migrate("run", &other.url(), &schema.url(), &["--append"]).ended(0);
        assert_eq!(schema.number(STEPS).await, 12);
        // Again: nothing is added twice.
        migrate("run", &other.url(), &schema.url(), &["--append"]).ended(0);
        assert_eq!(schema.number(STEPS).await, 12);
        let back = one.directory.path().join("back.sqlite");
        let third = Schema::fresh().await;
        moved(&one.url(), &third.url()).await;
        moved(&third.url(), &file_url(&back)).await;
        let fourth = Schema::fresh().await;
        moved(&other.url(), &fourth.url()).await;
        migrate("run", &fourth.url(), &file_url(&back), &["--append"]).ended(0);
        assert_eq!(number(&back, STEPS), 12);
        for schema in [schema, third, fourth] {
            schema.drop().await;
        }
    });
}

#[test]
fn a_row_that_is_there_already_cannot_be_appended() {
    store_tests::run(async {
        let (one, other, schema) =
            (Source::with_steps(5).await, Source::with_steps(7).await, Schema::fresh().await);
        moved(&one.url(), &schema.url()).await;
        migrate("run", &other.url(), &schema.url(), &["--append"]).ended(1);
        assert_eq!(schema.number(STEPS).await, 5);
        schema.drop().await;
    });
}

#[test]
fn the_state_of_another_schema_is_refused() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(5).await, Schema::fresh().await);
        moved(&source.url(), &schema.url()).await;
        let copy = Schema::fresh().await;
        // As a dump that is restored elsewhere.
        for table in
            ["_migrate_state", "_migrate_batches", "_migrate_objects", "_migrate_quarantine"]
        {
            copy.sql(&format!("CREATE TABLE {table} AS TABLE {}.{table}", schema.name)).await;
        }
        let ran = migrate("run", &source.url(), &copy.url(), &[]);
        ran.refused(&["copied or moved", "_migrate_"]);
        copy.drop().await;
        schema.drop().await;
    });
}

#[test]
fn the_state_of_another_file_is_refused() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(5).await, Schema::fresh().await);
        moved(&source.url(), &schema.url()).await;
        let back = source.directory.path().join("back.sqlite");
        let copy = source.directory.path().join("copy.sqlite");
        moved(&schema.url(), &file_url(&back)).await;
        rusqlite::Connection::open(&back)
            .unwrap()
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        fs::copy(&back, &copy).unwrap();
        migrate("run", &schema.url(), &file_url(&copy), &[])
            .refused(&["copied or moved", "_migrate_"]);
        migrate("run", &schema.url(), &file_url(&back), &[]).ended(0);
        schema.drop().await;
    });
}

#[test]
fn a_target_that_is_clean_again_can_be_a_target_again() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(5).await, Schema::fresh().await);
        moved(&source.url(), &schema.url()).await;
        let cleaned = output_of(&["--json", "clean", "--to", &schema.url()]);
        assert_eq!(cleaned.as_array().unwrap().len(), 1);
        assert_eq!(output_of(&["--json", "status", "--to", &schema.url()]), Value::Array(vec![]));
        let left = "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_migrate\\_%' \
            AND relnamespace = current_schema()::regnamespace";
        assert_eq!(schema.number(left).await, 0);
        migrate("run", &source.url(), &schema.url(), &[]).refused(&["--replace"]);
        migrate("run", &source.url(), &schema.url(), &["--replace"]).ended(0);
        schema.drop().await;
    });
}

fn output_of(arguments: &[&str]) -> Value {
    let mut command = plain(arguments);
    command.stdout(std::process::Stdio::piped());
    output(command).ended(0).json()
}
