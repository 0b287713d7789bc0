//! Items: adding, batches, deleting, and what an item is known by.

use serde_json::json;
use store_core::chatkit::NewThreadItem;

use super::{assert_conflict, assert_not_found};
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    add, alice, at, attach, attachment_id, everything, file_in, item_id, item_ids, items_of,
    loaded, message, ordinals, saved, say, thread, wait_seconds,
};

behaviours! {
    emits chatkit_items_tests from chatkit::items;

    /// Items get the places 0, 1, 2 and so on, each thread its own.
    async fn items_get_places_from_0_in_each_thread(t: &Chats) {
        for name in ["thr_1", "thr_2"] {
            saved(t, name).await;
        }
        for place in 0..3 {
            for name in ["thr_1", "thr_2"] {
                let id = format!("{name} {place}");
                assert_eq!(add(t, name, message(&id, "x")).await.ordinal, place);
            }
        }
        assert_eq!(ordinals(&items_of(t, "thr_1").await), [0, 1, 2]);
    }

    /// The item that is returned is the one that is stored.
    async fn the_item_that_is_returned_is_stored(t: &Chats) {
        saved(t, "thr_1").await;
        let content = json!({"rest": everything(), "type": "widget", "thread_id": "thr_1"});
        let new = NewThreadItem {
            created_at: Some(at("2025-01-01T00:00:00.000001Z")),
            ..NewThreadItem::new(item_id("späße 🎉"), "widget".parse().unwrap(), content.clone())
        };
        let item = add(t, "thr_1", new).await;
        assert_eq!((item.id.as_str(), item.thread_id.as_str()), ("späße 🎉", "thr_1"));
        assert_eq!((item.ordinal, item.created_at), (0, at("2025-01-01T00:00:00.000001Z")));
        assert_eq!((item.item_type.as_str(), &item.content), ("widget", &content));
        let read = t.reopened().await.load_item(&alice(), &thread("thr_1"), &item.id).await;
        assert_eq!(read.unwrap(), item);
        assert_eq!(items_of(t, "thr_1").await, [item]);
    }

    /// An item without an instant came to be now.
    async fn an_item_without_an_instant_came_to_be_now(t: &Chats) {
        saved(t, "thr_1").await;
        assert_eq!(add(t, "thr_1", message("a", "a")).await.created_at, noon());
        wait_seconds(t, 3);
        assert_eq!(add(t, "thr_1", message("b", "b")).await.created_at, at("2026-03-02T12:00:03Z"));
    }

    /// The places of items follow the order of adding, not that of their instants.
    async fn places_follow_the_order_of_adding(t: &Chats) {
        saved(t, "thr_1").await;
        for (id, instant) in [("a", "2026-01-03"), ("b", "2026-01-01"), ("c", "2026-01-02")] {
            let created_at = Some(at(&format!("{instant}T00:00:00Z")));
            add(t, "thr_1", NewThreadItem { created_at, ..message(id, id) }).await;
        }
        assert_eq!(item_ids(&items_of(t, "thr_1").await), ["a", "b", "c"]);
    }

    /// JSON comes back as it was given: numbers, empty things, keys and texts of every kind.
    async fn the_content_of_an_item_is_lossless(t: &Chats) {
        saved(t, "thr_1").await;
        let contents = [
            json!({}),
            json!({"": {"": [[], {}, null]}}),
            json!({"n": [0, -1, 1.0, 1.5, 5e-324, 1.797e308, 9_007_199_254_740_993_i64, i64::MIN,
                u64::MAX]}),
            json!({"t": ["", " ", "\u{1}\u{1f}\u{7f}", "\u{2028}", "\u{feff}", "\u{e000}0", "🎉",
                "\\u0000", "a\r\n\tb", "</script>", "'", "\"", "\u{10ffff}"]}),
            json!({"id": "4", "é": 1, "e\u{301}": 2, "A": 3, "a": 4}),
            (0..99).fold(json!({}), |inner, _| json!({ "d": inner })),
            json!({ "list": vec![json!({"k": "v"}); 2000] }),
        ];
        for (number, content) in contents.into_iter().enumerate() {
            let id = item_id(&number.to_string());
            let new = NewThreadItem::new(id.clone(), "hologram".parse().unwrap(), content.clone());
            assert_eq!(add(t, "thr_1", new).await.content, content);
            let read = t.store.load_item(&alice(), &thread("thr_1"), &id).await.unwrap();
            assert_eq!(read.content, content);
        }
    }

    /// Numbers that JSON keeps in another form are returned as they are stored.
    async fn numbers_are_returned_as_they_are_stored(t: &Chats) {
        saved(t, "thr_1").await;
        let content = json!({"n": [-0.0, 1e16, 1.5e17, 1e19, 1e20, -1e18, 1e2, 0.1]});
        let new = NewThreadItem::new(item_id("a"), "hologram".parse().unwrap(), content);
        let added = add(t, "thr_1", new.clone()).await;
        assert_eq!(items_of(t, "thr_1").await, [added]);
        let saved = t.store.save_item(&alice(), &thread("thr_1"), new).await.unwrap();
        assert_eq!(items_of(t, "thr_1").await, [saved]);
    }

    /// Instants of items keep their microseconds, from the first year to the last.
    async fn instants_of_items_keep_their_microseconds(t: &Chats) {
        saved(t, "thr_1").await;
        let instants = [
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "9999-12-31T23:59:59.999999Z",
        ];
        for text in instants {
            let new = NewThreadItem { created_at: Some(at(text)), ..message(text, "apple") };
            let item = add(t, "thr_1", new).await;
            assert_eq!(item.created_at, at(text));
            let read = t.store.load_item(&alice(), &thread("thr_1"), &item.id).await.unwrap();
            assert_eq!(read, item);
        }
        let newest: Vec<_> = instants.into_iter().rev().collect();
        assert_eq!(crate::samples::found(t, "apple").await, newest);
    }

    /// Adding touches the thread and changes nothing else of it.
    async fn adding_touches_the_thread(t: &Chats) {
        let before = saved(t, "thr_1").await;
        wait_seconds(t, 3);
        let created_at = Some(at("2020-01-01T00:00:00Z"));
        add(t, "thr_1", NewThreadItem { created_at, ..message("a", "a") }).await;
        let after = loaded(t, "thr_1").await;
        assert_eq!(after.updated_at, at("2026-03-02T12:00:03Z"));
        assert_eq!(store_core::chatkit::Thread { updated_at: noon(), ..after }, before);
    }

    /// A second item with the same id is a `Conflict`; the first stays, and no place is used up.
    async fn a_second_item_with_the_same_id_conflicts(t: &Chats) {
        saved(t, "thr_1").await;
        let first = add(t, "thr_1", message("a", "first")).await;
        wait_seconds(t, 3);
        let id = thread("thr_1");
        let again = message("a", "second");
        assert_conflict(t.store.add_thread_item(&alice(), &id, again.clone()).await);
        assert_conflict(t.store.add_thread_items(&alice(), &id, vec![again]).await);
        assert_eq!(t.store.load_item(&alice(), &id, &first.id).await.unwrap(), first);
        assert_eq!(loaded(t, "thr_1").await.updated_at, noon());
        assert_eq!(add(t, "thr_1", message("b", "b")).await.ordinal, 1);
    }

    /// An item of an unknown thread is `NotFound`.
    async fn an_item_of_an_unknown_thread_is_not_found(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a"]).await;
        let id = thread("thr_2");
        assert_not_found(t.store.add_thread_item(&alice(), &id, message("a", "a")).await);
        assert_not_found(t.store.save_item(&alice(), &id, message("a", "a")).await);
        let items = vec![message("a", "a"), message("b", "b")];
        assert_not_found(t.store.add_thread_items(&alice(), &id, items).await);
        assert_not_found(t.store.load_item(&alice(), &id, &item_id("a")).await);
        assert_not_found(t.store.delete_thread_item(&alice(), &id, &item_id("a")).await);
        let page = Default::default();
        assert_not_found(t.store.load_thread_items(&alice(), &id, &page).await);
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_items").await, 1);
    }

    /// An unknown item of a thread is `NotFound`, and deleting one does not touch the thread.
    async fn an_unknown_item_is_not_found(t: &Chats) {
        saved(t, "thr_1").await;
        saved(t, "thr_2").await;
        say(t, "thr_1", ["a"]).await;
        say(t, "thr_2", ["b"]).await;
        wait_seconds(t, 3);
        for id in ["b", "A", "a ", "%", "0"] {
            let (thread_id, id) = (thread("thr_1"), item_id(id));
            assert_not_found(t.store.load_item(&alice(), &thread_id, &id).await);
            assert_not_found(t.store.delete_thread_item(&alice(), &thread_id, &id).await);
        }
        assert_eq!(loaded(t, "thr_1").await.updated_at, noon());
    }

    /// The same id in two threads is two items: neither save nor deletion crosses over.
    async fn the_same_id_in_two_threads_is_two_items(t: &Chats) {
        for name in ["thr_1", "thr_2"] {
            saved(t, name).await;
            say(t, name, ["z", "a"]).await;
        }
        let (one, two) = (thread("thr_1"), thread("thr_2"));
        let before = items_of(t, "thr_2").await;
        t.store.save_item(&alice(), &one, message("a", "changed")).await.unwrap();
        assert_eq!(items_of(t, "thr_2").await, before);
        assert_eq!(ordinals(&items_of(t, "thr_1").await), [0, 1]);
        t.store.delete_thread_item(&alice(), &one, &item_id("a")).await.unwrap();
        assert_eq!(items_of(t, "thr_2").await, before);
        assert_not_found(t.store.load_item(&alice(), &one, &item_id("a")).await);
        t.store.load_item(&alice(), &two, &item_id("a")).await.unwrap();
        t.store.delete_thread(&alice(), &one).await.unwrap();
        assert_eq!(items_of(t, "thr_2").await, before);
    }

    /// A deleted item is gone; the places of the others stay, and its place is not given again.
    async fn a_deleted_item_leaves_its_place_empty(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a", "b", "c"]).await;
        let id = thread("thr_1");
        for gone in ["b", "c"] {
            t.store.delete_thread_item(&alice(), &id, &item_id(gone)).await.unwrap();
            assert_not_found(t.store.load_item(&alice(), &id, &item_id(gone)).await);
            assert_not_found(t.store.delete_thread_item(&alice(), &id, &item_id(gone)).await);
        }
        assert_eq!(say(t, "thr_1", ["b", "d"]).await.iter().map(|i| i.ordinal).max(), Some(4));
        assert_eq!(item_ids(&items_of(t, "thr_1").await), ["a", "b", "d"]);
        assert_eq!(ordinals(&items_of(t, "thr_1").await), [0, 3, 4]);
    }

    /// When all items are deleted, the places go on all the same.
    async fn places_go_on_when_all_items_are_deleted(t: &Chats) {
        saved(t, "thr_1").await;
        for item in say(t, "thr_1", ["a", "b"]).await {
            t.store.delete_thread_item(&alice(), &item.thread_id, &item.id).await.unwrap();
        }
        assert_eq!(add(t, "thr_1", message("a", "a")).await.ordinal, 2);
    }

    /// Deleting an item touches the thread; attachments stay.
    async fn deleting_an_item_touches_the_thread(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a"]).await;
        attach(t, file_in("thr_1", "atc_1", "p")).await;
        wait_seconds(t, 3);
        t.store.delete_thread_item(&alice(), &thread("thr_1"), &item_id("a")).await.unwrap();
        assert_eq!(loaded(t, "thr_1").await.updated_at, at("2026-03-02T12:00:03Z"));
        t.store.load_attachment(&alice(), &attachment_id("atc_1")).await.unwrap();
        assert!(crate::samples::released(t).await.is_empty());
    }

    /// Ids of items are compared byte by byte.
    async fn ids_of_items_are_compared_byte_by_byte(t: &Chats) {
        saved(t, "thr_1").await;
        let ids = ["a", "A", "ä", "a\u{308}", "a ", " a", "a'", "a%", "a_", "日本 🎉", "\\"];
        say(t, "thr_1", ids).await;
        for (place, id) in ids.into_iter().enumerate() {
            let item = t.store.load_item(&alice(), &thread("thr_1"), &item_id(id)).await.unwrap();
            assert_eq!(usize::try_from(item.ordinal), Ok(place));
        }
    }

    /// A row that cannot be read is `Corrupt`, not left out.
    async fn an_unreadable_item_is_corrupt(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a", "b"]).await;
        t.sql("UPDATE chatkit_items SET item_type = '' WHERE item_id = 'b'").await;
        let id = thread("thr_1");
        let search = store_core::chatkit::ItemSearch::in_thread(id.clone(), "b");
        let read = [
            t.store.load_item(&alice(), &id, &item_id("b")).await.map(drop),
            t.store.load_thread_items(&alice(), &id, &Default::default()).await.map(drop),
            t.store.search_items(&alice(), &search, &Default::default()).await.map(drop),
        ];
        for answer in read {
            let error = answer.unwrap_err();
            assert!(matches!(error, store_core::Error::Corrupt { .. }), "{error}");
        }
    }
}
