//! Many at once on one thread, through two handles on one database.

use std::sync::Arc;

use store_core::chatkit::{ChatKitStore, ItemSearch, ThreadItem};
use store_core::{Error, Result};
use tokio::task::JoinSet;

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    add, alice, bob, form_of_item, found, item_forms, item_id, items_of, message, new_thread,
    ordinals, save, saved, say, thread,
};

/// Two handles, one after the other.
pub(super) async fn handles(t: &Chats) -> [Arc<dyn ChatKitStore>; 2] {
    [Arc::clone(&t.store), t.reopened().await]
}

/// Does something `count` times at once, over two handles, and returns the answers.
pub(super) async fn at_once<T, F>(
    t: &Chats,
    count: usize,
    work: impl Fn(usize, Arc<dyn ChatKitStore>) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let handles = handles(t).await;
    let mut tasks = JoinSet::new();
    for number in 0..count {
        tasks.spawn(work(number, Arc::clone(&handles[number % 2])));
    }
    tasks.join_all().await
}

/// Asserts that what went wrong is that something was not there.
#[track_caller]
pub(super) fn unless_gone<T>(answer: Result<T>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(Error::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Parts answers into those that are good, and the errors.
fn parted<T>(answers: Vec<Result<T>>) -> (Vec<T>, Vec<Error>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(value) => good.push(value),
            Err(error) => bad.push(error),
        }
    }
    (good, bad)
}

/// Asserts that a thread holds just these items, at the places 0 to their number.
pub(super) async fn assert_gap_free(t: &Chats, name: &str, mut answers: Vec<ThreadItem>) {
    answers.sort_by_key(|item| item.ordinal);
    let stored = items_of(t, name).await;
    assert_eq!(stored, answers);
    let count = i64::try_from(stored.len()).expect("not so many");
    assert_eq!(ordinals(&stored), (0..count).collect::<Vec<_>>());
}

