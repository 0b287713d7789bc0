//! Items that are added at once.

use serde_json::json;
use store_core::chatkit::NewThreadItem;

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    add, alice, at, item_id, item_ids, items_of, loaded, message, ordinals, saved, say, say_many,
    thread, wait_seconds,
};

behaviours! {
    emits chatkit_batches_tests from chatkit::batches;

    /// A batch is added in its order, after what is there.
    async fn a_batch_is_added_in_its_order(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["z"]).await;
        wait_seconds(t, 3);
        let items = ["d", "a", "c"].map(|id| message(id, id)).to_vec();
        let added = t.store.add_thread_items(&alice(), &thread("thr_1"), items).await.unwrap();
        assert_eq!((item_ids(&added), ordinals(&added)), (vec!["d", "a", "c"], vec![1, 2, 3]));
        assert_eq!(items_of(t, "thr_1").await[1..], added);
        assert_eq!(loaded(t, "thr_1").await.updated_at, at("2026-03-02T12:00:03Z"));
        assert!(added.iter().all(|item| item.created_at == at("2026-03-02T12:00:03Z")));
    }

    /// Each item of a batch keeps its own instant and type.
    async fn items_of_a_batch_keep_instants_and_types(t: &Chats) {
        saved(t, "thr_1").await;
        let types = ["task", "hologram", "widget"];
        let items = types.iter().enumerate().map(|(n, item_type)| NewThreadItem {
            created_at: (n != 1).then(|| at(&format!("2020-01-01T00:00:0{n}.5Z"))),
            ..NewThreadItem::new(item_id(item_type), item_type.parse().unwrap(), json!({"n": n}))
        });
        let items = items.collect();
        t.store.add_thread_items(&alice(), &thread("thr_1"), items).await.unwrap();
        let stored = items_of(t, "thr_1").await;
        assert_eq!(stored.iter().map(|item| item.item_type.as_str()).collect::<Vec<_>>(), types);
        let instants = stored.iter().map(|item| item.created_at).collect::<Vec<_>>();
        let expected = [at("2020-01-01T00:00:00.5Z"), noon(), at("2020-01-01T00:00:02.5Z")];
        assert_eq!(instants, expected);
    }

    /// Of a batch with an id that is taken, or comes twice, nothing is added.
    async fn of_a_batch_that_conflicts_nothing_is_added(t: &Chats) {
        saved(t, "thr_1").await;
        let before = say(t, "thr_1", ["taken"]).await;
        wait_seconds(t, 3);
        for ids in [["a", "taken"], ["taken", "a"], ["a", "a"], ["taken", "taken"]] {
            let items = ids.map(|id| message(id, "new")).to_vec();
            let answer = t.store.add_thread_items(&alice(), &thread("thr_1"), items).await;
            assert_conflict(answer);
        }
        assert_eq!(items_of(t, "thr_1").await, before);
        assert_eq!(loaded(t, "thr_1").await.updated_at, noon());
        assert_eq!(add(t, "thr_1", message("b", "b")).await.ordinal, 1);
    }

    /// Adding none adds nothing and does not touch the thread.
    async fn adding_none_does_not_touch_the_thread(t: &Chats) {
        saved(t, "thr_1").await;
        wait_seconds(t, 3);
        let added = t.store.add_thread_items(&alice(), &thread("thr_1"), vec![]).await.unwrap();
        assert!(added.is_empty());
        assert_eq!(loaded(t, "thr_1").await.updated_at, noon());
    }

    /// A thousand items are added at once, in order.
    async fn a_thousand_items_are_added_at_once(t: &Chats) {
        saved(t, "thr_1").await;
        let added = say_many(t, "thr_1", 1000).await;
        assert_eq!(ordinals(&added), (0..1000).collect::<Vec<_>>());
        assert_eq!(items_of(t, "thr_1").await, added);
        assert_eq!(add(t, "thr_1", message("last", "x")).await.ordinal, 1000);
    }
}
