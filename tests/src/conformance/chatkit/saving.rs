//! Saving items: in the place of the one with the id, or at the end.

use serde_json::json;
use store_core::chatkit::NewThreadItem;

use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    add, alice, at, form_of_item, item_id, item_ids, items_of, loaded, message, ordinals, saved,
    say, say_many, thread, wait_seconds,
};

async fn put(t: &Chats, item: NewThreadItem) -> store_core::chatkit::ThreadItem {
    t.store.save_item(&alice(), &thread("thr_1"), item).await.expect("the item is saved")
}

behaviours! {
    emits chatkit_saving_tests from chatkit::saving;

    /// A new item is put at the end, and counts as any other.
    async fn a_saved_item_that_is_new_is_put_at_the_end(t: &Chats) {
        saved(t, "thr_1").await;
        let first = put(t, message("a", "a")).await;
        assert_eq!((first.ordinal, first.created_at), (0, noon()));
        say(t, "thr_1", ["b"]).await;
        assert_eq!(put(t, message("c", "c")).await.ordinal, 2);
        assert_eq!(add(t, "thr_1", message("d", "d")).await.ordinal, 3);
        assert_eq!(item_ids(&items_of(t, "thr_1").await), ["a", "b", "c", "d"]);
    }

    /// A saved item takes the place of the one with its id, with all it says.
    async fn a_saved_item_keeps_the_place(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a", "b", "c"]).await;
        let form = json!({"id": "b", "type": "task", "task": {"type": "custom", "title": "new"}});
        let item = put(t, form_of_item(form.clone())).await;
        assert_eq!((item.ordinal, &item.content), (1, &form));
        assert_eq!(item.item_type.as_str(), "task");
        let stored = items_of(t, "thr_1").await;
        assert_eq!((item_ids(&stored), &stored[1]), (vec!["a", "b", "c"], &item));
    }

    /// Saving over an item uses up no place.
    async fn saving_over_an_item_uses_up_no_place(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a", "b"]).await;
        for text in ["1", "2", "3"] {
            assert_eq!(put(t, message("a", text)).await.ordinal, 0);
        }
        assert_eq!(add(t, "thr_1", message("c", "c")).await.ordinal, 2);
        assert_eq!(put(t, message("d", "d")).await.ordinal, 3);
        assert_eq!(ordinals(&items_of(t, "thr_1").await), [0, 1, 2, 3]);
    }

    /// The instant of an item stays when none is given, and is that which is given otherwise.
    async fn a_saved_item_keeps_its_instant_unless_one_is_given(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a"]).await;
        wait_seconds(t, 3);
        assert_eq!(put(t, message("a", "x")).await.created_at, noon());
        let given = Some(at("2020-01-01T00:00:00.000001Z"));
        let item = NewThreadItem { created_at: given, ..message("a", "y") };
        assert_eq!(Some(put(t, item).await.created_at), given);
        assert_eq!(Some(put(t, message("a", "z")).await.created_at), given);
        assert_eq!(Some(items_of(t, "thr_1").await[0].created_at), given);
    }

    /// Saving touches the thread, even with what is there already.
    async fn saving_an_item_touches_the_thread(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a"]).await;
        for (seconds, instant) in [(1, "2026-03-02T12:00:01Z"), (2, "2026-03-02T12:00:03Z")] {
            wait_seconds(t, seconds);
            put(t, message("a", "a")).await;
            assert_eq!(loaded(t, "thr_1").await.updated_at, at(instant));
        }
    }

    /// Saving what is there changes nothing of it.
    async fn saving_an_item_again_changes_nothing(t: &Chats) {
        saved(t, "thr_1").await;
        let before = say_many(t, "thr_1", 3).await;
        for item in &before {
            let again = NewThreadItem {
                created_at: Some(item.created_at),
                ..NewThreadItem::new(item.id.clone(), item.item_type.clone(), item.content.clone())
            };
            assert_eq!(&put(t, again).await, item);
        }
        assert_eq!(items_of(t, "thr_1").await, before);
    }

    /// An item that was deleted is new when it is saved again.
    async fn a_deleted_item_is_new_when_it_is_saved(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a", "b"]).await;
        t.store.delete_thread_item(&alice(), &thread("thr_1"), &item_id("a")).await.unwrap();
        wait_seconds(t, 3);
        let item = put(t, message("a", "back")).await;
        assert_eq!((item.ordinal, item.created_at), (2, at("2026-03-02T12:00:03Z")));
        assert_eq!(item_ids(&items_of(t, "thr_1").await), ["b", "a"]);
    }

    /// A large item can become small, and a small one large.
    async fn an_item_can_grow_and_shrink(t: &Chats) {
        saved(t, "thr_1").await;
        for size in [1, 3_000_000, 10, 2_000_000] {
            let item = put(t, message("a", &"x".repeat(size))).await;
            assert_eq!(items_of(t, "thr_1").await, [item]);
        }
    }
}
