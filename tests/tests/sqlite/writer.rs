//! Group commit: who shares a commit, and who is told what.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use store_core::{Error, Failure, Result};

use crate::notes::{Notes, Queued, insert, queued, until};

/// Queues a write that inserts `id` and then does something else.
async fn then(
    notes: &Notes,
    id: i64,
    rest: impl FnOnce(&mut SqliteConnection) -> Result<()> + Send + 'static,
) -> Queued<()> {
    let db = notes.db.clone();
    let write = async move {
        db.write("then", move |conn| {
            insert(conn, id)?;
            rest(conn)
        })
        .await
    };
    queued(write).await
}

/// Runs a write that goes wrong between two good ones and returns its error.
async fn between_neighbours(
    wrong: impl FnOnce(&mut SqliteConnection) -> Result<()> + Send + 'static,
) -> Error {
    let notes = Notes::new().await;
    let hold = notes.hold().await;
    let before = queued(notes.add(1)).await;
    let wrong = then(&notes, 2, wrong).await;
    let after = queued(notes.add(3)).await;
    hold.release().await;
    before.await.unwrap();
    let error = wrong.await.unwrap_err();
    after.await.unwrap();
    assert_eq!(notes.ids(), [1, 3], "what went wrong is undone, and nothing else");
    notes.add(4).await.unwrap();
    assert_eq!(notes.ids(), [1, 3, 4]);
    error
}

#[test]
fn a_closure_that_fails_is_undone_alone() {
    store_tests::run(async {
        let error = between_neighbours(|_conn| Err(Error::invalid("field", "no"))).await;
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    });
}

#[test]
fn a_closure_that_breaks_a_constraint_is_undone_alone() {
    store_tests::run(async {
        let error = between_neighbours(|conn| insert(conn, 2)).await;
        assert_eq!(error.failure(), Some(Failure::Other), "{error}");
    });
}

#[test]
fn a_closure_that_panics_is_undone_alone() {
    store_tests::run(async {
        let error = between_neighbours(|_conn| panic!("boom")).await;
        assert!(error.to_string().contains("boom"), "{error}");
    });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what a closure must not do, and may try")]
fn a_closure_that_opens_a_transaction_and_panics_is_undone_alone() {
    store_tests::run(async {
        let error = between_neighbours(|conn| {
            let inner = conn.transaction::<(), diesel::result::Error, _>(|_conn| Ok(()));
            panic!("boom: {inner:?}");
        })
        .await;
        assert!(error.to_string().contains("boom"), "{error}");
        let error = between_neighbours(|conn| {
            conn.transaction::<(), diesel::result::Error, _>(|_conn| panic!("boom"))
                .map_err(store_core::sqlite::db_error("inner"))
        })
        .await;
        assert!(matches!(error, Error::Backend { .. }), "{error}");
    });
}

#[test]
fn writes_that_wait_share_a_commit() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let hold = notes.hold().await;
        let mut writes = Vec::new();
        for id in 0..100 {
            writes.push(queued(notes.add(id)).await);
        }
        let before = notes.db.statements();
        hold.release().await;
        for write in writes {
            write.await.unwrap();
        }
        // Each has a savepoint, its insert and a release; the rest are begins and commits.
        let transactions = (notes.db.statements() - before - 300) / 2;
        assert!(transactions <= 20, "{transactions} commits for 100 writes");
        assert_eq!(notes.ids(), (0..100).collect::<Vec<i64>>());
    });
}

#[test]
fn a_write_is_carried_out_although_its_caller_went_away() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let hold = notes.hold().await;
        drop(queued(notes.add(1)).await);
        hold.release().await;
        until("the write is there", || notes.ids() == [1]).await;
    });
}

#[test]
fn a_write_whose_time_ran_out_in_the_queue_is_not_carried_out() {
    const TIMEOUT: Duration = Duration::from_millis(400);
    store_tests::run(async {
        let notes = Notes::with(|options| options.operation_timeout = TIMEOUT).await;
        let hold = notes.hold().await;
        let late = queued(notes.add(1)).await;
        let deadline = Instant::now() + TIMEOUT;
        // What has to pass here is time itself.
        tokio::time::sleep_until((deadline + Duration::from_millis(20)).into()).await;
        hold.release().await;
        assert_eq!(late.await.unwrap_err().failure(), Some(Failure::Timeout));
        notes.add(2).await.unwrap();
        assert_eq!(notes.ids(), [2]);
    });
}

#[test]
fn closing_carries_out_what_was_accepted_and_refuses_the_rest() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let hold = notes.hold().await;
        let mut writes = Vec::new();
        for id in 0..50 {
            writes.push(queued(notes.add(id)).await);
        }
        let db = notes.db.clone();
        let closing = tokio::spawn(async move { db.close().await });
        hold.release().await;
        // The callers are not looking meanwhile: closing waits for the writer, not for them.
        let patience = Duration::from_secs(10);
        tokio::time::timeout(patience, closing).await.expect("it is closed in time").unwrap();
        assert_eq!(notes.ids(), (0..50).collect::<Vec<i64>>(), "when it is closed, all is there");
        for write in writes {
            write.await.unwrap();
        }
        let error = notes.add(99).await.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::Unavailable { outcome_unknown: false }));
        notes.db.close().await;
    });
}
