//! Cursors after items that are named, and those of other listings.

use store_core::{Cursor, Order, PageRequest};

use super::paging::{cursor_after, delete, page};
use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{alice, item_id, ordinals, saved, say, say_many, thread};

behaviours! {
    emits chatkit_cursors_tests from chatkit::cursors;

    /// A page continues after any item that is named, in both orders.
    async fn a_page_continues_after_an_item_that_is_named(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 5).await;
        let asc = PageRequest::first(2).after(cursor_after(t, "1", Order::Asc).await);
        assert_eq!(ordinals(&page(t, &asc).await.items), [2, 3]);
        assert_eq!(ordinals(&page(t, &asc.ordered(Order::Asc)).await.items), [2, 3]);
        let cursor = cursor_after(t, "3", Order::Desc).await;
        let desc = PageRequest::first(2).ordered(Order::Desc).after(cursor);
        assert_eq!(ordinals(&page(t, &desc).await.items), [2, 1]);
        for (id, order) in [("4", Order::Asc), ("0", Order::Desc)] {
            let request = PageRequest::first(2).ordered(order);
            let last = page(t, &request.after(cursor_after(t, id, order).await)).await;
            assert!(last.items.is_empty() && last.next.is_none());
        }
    }

    /// The cursor after the last item of a page is that of the page.
    async fn the_cursor_after_an_item_continues_like_the_page(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 5).await;
        for order in [Order::Asc, Order::Desc] {
            let request = PageRequest::first(2).ordered(order);
            let first = page(t, &request).await;
            let named = cursor_after(t, first.items[1].id.as_str(), order).await;
            let by_page = page(t, &request.clone().after(first.next.unwrap())).await;
            assert_eq!(page(t, &request.after(named)).await, by_page);
        }
    }

    /// A cursor works though its item was deleted since.
    async fn a_cursor_works_though_its_item_is_gone(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 4).await;
        let cursor = cursor_after(t, "1", Order::Asc).await;
        delete(t, "1").await;
        delete(t, "2").await;
        let rest = page(t, &PageRequest::default().after(cursor)).await;
        assert_eq!(ordinals(&rest.items), [3]);
    }

    /// An unknown item makes no cursor, and never the first page; an unknown thread is `NotFound`.
    async fn an_unknown_item_makes_no_cursor(t: &Chats) {
        for name in ["thr_1", "thr_2"] {
            saved(t, name).await;
        }
        say(t, "thr_1", ["a", "gone"]).await;
        say(t, "thr_2", ["b"]).await;
        delete(t, "gone").await;
        let id = thread("thr_1");
        for order in [Order::Asc, Order::Desc] {
            for unknown in ["b", "gone", "A", "0"] {
                let answer = t.store.cursor_after(&alice(), &id, &item_id(unknown), order).await;
                assert_invalid(answer, "item_id");
            }
            let answer = t.store.cursor_after(&alice(), &thread("x"), &item_id("a"), order).await;
            assert_not_found(answer);
        }
    }

    /// A cursor of another thread, order or listing, and a damaged one, is `Invalid`.
    async fn a_foreign_cursor_of_items_is_invalid(t: &Chats) {
        for name in ["thr_1", "thr_2"] {
            saved(t, name).await;
            say_many(t, name, 3).await;
        }
        let first = PageRequest::first(1);
        let ours = page(t, &first).await.next.unwrap();
        let named = cursor_after(t, "0", Order::Asc).await;
        let desc = cursor_after(t, "2", Order::Desc).await;
        let threads = t.store.load_threads(&alice(), &first).await.unwrap().next.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        let (cx, one, two) = (alice(), thread("thr_1"), thread("thr_2"));
        for foreign in [&desc, &threads, &"abc".parse().unwrap()] {
            assert_invalid(t.store.load_thread_items(&cx, &one, &after(foreign)).await, "after");
        }
        for cursor in [&ours, &named] {
            assert_invalid(t.store.load_thread_items(&cx, &two, &after(cursor)).await, "after");
            let desc = after(cursor).ordered(Order::Desc);
            assert_invalid(t.store.load_thread_items(&cx, &one, &desc).await, "after");
        }
    }
}
