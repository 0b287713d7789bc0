//! What can be a database file and what cannot.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use store_core::Error;
use store_core::sqlite::{Database, Options};

/// Everything below a directory.
fn tree(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

/// Opens what cannot be opened: the error names the setting, and nothing is created or changed.
fn assert_refused(directory: &Path, name: &str, expected: &str) {
    store_tests::run(async {
        let path = directory.join(name);
        let (before, content) = (tree(directory), fs::read(&path).unwrap_or_default());
        match Database::open(Options::new(&path)).await.unwrap_err() {
            Error::Settings { variable, reason } => {
                assert_eq!(variable, "SQLITE_PATH");
                assert!(reason.contains(expected), "{reason}");
                assert!(reason.contains(name), "the path is in it: {reason}");
            }
            other => panic!("{other}"),
        }
        assert_eq!(tree(directory), before);
        assert_eq!(fs::read(&path).unwrap_or_default(), content);
    });
}

#[test]
fn a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("place")).unwrap();
    assert_refused(directory.path(), "place", "directory");
}

#[test]
fn a_text_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [("short", "hi"), ("long", &*"not a database ".repeat(1000))] {
        fs::write(directory.path().join(name), text).unwrap();
        assert_refused(directory.path(), name, "not a SQLite database");
    }
}

#[test]
fn a_read_only_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("read-only");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (id)").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert_refused(directory.path(), "read-only", "read-only");
}

#[test]
fn a_path_below_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    assert_refused(directory.path(), "file/below.sqlite", "directory");
    assert_refused(directory.path(), "file/a/b/below.sqlite", "directory");
}

#[test]
fn a_new_file_is_private_and_its_directories_are_created() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b c/ü/new.sqlite");
    store_tests::run(async {
        let db = Database::open(Options::new(&path)).await.unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        db.close().await;
    });
}
