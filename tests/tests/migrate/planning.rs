//! The dry run: it reads everything and writes nothing.

use std::fs;
use std::path::Path;

use store_core::tokens::SecretHash;

use super::support::{Schema, Source, file_url, migrate, moved};

/// Everything in a directory: names, contents and instants of the last change, shown in short.
fn contents(directory: &Path) -> Vec<(String, String, std::time::SystemTime)> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let hash = format!(
                "{:?}",
                SecretHash::of(&String::from_utf8_lossy(&fs::read(&path).unwrap()))
            );
            (name, hash, fs::metadata(&path).unwrap().modified().unwrap())
        })
        .collect();
    found.sort();
    found
}

#[test]
fn plan_writes_nothing_anywhere() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(50).await, Schema::fresh().await);
        let before = contents(source.directory.path());
        let ran = migrate("plan", &source.url(), &schema.url(), &[]).ended(0);
        assert_eq!(contents(source.directory.path()), before);
        assert_eq!(schema.tables().await, 0);
        let report = ran.json();
        let steps = report["tables"]
            .as_array()
            .unwrap()
            .iter()
            .find(|table| table["name"] == "history_steps");
        assert_eq!(steps.unwrap()["rows"], 50);
        assert_eq!(report["problem_count"], 0);
        schema.drop().await;
    });
}

#[test]
fn plan_back_writes_nothing_anywhere() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(50).await, Schema::fresh().await);
        moved(&source.url(), &schema.url()).await;
        let (tables, before) = (schema.tables().await, contents(source.directory.path()));
        migrate("plan", &schema.url(), &source.beside("back.sqlite"), &[]).ended(0);
        assert_eq!(schema.tables().await, tables);
        assert_eq!(contents(source.directory.path()), before, "no file was made");
        schema.drop().await;
    });
}

#[test]
fn run_does_not_change_its_source() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(50).await, Schema::fresh().await);
        let before = contents(source.directory.path());
        migrate("run", &source.url(), &schema.url(), &[]).ended(0);
        migrate("validate", &source.url(), &schema.url(), &[]).ended(0);
        assert_eq!(contents(source.directory.path()), before);
        schema.drop().await;
    });
}

#[test]
fn plan_needs_no_target() {
    store_tests::run(async {
        let source = Source::with_steps(3).await;
        let nowhere = "postgres://nobody:secret@127.0.0.1:1/nothing";
        migrate("plan", &source.url(), nowhere, &[]).ended(0);
        let elsewhere = source.directory.path().join("no/such/directory/file.sqlite");
        let schema = Schema::fresh().await;
        moved(&source.url(), &schema.url()).await;
        migrate("plan", &schema.url(), &file_url(&elsewhere), &[]).ended(0);
        schema.drop().await;
    });
}
