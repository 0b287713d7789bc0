//! Group commit: who shares a commit, and who is told what.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use store_core::{Error, Failure, Result};
use tokio::task::JoinHandle;

use crate::notes::{Notes, Queued, insert, queued, run, until};

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

/// Keeps the writer busy with a write that nobody waits behind when it begins, and lets it do
/// something once it is released.
async fn hold_then(
    notes: &Notes,
    rest: impl FnOnce(&mut SqliteConnection) -> Result<()> + Send + 'static,
) -> (mpsc::Sender<()>, JoinHandle<Result<()>>) {
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let db = notes.db.clone();
    let writer = tokio::spawn(async move {
        db.write("alone", move |conn| {
            insert(conn, 1)?;
            started.send(()).unwrap();
            // Ends by the release, or by the drop of the other side.
            let _either = released.recv();
            rest(conn)
        })
        .await
    });
    has_started.await.unwrap();
    (release, writer)
}

/// Runs a write that was alone when it began and goes wrong, then those that came meanwhile.
async fn alone_before_others(
    wrong: impl FnOnce(&mut SqliteConnection) -> Result<()> + Send + 'static,
) -> Error {
    let notes = Notes::new().await;
    let (release, alone) = hold_then(&notes, wrong).await;
    let others = [queued(notes.add(2)).await, queued(notes.add(3)).await];
    drop(release);
    for other in others {
        other.await.unwrap();
    }
    let error = alone.await.unwrap().unwrap_err();
    assert_eq!(notes.ids(), [2, 3], "what went wrong is undone, and nothing else");
    error
}

#[test]
fn a_closure_that_is_alone_and_fails_is_undone() {
    store_tests::run(async {
        let error = alone_before_others(|_conn| Err(Error::invalid("field", "no"))).await;
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        let error = alone_before_others(|conn| insert(conn, 1)).await;
        assert_eq!(error.failure(), Some(Failure::Other), "{error}");
    });
}

#[test]
fn a_closure_that_is_alone_and_panics_is_undone() {
    store_tests::run(async {
        let error = alone_before_others(|_conn| panic!("boom")).await;
        assert!(error.to_string().contains("boom"), "{error}");
    });
}

#[test]
fn others_join_one_that_was_alone_and_share_its_commit() {
    store_tests::run(async {
        let notes = Notes::new().await;
        let (release, alone) = hold_then(&notes, |_conn| Ok(())).await;
        let other = queued(notes.add(2)).await;
        let wrong = then(&notes, 3, |_conn| Err(Error::invalid("field", "no"))).await;
        let before = notes.db.statements();
        drop(release);
        alone.await.unwrap().unwrap();
        other.await.unwrap();
        wrong.await.unwrap_err();
        // The look whether the transaction is open; a savepoint, its insert and a release; one
        // more of them, undone; the commit.
        assert_eq!(notes.db.statements() - before, 1 + 3 + 3 + 1);
        assert_eq!(notes.ids(), [1, 2]);
    });
}

#[test]
fn nobody_joins_one_that_was_alone_and_lost_its_transaction() {
    store_tests::run(async {
        let notes = Notes::new().await;
        // As SQLite itself does when the disk is full, and this closure does not notice.
        let (release, alone) = hold_then(&notes, |conn| run(conn, "ROLLBACK")).await;
        let other = queued(notes.add(2)).await;
        drop(release);
        alone.await.unwrap().unwrap_err();
        other.await.unwrap_err();
        assert_eq!(notes.ids(), [0_i64; 0], "nothing that was refused is stored");
        notes.add(3).await.unwrap();
        assert_eq!(notes.ids(), [3]);
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
