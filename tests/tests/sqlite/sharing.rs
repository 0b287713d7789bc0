//! One file and several that write to it.

use std::time::Duration;

use rusqlite::Connection;
use store_core::Failure;
use store_core::sqlite::{Database, Options};
use tokio::task::JoinSet;

use crate::notes::{Notes, insert, until};

/// A connection that holds the write lock, as another process would.
fn locked(notes: &Notes) -> Connection {
    let other = Connection::open(notes.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn two_databases_on_one_file_never_report_a_lock() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let other = Database::open(Options::new(notes.path())).await.unwrap();
        let mut tasks = JoinSet::new();
        for task in 0..32_i64 {
            let db = if task % 2 == 0 { notes.db.clone() } else { other.clone() };
            tasks.spawn(async move {
                for n in 0..50 {
                    let id = task * 50 + n;
                    db.write("add", move |conn| insert(conn, id)).await.unwrap();
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        assert_eq!(notes.ids(), (0..1600).collect::<Vec<i64>>());
    });
}

#[test]
fn a_lock_that_is_held_too_long_is_busy_and_works_afterwards() {
    store_tests::run(async {
        let notes = Notes::with(|options| options.busy_timeout = Duration::from_millis(200)).await;
        let other = locked(&notes);
        let error = notes.add(1).await.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::Busy), "{error}");
        assert!(error.is_transient());
        other.execute_batch("ROLLBACK").unwrap();
        notes.add(2).await.unwrap();
        assert_eq!(notes.ids(), [2]);
    });
}

#[test]
fn a_lock_that_is_held_briefly_is_waited_for() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let other = locked(&notes);
        let before = notes.db.statements();
        let write = tokio::spawn(notes.add(1));
        until("the writer tries again and again", || notes.db.statements() > before + 3).await;
        assert!(!write.is_finished());
        other.execute_batch("COMMIT").unwrap();
        write.await.unwrap().unwrap();
        assert_eq!(notes.ids(), [1]);
    });
}
