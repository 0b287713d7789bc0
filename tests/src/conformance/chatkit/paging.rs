//! Paging through the items of a thread.

use store_core::chatkit::ThreadItem;
use store_core::{Cursor, Order, Page, PageRequest};

use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    add, alice, form_of_item, item_id, item_ids, message, ordinals, saved, say, say_many, thread,
};

pub(super) async fn page(t: &Chats, request: &PageRequest) -> Page<ThreadItem> {
    t.store.load_thread_items(&alice(), &thread("thr_1"), request).await.expect("it is listed")
}

/// Walks all pages of the items of a thread.
async fn walk(t: &Chats, first: PageRequest) -> Vec<i64> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = page(t, &next).await;
        assert!(page.items.len() <= next.limit as usize);
        all.extend(ordinals(&page.items));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

pub(super) async fn delete(t: &Chats, id: &str) {
    let deleted = t.store.delete_thread_item(&alice(), &thread("thr_1"), &item_id(id)).await;
    deleted.expect("the item was there");
}

pub(super) async fn cursor_after(t: &Chats, id: &str, order: Order) -> Cursor {
    let cursor = t.store.cursor_after(&alice(), &thread("thr_1"), &item_id(id), order).await;
    cursor.expect("the item is there")
}

behaviours! {
    emits chatkit_paging_tests from chatkit::paging;

    /// The item that was added first comes first, or the last when asked.
    async fn the_oldest_item_is_listed_first(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["b", "c", "a"]).await;
        let first = PageRequest::default();
        assert_eq!(item_ids(&page(t, &first).await.items), ["b", "c", "a"]);
        let desc = first.ordered(Order::Desc);
        assert_eq!(item_ids(&page(t, &desc).await.items), ["a", "c", "b"]);
    }

    /// A thread without items has an empty page.
    async fn a_thread_without_items_has_an_empty_page(t: &Chats) {
        saved(t, "thr_1").await;
        let page = page(t, &PageRequest::default()).await;
        assert!(page.items.is_empty() && page.next.is_none());
    }

    /// Pages follow each other without gap or overlap, in both orders.
    async fn pages_of_items_have_no_gap_and_no_overlap(t: &Chats) {
        saved(t, "thr_0").await;
        saved(t, "thr_1").await;
        saved(t, "thr_2").await;
        for name in ["thr_0", "thr_1", "thr_2"] {
            say_many(t, name, 13).await;
        }
        let oldest: Vec<i64> = (0..13).collect();
        let newest: Vec<i64> = (0..13).rev().collect();
        for limit in [1, 2, 5, 12, 13, 14, 1000] {
            let first = PageRequest::first(limit);
            assert_eq!(walk(t, first.clone()).await, oldest, "limit {limit}");
            assert_eq!(walk(t, first.ordered(Order::Desc)).await, newest, "limit {limit}");
        }
    }

    /// The last page that is just full has no next one.
    async fn a_last_page_of_items_that_is_full_is_the_last(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 6).await;
        let first = PageRequest::first(3);
        let next = page(t, &first).await.next.unwrap();
        let last = page(t, &first.after(next)).await;
        assert_eq!((ordinals(&last.items), last.next), (vec![3, 4, 5], None));
    }

    /// Items added between two pages come at the end of an ascending walk.
    async fn items_added_between_pages_come_at_the_end(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 5).await;
        let first = page(t, &PageRequest::first(3)).await;
        say(t, "thr_1", ["new"]).await;
        let rest = page(t, &PageRequest::first(10).after(first.next.unwrap())).await;
        assert_eq!(item_ids(&rest.items), ["3", "4", "new"]);
    }

    /// Items added between two pages make no item of a descending walk come twice.
    async fn items_added_between_pages_repeat_none(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 5).await;
        let desc = PageRequest::first(3).ordered(Order::Desc);
        let first = page(t, &desc).await;
        say(t, "thr_1", ["new", "newer"]).await;
        let rest = page(t, &desc.after(first.next.unwrap())).await;
        assert_eq!(item_ids(&rest.items), ["1", "0"]);
    }

    /// Items deleted between two pages, the last of the page among them, leave no other one out.
    async fn items_deleted_between_pages_leave_none_out(t: &Chats) {
        for order in [Order::Asc, Order::Desc] {
            saved(t, "thr_1").await;
            say_many(t, "thr_1", 9).await;
            let request = PageRequest::first(4).ordered(order);
            let first = page(t, &request).await;
            let (last, next) = if order == Order::Asc { ("3", "4") } else { ("5", "4") };
            for id in [last, next, "0", "8"] {
                delete(t, id).await;
            }
            let rest = page(t, &request.after(first.next.unwrap())).await;
            let expected = if order == Order::Asc { [5, 6, 7] } else { [3, 2, 1] };
            assert_eq!(ordinals(&rest.items), expected);
            t.store.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        }
    }

    /// An item saved between two pages comes once, at its place.
    async fn an_item_saved_between_pages_comes_once(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 4).await;
        let first = page(t, &PageRequest::first(2)).await;
        for id in ["0", "3"] {
            let item = message(id, "changed");
            t.store.save_item(&alice(), &thread("thr_1"), item).await.unwrap();
        }
        let rest = page(t, &PageRequest::first(2).after(first.next.unwrap())).await;
        assert_eq!(item_ids(&rest.items), ["2", "3"]);
    }

    /// A walk under adds, saves and deletes returns what stays, each once.
    async fn a_walk_of_items_under_changes_returns_what_stays(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 60).await;
        let store = t.store.clone();
        let churn = tokio::spawn(async move {
            let (cx, id) = (alice(), thread("thr_1"));
            for number in (0..60).step_by(2) {
                let gone = item_id(&number.to_string());
                store.delete_thread_item(&cx, &id, &gone).await.unwrap();
                let new = message(&format!("new {number}"), "x");
                store.add_thread_item(&cx, &id, new).await.unwrap();
                let changed = message(&(number + 1).to_string(), "changed");
                store.save_item(&cx, &id, changed).await.unwrap();
            }
        });
        for order in [Order::Desc, Order::Asc] {
            let mut walked = walk(t, PageRequest::first(3).ordered(order)).await;
            walked.retain(|place| place % 2 == 1 && *place < 60);
            let mut expected: Vec<i64> = (0..60).filter(|place| place % 2 == 1).collect();
            if order == Order::Desc {
                expected.reverse();
            }
            assert_eq!(walked, expected);
        }
        churn.await.unwrap();
    }

    /// A page of large items ends by 8 MiB, and the walk still finds all, in both orders.
    async fn a_page_of_large_items_ends_early(t: &Chats) {
        saved(t, "thr_1").await;
        let text = "x".repeat(1024 * 1024);
        for number in 0..20 {
            add(t, "thr_1", message(&number.to_string(), &text)).await;
        }
        let first = page(t, &PageRequest::first(1000)).await;
        assert!((1..=9).contains(&first.items.len()), "{}", first.items.len());
        assert!(first.next.is_some());
        let mut expected: Vec<i64> = (0..20).collect();
        assert_eq!(walk(t, PageRequest::first(1000)).await, expected);
        expected.reverse();
        assert_eq!(walk(t, PageRequest::first(1000).ordered(Order::Desc)).await, expected);
    }

    /// An item that is larger than the budget of a page has a page of its own.
    async fn an_item_beyond_the_budget_has_a_page(t: &Chats) {
        saved(t, "thr_1").await;
        let huge = "x".repeat(9 * 1024 * 1024);
        for (id, text) in [("a", "small"), ("b", huge.as_str()), ("c", &huge), ("d", "small")] {
            let form = serde_json::json!({"id": id, "type": "hologram", "text": text});
            add(t, "thr_1", form_of_item(form)).await;
        }
        let walked = walk(t, PageRequest::first(1000)).await;
        assert_eq!(walked, [0, 1, 2, 3]);
        let alone = PageRequest::first(1000).after(cursor_after(t, "b", Order::Asc).await);
        let page = page(t, &alone).await;
        assert_eq!((item_ids(&page.items), page.next.is_some()), (vec!["c"], true));
    }
}
