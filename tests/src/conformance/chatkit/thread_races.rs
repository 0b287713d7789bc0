//! Saving one thread at once, and reading beside writers.

use store_core::PageRequest;
use store_core::chatkit::NewThread;

use super::racing::{assert_gap_free, at_once, unless_gone};
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    alice, at, bob, item_ids, items_of, loaded, message, new_thread, ordinals, saved, thread,
};

behaviours! {
    emits chatkit_thread_races_tests from chatkit::thread_races;

    /// Many that save one thread at once agree on when it was created, and one save is there.
    async fn saves_of_one_thread_agree_on_its_creation(t: &Chats) {
        let answers = at_once(t, 16, |number, store| async move {
            let instant = format!("2026-01-{:02}T00:00:00Z", number + 1);
            let new = NewThread {
                created_at: Some(at(&instant)),
                title: Some(number.to_string()),
                ..new_thread("thr_1")
            };
            store.save_thread(&alice(), new).await.unwrap()
        });
        let answers = answers.await;
        let stored = loaded(t, "thr_1").await;
        assert!(answers.iter().all(|thread| thread.created_at == stored.created_at));
        assert!(answers.contains(&stored));
    }

    /// Of two owners who save one thread at once, one has it, and the other gets `NotFound`.
    async fn a_thread_saved_by_two_owners_belongs_to_one(t: &Chats) {
        for round in 0..5 {
            let answers = at_once(t, 8, |number, store| async move {
                let cx = if number % 2 == 0 { alice() } else { bob() };
                (number % 2, store.save_thread(&cx, new_thread(&format!("thr_{round}"))).await)
            });
            let mut winners = [0, 0];
            for (owner, answer) in answers.await {
                winners[owner] += usize::from(unless_gone(answer).is_some());
            }
            assert!([[4, 0], [0, 4]].contains(&winners), "{winners:?}");
        }
    }

    /// Saves and touches of a thread beside adds lose neither items nor the title.
    async fn saves_of_a_thread_beside_adds_lose_nothing(t: &Chats) {
        saved(t, "thr_1").await;
        let answers = at_once(t, 32, |number, store| async move {
            if number % 4 == 0 {
                let title = Some("titled".to_owned());
                let new = NewThread { title, ..new_thread("thr_1") };
                store.save_thread(&alice(), new).await.unwrap();
                return None;
            }
            let item = message(&number.to_string(), "x");
            Some(store.add_thread_item(&alice(), &thread("thr_1"), item).await.unwrap())
        });
        let items = answers.await.into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(items.len(), 24);
        assert_gap_free(t, "thr_1", items).await;
        assert_eq!(loaded(t, "thr_1").await.title.as_deref(), Some("titled"));
    }

    /// A reader beside writers sees items without gap, and those of a batch all or none.
    async fn a_reader_beside_writers_sees_no_gap(t: &Chats) {
        saved(t, "thr_1").await;
        let store = t.reopened().await;
        let writer = tokio::spawn(async move {
            for batch in 0..20 {
                let items = (0..5).map(|n| message(&format!("{batch} {n}"), "x")).collect();
                store.add_thread_items(&alice(), &thread("thr_1"), items).await.unwrap();
            }
        });
        while !writer.is_finished() {
            let page = PageRequest::first(1000);
            let page = t.store.load_thread_items(&alice(), &thread("thr_1"), &page).await.unwrap();
            assert_eq!(page.items.len() % 5, 0);
            let count = i64::try_from(page.items.len()).unwrap();
            assert_eq!(ordinals(&page.items), (0..count).collect::<Vec<_>>());
        }
        writer.await.unwrap();
        assert_eq!(item_ids(&items_of(t, "thr_1").await).len(), 100);
    }
}
