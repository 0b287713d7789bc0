//! What is refused as a whole, and that nothing is left of it.

use store_core::Error as StoreError;
use store_migrate::Error;
use store_migrate::orcheo::{ConvertOptions, Source, convert};

use crate::installation::{FILES, Installation, options};

/// Expects a refusal; no file is left, and the sources are what they were.
async fn refused(files: &Installation, sources: Vec<Source>, options: &ConvertOptions) -> Error {
    let before = contents(files);
    let error = convert(sources, &files.target(), options).await.unwrap_err();
    assert!(before == contents(files), "a source was changed");
    let names = std::fs::read_dir(files.target().parent().unwrap()).unwrap();
    for name in names {
        let name = name.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with("stores.sqlite"), "{name} was left");
    }
    error
}

fn contents(files: &Installation) -> Vec<Vec<u8>> {
    FILES.iter().map(|name| std::fs::read(files.path(name)).unwrap()).collect()
}

#[test]
fn another_old_key_is_a_typed_error_and_changes_nothing() {
    store_tests::run(async {
        let files = Installation::filled();
        for quarantine in [false, true] {
            let wrong = Some("another".into());
            let wrong = ConvertOptions { old_vault_key: wrong, quarantine, ..options() };
            let error = refused(&files, files.sources(), &wrong).await;
            let Error::Store(StoreError::Settings { variable, reason }) = error else {
                panic!("{error:?}")
            };
            assert_eq!(variable, "ORCHEO_VAULT_ENCRYPTION_KEY");
            assert!(reason.contains("opens none"), "{reason}");
        }
    });
}

#[test]
fn credentials_without_their_keys_are_refused() {
    store_tests::run(async {
        let files = Installation::filled();
        for (options, expected) in [
            (ConvertOptions { old_vault_key: None, ..options() }, "ORCHEO_VAULT_ENCRYPTION_KEY"),
            (ConvertOptions { keys: None, ..options() }, "VAULT_KEY"),
        ] {
            let error = refused(&files, files.sources(), &options).await;
            let Error::Store(StoreError::Settings { variable, .. }) = error else {
                panic!("{error:?}")
            };
            assert_eq!(variable, expected);
        }
    });
}

#[test]
fn without_a_vault_no_keys_are_needed() {
    store_tests::run(async {
        let files = Installation::filled();
        let options = ConvertOptions { old_vault_key: None, keys: None, ..options() };
        let sources = vec![Source::Sqlite(files.path("repository.sqlite"))];
        let report = convert(sources, &files.target(), &options).await.unwrap();
        assert!(report.written);
        assert!(report.notes.iter().any(|note| note.what.contains("secrets in the clear")));
    });
}

#[test]
fn a_missing_file_and_what_is_no_database_of_orcheo_are_refused() {
    store_tests::run(async {
        let files = Installation::filled();
        let missing = vec![Source::Sqlite(files.path("missing.sqlite"))];
        let error = refused(&files, missing, &options()).await;
        assert!(matches!(error, Error::File { .. }), "{error:?}");
        std::fs::write(files.path("text"), "this is no database, whatever it is called").unwrap();
        let error = refused(&files, vec![Source::Sqlite(files.path("text"))], &options()).await;
        assert!(matches!(error, Error::Sqlite { .. }), "{error:?}");
        files.run("other", "CREATE TABLE notes (a); CREATE TABLE workflows (id TEXT)");
        let error = refused(&files, vec![Source::Sqlite(files.path("other"))], &options()).await;
        assert!(error.to_string().contains("has no column payload"), "{error}");
        files.run("stores", "CREATE TABLE store_history_migrations (a)");
        let error = refused(&files, vec![Source::Sqlite(files.path("stores"))], &options()).await;
        assert!(error.to_string().contains("--layout stores"), "{error}");
        let error = refused(&files, Vec::new(), &options()).await;
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
    });
}

#[test]
fn a_target_with_rows_is_refused_and_kept() {
    store_tests::run(async {
        let files = Installation::filled();
        files.run("stores.sqlite", "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
        let before = std::fs::read(files.target()).unwrap();
        let error = convert(files.sources(), &files.target(), &options()).await.unwrap_err();
        assert!(error.to_string().contains("has rows in its table mine"), "{error}");
        assert_eq!(std::fs::read(files.target()).unwrap(), before);
        std::fs::remove_file(files.target()).unwrap();
        assert!(files.convert(&options()).await.written);
        let error = convert(files.sources(), &files.target(), &options()).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
    });
}

#[test]
fn a_target_without_rows_is_replaced_and_what_was_left_by_a_killed_conversion_too() {
    store_tests::run(async {
        let files = Installation::filled();
        files.run("stores.sqlite", "CREATE TABLE mine (a)");
        std::fs::write(files.path("stores.sqlite.converting"), "half of a conversion").unwrap();
        assert!(files.convert(&options()).await.written);
        assert!(!files.path("stores.sqlite.converting").exists());
    });
}

#[test]
fn what_is_only_in_the_wal_is_read_and_a_writer_may_go_on() {
    store_tests::run(async {
        let files = Installation::filled();
        let writer = files.open("repository.sqlite");
        writer.execute_batch("PRAGMA wal_autocheckpoint = 0; DELETE FROM workflow_runs").unwrap();
        writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM cron_triggers").unwrap();
        let report = files.convert(&options()).await;
        let rows = |name: &str| report.tables.iter().find(|one| one.table == name).unwrap().read;
        assert_eq!((rows("workflow_runs"), rows("cron_triggers")), (0, 2));
        writer.execute_batch("COMMIT").unwrap();
    });
}
