//! What the connections are told, as it is in force.

use store_core::Failure;
use store_core::sqlite::Database;

use crate::notes::{Notes, insert, pragma};

async fn of_writer(db: &Database, name: &'static str) -> String {
    db.write("pragma", move |conn| pragma(conn, name)).await.unwrap()
}

async fn of_reader(db: &Database, name: &'static str) -> String {
    db.read("pragma", move |conn| pragma(conn, name)).await.unwrap()
}

#[test]
fn a_fresh_file_has_the_settings_that_were_promised() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let expected = [
            ("journal_mode", "wal"),
            ("auto_vacuum", "2"),
            ("foreign_keys", "1"),
            ("synchronous", "2"),
            ("query_only", "0"),
            ("temp_store", "2"),
        ];
        for (name, value) in expected {
            assert_eq!(of_writer(&notes.db, name).await, value, "{name}");
        }
        for (name, value) in [("journal_mode", "wal"), ("query_only", "1")] {
            assert_eq!(of_reader(&notes.db, name).await, value, "{name}");
        }
    });
}

#[test]
fn a_reader_cannot_write() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let error = notes.db.read("write", |conn| insert(conn, 1)).await.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::ReadOnly), "{error}");
        assert!(notes.ids().is_empty());
    });
}
