//! Deleting and pruning beside everything else.

use std::sync::Arc;

use store_core::chatkit::{ChatKitStore, ThreadPrune, ThreadPruneReport};
use store_core::{Error, ThreadId};
use tokio::task::JoinHandle;

use super::racing::{at_once, handles, unless_gone};
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    administrator, alice, attach, attachment_id, bob, file_at, file_in, found, item_id, message,
    new_thread, released, saved, say, thread, threads_of, wait_seconds,
};

/// Asserts that nothing is left of a thread that is gone, and that every file has its attachment
/// or is on the list.
pub(super) async fn assert_no_orphans(t: &Chats) {
    for (table, key, parents) in [
        ("chatkit_items", "thread_id", "chatkit_threads"),
        ("chatkit_attachments", "thread_id", "chatkit_threads"),
        ("chatkit_files", "attachment_id", "chatkit_attachments"),
    ] {
        let orphans = format!(
            "SELECT COUNT(*) FROM {table} AS one WHERE one.{key} IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM {parents} AS parent WHERE parent.{key} = one.{key})"
        );
        assert_eq!(t.count(&orphans).await, 0, "{table}");
    }
}

/// Runs two things at once, over two handles.
pub(super) async fn both<A, B>(
    t: &Chats,
    first: impl AsyncFnOnce(Arc<dyn ChatKitStore>) -> A,
    second: impl AsyncFnOnce(Arc<dyn ChatKitStore>) -> B,
) -> (A, B) {
    let [a, b] = handles(t).await;
    tokio::join!(first(a), second(b))
}

/// Prunes all of many threads, one at a time, and returns while that runs, with the last of them.
async fn prune_that_runs(t: &Chats, round: usize) -> (JoinHandle<ThreadPruneReport>, ThreadId) {
    let names: Vec<_> = (0..120).map(|number| format!("{round} {number:03}")).collect();
    for name in &names {
        saved(t, name).await;
    }
    let store = t.reopened().await;
    let pruner = tokio::spawn(async move {
        let request = ThreadPrune { batch: 1, ..ThreadPrune::keep(0) };
        store.prune(&alice(), &request).await.expect("it is pruned")
    });
    // It has made its plan once the first thread is gone.
    while t.store.load_thread(&alice(), &thread(&names[0])).await.is_ok() {}
    (pruner, thread(&names[119]))
}