behaviours! {
    emits chatkit_racing_tests from chatkit::racing;

    /// 32 that add to one thread at once get the places 0 to 31.
    async fn concurrent_writers_to_a_thread_leave_no_gap(t: &Chats) {
        saved(t, "thr_1").await;
        let answers = at_once(t, 32, |number, store| async move {
            let item = message(&number.to_string(), "apple");
            store.add_thread_item(&alice(), &thread("thr_1"), item).await.unwrap()
        });
        assert_gap_free(t, "thr_1", answers.await).await;
        assert_eq!(found(t, "apple").await.len(), 32);
    }

    /// Adds, batches and saves of new items at once leave no gap, and batches stay together.
    async fn concurrent_writers_of_every_kind_leave_no_gap(t: &Chats) {
        saved(t, "thr_1").await;
        let answers = at_once(t, 30, |number, store| async move {
            let (cx, id) = (alice(), thread("thr_1"));
            let item = |part: usize| message(&format!("{number} {part}"), "x");
            match number % 3 {
                0 => vec![store.add_thread_item(&cx, &id, item(0)).await.unwrap()],
                1 => vec![store.save_item(&cx, &id, item(0)).await.unwrap()],
                _ => {
                    let items = (0..5).map(item).collect();
                    store.add_thread_items(&cx, &id, items).await.unwrap()
                }
            }
        });
        let answers = answers.await;
        for batch in &answers {
            let first = batch[0].ordinal;
            let together = (first..).take(batch.len()).collect::<Vec<_>>();
            assert_eq!(ordinals(batch), together);
        }
        assert_gap_free(t, "thr_1", answers.into_iter().flatten().collect()).await;
    }

    /// Items of every type that are added at once keep what they say, each its own.
    async fn concurrent_writers_of_every_type_keep_their_content(t: &Chats) {
        saved(t, "thr_1").await;
        let forms = item_forms("thr_1");
        let answers = at_once(t, forms.len(), |number, store| {
            let form = forms[number].clone();
            async move {
                let item = form_of_item(form.clone());
                let (item_type, created_at) = (item.item_type.clone(), item.created_at);
                let added = store.add_thread_item(&alice(), &thread("thr_1"), item).await.unwrap();
                assert_eq!((&added.content, &added.item_type), (&form, &item_type));
                assert_eq!(Some(added.created_at), created_at);
                added
            }
        });
        assert_gap_free(t, "thr_1", answers.await).await;
        assert_eq!(found(t, "socks").await, ["tsk_custom"]);
        assert_eq!(found(t, "\"blue line\"").await, ["msg_widget_list"]);
    }

    /// Writers to many threads at once do not get in each other's way.
    async fn threads_count_apart_at_the_same_time(t: &Chats) {
        for name in ["0", "1", "2", "3"] {
            saved(t, name).await;
        }
        let answers = at_once(t, 40, |number, store| async move {
            let id = thread(&(number % 4).to_string());
            let item = message(&(number / 4).to_string(), "x");
            store.add_thread_item(&alice(), &id, item).await.unwrap()
        });
        let answers = answers.await;
        for name in ["0", "1", "2", "3"] {
            let mine = answers.iter().filter(|item| item.thread_id.as_str() == name);
            assert_gap_free(t, name, mine.cloned().collect()).await;
        }
    }

    /// Writers that fail beside others take no place, and fail alone.
    async fn writers_that_fail_take_no_place(t: &Chats) {
        saved(t, "thr_1").await;
        save(t, &bob(), new_thread("thr_bob")).await;
        let answers = at_once(t, 40, |number, store| async move {
            let item = message(&number.to_string(), "x");
            match number % 4 {
                0 => store.add_thread_item(&alice(), &thread("thr_bob"), item).await,
                1 => store.add_thread_item(&alice(), &thread("unknown"), item).await,
                2 => store.add_thread_item(&bob(), &thread("thr_1"), item).await,
                _ => store.add_thread_item(&alice(), &thread("thr_1"), item).await,
            }
        });
        let (good, bad) = parted(answers.await);
        assert_eq!((good.len(), bad.len()), (10, 30), "{bad:?}");
        assert!(bad.iter().all(|error| matches!(error, Error::NotFound { .. })), "{bad:?}");
        assert_gap_free(t, "thr_1", good).await;
        assert!(items_of(t, "thr_bob").await.is_empty());
    }

    /// Of many that add one id at once, one wins, and the others get `Conflict` and no place.
    async fn an_id_is_added_by_one_of_many(t: &Chats) {
        saved(t, "thr_1").await;
        let answers = at_once(t, 16, |number, store| async move {
            let item = message("same", &number.to_string());
            store.add_thread_item(&alice(), &thread("thr_1"), item).await
        });
        let (good, bad) = parted(answers.await);
        assert_eq!(bad.len(), 15);
        bad.into_iter().for_each(|error| assert_conflict(Err::<(), _>(error)));
        assert_gap_free(t, "thr_1", good).await;
        assert_eq!(add(t, "thr_1", message("next", "x")).await.ordinal, 1);
    }

    /// Beside writers who want one id, those who want others get places, and are told so.
    async fn writers_beside_a_contested_id_get_their_places(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["taken"]).await;
        let answers = at_once(t, 48, |number, store| async move {
            let id = match number % 4 {
                0 => "same".to_owned(),
                1 => "taken".to_owned(),
                _ => number.to_string(),
            };
            store.add_thread_item(&alice(), &thread("thr_1"), message(&id, "x")).await
        });
        let (mut good, bad) = parted(answers.await);
        assert_eq!((good.len(), bad.len()), (25, 23), "{bad:?}");
        bad.into_iter().for_each(|error| assert_conflict(Err::<(), _>(error)));
        good.push(items_of(t, "thr_1").await[0].clone());
        assert_gap_free(t, "thr_1", good).await;
    }

    /// Of batches that overlap, added at once, each is there whole or not at all.
    async fn overlapping_batches_are_there_whole_or_not(t: &Chats) {
        saved(t, "thr_1").await;
        let answers = at_once(t, 16, |number, store| async move {
            // Each id is in three batches, in another order.
            let ids = [number, (number + 5) % 16, (number + 11) % 16];
            let items = ids.map(|id| message(&id.to_string(), &number.to_string())).to_vec();
            store.add_thread_items(&alice(), &thread("thr_1"), items).await
        });
        let (good, bad) = parted(answers.await);
        assert!(!good.is_empty());
        bad.into_iter().for_each(|error| assert_conflict(Err::<(), _>(error)));
        assert_gap_free(t, "thr_1", good.into_iter().flatten().collect()).await;
    }

    /// Of many that save one new id at once, one item is left, at place 0, as the last saved it.
    async fn saves_of_one_new_id_leave_one_item(t: &Chats) {
        saved(t, "thr_1").await;
        let answers = at_once(t, 16, |number, store| async move {
            let item = message("same", &format!("w{number}"));
            store.save_item(&alice(), &thread("thr_1"), item).await.unwrap()
        });
        let answers = answers.await;
        assert!(answers.iter().all(|item| item.ordinal == 0), "{:?}", ordinals(&answers));
        let stored = items_of(t, "thr_1").await;
        let [item] = &stored[..] else { panic!("{stored:?}") };
        assert!(answers.contains(item));
        let word = item.content["content"][0]["text"].as_str().unwrap();
        for number in 0..16 {
            let expected = usize::from(word == format!("w{number}"));
            assert_eq!(found(t, &format!("w{number}")).await.len(), expected);
        }
        assert_eq!(add(t, "thr_1", message("next", "x")).await.ordinal, 1);
    }

    /// An item that is saved and deleted at once is there as a whole, or not at all.
    async fn saves_beside_deletes_leave_whole_items(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["same"]).await;
        let answers = at_once(t, 30, |number, store| async move {
            let (cx, id) = (alice(), thread("thr_1"));
            if number % 3 == 0 {
                unless_gone(store.delete_thread_item(&cx, &id, &item_id("same")).await);
            } else {
                store.save_item(&cx, &id, message("same", &format!("w{number}"))).await.unwrap();
            }
        });
        answers.await;
        let stored = items_of(t, "thr_1").await;
        assert!(stored.len() <= 1, "{stored:?}");
        let search = ItemSearch::everywhere("w1 -w2");
        let hits = crate::samples::found_by(t, &alice(), &search).await;
        assert!(hits.len() <= stored.len());
        let next = add(t, "thr_1", message("next", "x")).await.ordinal;
        assert!(stored.iter().all(|item| item.ordinal < next));
    }
}
