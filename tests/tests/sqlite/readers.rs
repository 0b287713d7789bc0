//! The pool of readers.

use std::sync::mpsc;
use std::time::Duration;

use store_core::Failure;

use crate::notes::Notes;

#[test]
fn a_full_pool_is_reported_and_works_afterwards() {
    store_tests::run(async {
        let notes = Notes::with(|options| {
            options.readers = 1;
            options.operation_timeout = Duration::from_millis(200);
        })
        .await;
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let db = notes.db.clone();
        let holder = tokio::spawn(async move {
            db.read("hold", move |_conn| {
                started.send(()).unwrap();
                let _either = released.recv();
                Ok(())
            })
            .await
        });
        has_started.await.unwrap();
        let error = notes.db.read("next", |_conn| Ok(())).await.unwrap_err();
        let failure = error.failure().unwrap();
        assert!(matches!(failure, Failure::PoolExhausted { size: 1, in_use: 1, .. }), "{error}");
        assert!(error.is_transient());
        // The one that holds the reader has run out of time as well.
        assert_eq!(holder.await.unwrap().unwrap_err().failure(), Some(Failure::Timeout));
        drop(release);
        assert_eq!(notes.db.read("after", |_conn| Ok(7)).await.unwrap(), 7);
    });
}

#[test]
fn a_reader_that_panics_is_an_error_and_the_pool_goes_on() {
    store_tests::run(async {
        let notes = Notes::with(|options| options.readers = 1).await;
        for _ in 0..3 {
            let read = notes.db.read("panic", |_conn| -> store_core::Result<()> { panic!("boom") });
            let error = read.await.unwrap_err();
            assert!(error.to_string().contains("boom"), "{error}");
        }
        assert_eq!(notes.db.read("after", |_conn| Ok(7)).await.unwrap(), 7);
    });
}