behaviours! {
    emits chatkit_deletion_races_tests from chatkit::deletion_races;

    /// What is written beside the deletion of a thread is gone with it, or was `NotFound`.
    async fn writes_beside_the_deletion_of_a_thread_leave_nothing(t: &Chats) {
        for round in 0..10 {
            saved(t, "thr_1").await;
            say(t, "thr_1", ["apple"]).await;
            let answers = at_once(t, 12, |number, store| async move {
                let (cx, id) = (alice(), thread("thr_1"));
                let item = || message(&number.to_string(), "apple");
                let name = format!("{round} {number}");
                match number % 6 {
                    0 => drop(unless_gone(store.add_thread_item(&cx, &id, item()).await)),
                    1 => drop(unless_gone(store.add_thread_items(&cx, &id, vec![item()]).await)),
                    2 => drop(unless_gone(store.save_item(&cx, &id, item()).await)),
                    3 => drop(unless_gone(
                        store.delete_thread_item(&cx, &id, &item_id("apple")).await,
                    )),
                    4 => drop(unless_gone(
                        store.save_attachment(&cx, file_in("thr_1", &name, &name)).await,
                    )),
                    _ => drop(unless_gone(store.delete_thread(&cx, &id).await)),
                }
            });
            answers.await;
            assert!(threads_of(t, &alice()).await.is_empty());
            assert!(found(t, "apple").await.is_empty());
            assert_no_orphans(t).await;
            assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_attachments").await, 0);
        }
    }

    /// Of many that delete one thing at once, one does.
    async fn of_many_that_delete_one_thing_one_does(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a"]).await;
        attach(t, file_in("thr_1", "atc_1", "p")).await;
        let answers = at_once(t, 8, |_, store| async move {
            store.delete_thread_item(&alice(), &thread("thr_1"), &item_id("a")).await
        });
        assert_eq!(answers.await.into_iter().filter_map(unless_gone).count(), 1);
        let answers = at_once(t, 8, |_, store| async move {
            store.delete_attachment(&alice(), &attachment_id("atc_1")).await
        });
        assert_eq!(answers.await.into_iter().filter_map(unless_gone).count(), 1);
        let answers = at_once(t, 8, |_, store| async move {
            store.delete_thread(&alice(), &thread("thr_1")).await
        });
        assert_eq!(answers.await.into_iter().filter_map(unless_gone).count(), 1);
        assert_eq!(released(t).await, ["p"]);
    }

    /// A thread that is touched beside a prune stays, or was gone before it could be touched.
    async fn a_thread_touched_beside_a_prune_stays(t: &Chats) {
        for round in 0..15 {
            let name = format!("thr_{round}");
            saved(t, &name).await;
            say(t, &name, ["old"]).await;
            wait_seconds(t, 10);
            let request = ThreadPrune { batch: 1, ..ThreadPrune::before(t.clock_now()) };
            let id = thread(&name);
            let (added, pruned) = both(
                t,
                async |store| store.add_thread_item(&alice(), &id, message("new", "new")).await,
                async |store| store.prune(&alice(), &request).await.unwrap(),
            )
            .await;
            let left = t.store.load_thread(&alice(), &id).await;
            match unless_gone(added) {
                Some(item) => {
                    assert_eq!((item.ordinal, pruned.threads), (1, 0));
                    left.unwrap();
                    t.store.delete_thread(&alice(), &id).await.unwrap();
                }
                None => {
                    assert_eq!((pruned.threads, pruned.items), (1, 1));
                    super::assert_not_found(left);
                }
            }
            assert_no_orphans(t).await;
        }
    }

    /// A thread that is touched while a prune runs stays, though the clock stands.
    async fn a_thread_touched_while_a_prune_runs_stays(t: &Chats) {
        for round in 0..3 {
            let (pruner, id) = prune_that_runs(t, round).await;
            let touched = match round {
                0 => t.store.add_thread_item(&alice(), &id, message("a", "a")).await.map(drop),
                1 => t.store.save_thread(&alice(), new_thread(id.as_str())).await.map(drop),
                _ => t.store.save_item(&alice(), &id, message("a", "a")).await.map(drop),
            };
            pruner.await.unwrap();
            if unless_gone(touched).is_some() {
                t.store.load_thread(&alice(), &id).await.expect("it was touched meanwhile");
            }
        }
    }

    /// A thread that is deleted and made anew while a prune runs stays, whoever made it.
    async fn a_thread_made_anew_while_a_prune_runs_stays(t: &Chats) {
        for (round, cx) in [alice(), bob()].into_iter().enumerate() {
            let (pruner, id) = prune_that_runs(t, round).await;
            let deleted = unless_gone(t.store.delete_thread(&alice(), &id).await).is_some();
            t.store.save_thread(&cx, new_thread(id.as_str())).await.unwrap();
            pruner.await.unwrap();
            if deleted {
                t.store.load_thread(&cx, &id).await.expect("it is another thread");
            }
        }
    }

    /// Two prunes at once delete each thread once.
    async fn two_prunes_at_once_delete_each_thread_once(t: &Chats) {
        for number in 0..30 {
            let name = number.to_string();
            saved(t, &name).await;
            say(t, &name, ["a", "b"]).await;
            attach(t, file_in(&name, &name, &name)).await;
            attach(t, file_at(&format!("out {name}"), &format!("out/{name}"))).await;
        }
        wait_seconds(t, 10);
        for request in [
            ThreadPrune { batch: 3, ..ThreadPrune::keep(20) },
            ThreadPrune { batch: 2, ..ThreadPrune::before(t.clock_now()) },
        ] {
            let before = t.store.prune(&administrator(), &request.clone().dry_run()).await.unwrap();
            let (a, b) = both(
                t,
                async |store| store.prune(&alice(), &request).await.unwrap(),
                async |store| store.prune(&administrator(), &request).await.unwrap(),
            )
            .await;
            assert_eq!(a.plus(b), before);
        }
        assert!(threads_of(t, &administrator()).await.is_empty());
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_attachments").await, 0);
        assert_eq!(released(t).await.len(), 60);
    }

    /// Everything at once, on few threads: all ends, and nothing is orphaned.
    async fn everything_at_once_on_few_threads_ends(t: &Chats) {
        for name in ["0", "1", "2"] {
            saved(t, name).await;
        }
        let now = t.clock_now();
        let answers = at_once(t, 96, |number, store| async move {
            let (cx, name) = (alice(), (number % 3).to_string());
            let (id, key) = (thread(&name), (number % 7).to_string());
            let item = message(&key, "apple pear");
            let tolerated = |error: &Error| {
                matches!(error, Error::NotFound { .. } | Error::Conflict { .. })
            };
            let answer = match number % 8 {
                0 => store.add_thread_item(&cx, &id, item).await.map(drop),
                1 => store.save_item(&cx, &id, item).await.map(drop),
                2 => store.delete_thread_item(&cx, &id, &item_id(&key)).await,
                3 => store.save_thread(&cx, new_thread(&name)).await.map(drop),
                4 => store.save_attachment(&cx, file_in(&name, &key, &key)).await.map(drop),
                5 => store.delete_attachment(&cx, &attachment_id(&key)).await,
                6 => store.prune(&cx, &ThreadPrune::before(now)).await.map(drop),
                _ if number % 5 == 0 => store.delete_thread(&cx, &id).await,
                _ => {
                    let items = vec![item, message(&format!("x{number}"), "plum")];
                    store.add_thread_items(&cx, &id, items).await.map(drop)
                }
            };
            assert!(answer.as_ref().err().is_none_or(tolerated), "{answer:?}");
        });
        answers.await;
        assert_no_orphans(t).await;
        let visible = t.count("SELECT COUNT(*) FROM chatkit_items WHERE item_id LIKE 'x%'").await;
        assert_eq!(i64::try_from(found(t, "plum").await.len()), Ok(visible));
    }
}
