//! Listing threads: order, pages, cursors.

use serde_json::json;
use store_core::chatkit::{ChatContext, NewThread, ThreadFilter};
use store_core::{Cursor, Order, PageRequest};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    administrator, alice, at, bob, described, message, new_thread, save, saved, say, thread,
    thread_forms, thread_ids, threads_of, wait_seconds,
};

/// Walks all pages of the threads that somebody sees.
async fn walk(t: &Chats, cx: &ChatContext, first: PageRequest) -> Vec<String> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.load_threads(cx, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.into_iter().map(|thread| thread.id.into_string()));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

/// Thirteen threads of Alice, of which the middle ones begin at one instant; oldest first.
async fn thirteen(t: &Chats) -> Vec<String> {
    // Saved in another order than that of the listing.
    for number in [7, 3, 12, 0, 5, 9, 1, 11, 4, 2, 8, 6, 10] {
        let seconds = if (4..9).contains(&number) { 4 } else { number };
        let created_at = Some(at(&format!("2026-03-02T11:00:{seconds:02}Z")));
        save(t, &alice(), NewThread { created_at, ..new_thread(&format!("t{number:02}")) }).await;
    }
    (0..13).map(|number| format!("t{number:02}")).collect()
}

behaviours! {
    emits chatkit_listing_tests from chatkit::listing;

    /// The thread that began last comes first, or the oldest when asked.
    async fn the_newest_thread_is_listed_first(t: &Chats) {
        for name in ["b", "c", "a"] {
            saved(t, name).await;
            wait_seconds(t, 1);
        }
        assert_eq!(threads_of(t, &alice()).await, ["a", "c", "b"]);
        let asc = PageRequest::default().ordered(Order::Asc);
        let page = t.store.load_threads(&alice(), &asc).await.unwrap();
        assert_eq!(thread_ids(&page.items), ["b", "c", "a"]);
        assert_eq!(page.next, None);
    }

    /// Touching a thread does not move it in the list.
    async fn touching_a_thread_does_not_move_it(t: &Chats) {
        for name in ["a", "b"] {
            saved(t, name).await;
            wait_seconds(t, 1);
        }
        say(t, "a", ["x"]).await;
        saved(t, "a").await;
        assert_eq!(threads_of(t, &alice()).await, ["b", "a"]);
    }

    /// Threads of one instant are listed by id, byte by byte.
    async fn threads_of_one_instant_are_listed_by_id(t: &Chats) {
        for name in ["b", "ä", "B", "a", "_", "a0", "🎉", "Z", "\u{e000}"] {
            saved(t, name).await;
        }
        let mut expected = ["b", "ä", "B", "a", "_", "a0", "🎉", "Z", "\u{e000}"];
        expected.sort_unstable();
        let asc = walk(t, &alice(), PageRequest::first(2).ordered(Order::Asc)).await;
        assert_eq!(asc, expected);
        expected.reverse();
        assert_eq!(walk(t, &alice(), PageRequest::first(2)).await, expected);
    }

    /// What is listed is what is loaded.
    async fn what_is_listed_is_what_is_loaded(t: &Chats) {
        for form in thread_forms() {
            save(t, &alice(), NewThread::from_json(form).unwrap()).await;
        }
        let page = t.store.load_threads(&alice(), &PageRequest::default()).await.unwrap();
        assert_eq!(page.items.len(), thread_forms().len());
        let (filter, request) = (ThreadFilter::default(), PageRequest::default());
        let filtered = t.store.filter_threads(&alice(), &filter, &request).await.unwrap();
        assert_eq!(filtered.items, page.items);
        for listed in page.items {
            assert_eq!(t.store.load_thread(&alice(), &listed.id).await.unwrap(), listed);
        }
    }

    /// Who has no threads sees an empty list.
    async fn who_has_no_threads_sees_an_empty_list(t: &Chats) {
        for cx in [alice(), administrator()] {
            let page = t.store.load_threads(&cx, &PageRequest::default()).await.unwrap();
            assert!(page.items.is_empty() && page.next.is_none());
        }
    }

    /// Pages follow each other without gap or overlap, in both orders, over equal instants.
    async fn pages_of_threads_have_no_gap_and_no_overlap(t: &Chats) {
        let oldest = thirteen(t).await;
        save(t, &bob(), NewThread { created_at: Some(noon()), ..new_thread("t04x") }).await;
        let newest: Vec<_> = oldest.iter().rev().cloned().collect();
        for limit in [1, 2, 4, 12, 13, 14, 1000] {
            let first = PageRequest::first(limit);
            assert_eq!(walk(t, &alice(), first.clone()).await, newest, "limit {limit}");
            let asc = walk(t, &alice(), first.clone().ordered(Order::Asc)).await;
            assert_eq!(asc, oldest, "limit {limit}");
            assert_eq!(walk(t, &administrator(), first).await.len(), 14, "limit {limit}");
        }
    }

    /// The last page that is just full has no next one.
    async fn a_last_page_that_is_full_is_the_last(t: &Chats) {
        thirteen(t).await;
        let page = t.store.load_threads(&alice(), &PageRequest::first(13)).await.unwrap();
        assert_eq!((page.items.len(), page.next), (13, None));
    }

    /// A walk under saves, touches and deletes returns what stays, each once.
    async fn a_walk_of_threads_under_changes_returns_what_stays(t: &Chats) {
        for number in 0..40 {
            saved(t, &format!("t{number:02}")).await;
        }
        let store = t.store.clone();
        let churn = tokio::spawn(async move {
            for number in (0..40).step_by(2) {
                let gone = thread(&format!("t{number:02}"));
                store.delete_thread(&alice(), &gone).await.unwrap();
                store.save_thread(&alice(), new_thread(&format!("x{number}"))).await.unwrap();
                let stays = thread(&format!("t{:02}", number + 1));
                store.add_thread_item(&alice(), &stays, message("a", "a")).await.unwrap();
            }
        });
        for order in [Order::Desc, Order::Asc] {
            let mut walked = walk(t, &alice(), PageRequest::first(3).ordered(order)).await;
            let stays = |name: &String| name[1..].parse::<u32>().is_ok_and(|n| n % 2 == 1);
            walked.retain(stays);
            let mut expected: Vec<_> = (0..40).map(|n| format!("t{n:02}")).filter(stays).collect();
            if order == Order::Desc {
                expected.reverse();
            }
            assert_eq!(walked, expected);
        }
        churn.await.unwrap();
    }

    /// A page continues after its last thread, though that is deleted.
    async fn a_page_continues_after_a_thread_that_is_gone(t: &Chats) {
        thirteen(t).await;
        let page = t.store.load_threads(&alice(), &PageRequest::first(6)).await.unwrap();
        for name in ["t07", "t06"] {
            t.store.delete_thread(&alice(), &thread(name)).await.unwrap();
        }
        let next = PageRequest::first(2).after(page.next.unwrap());
        let page = t.store.load_threads(&alice(), &next).await.unwrap();
        assert_eq!(thread_ids(&page.items), ["t05", "t04"]);
    }

    /// A cursor works with another limit.
    async fn a_cursor_works_with_another_limit(t: &Chats) {
        thirteen(t).await;
        let page = t.store.load_threads(&alice(), &PageRequest::first(6)).await.unwrap();
        let rest = PageRequest::first(1000).after(page.next.unwrap());
        let rest = t.store.load_threads(&alice(), &rest).await.unwrap();
        assert_eq!((rest.items.len(), rest.next), (7, None));
    }

    /// A cursor of another order, owner, filter or listing, and a damaged one, is `Invalid`.
    async fn a_foreign_cursor_of_threads_is_invalid(t: &Chats) {
        for name in ["a", "b", "c"] {
            save(t, &alice().with_workflow("w"), described(name, json!({"k": 1}))).await;
        }
        save(t, &bob(), new_thread("d")).await;
        say(t, "a", ["x", "y"]).await;
        let first = PageRequest::first(1);
        let filter = ThreadFilter { workflow_id: Some("w".into()), ..Default::default() };
        let cx = alice();
        let listed = t.store.load_threads(&cx, &first).await.unwrap().next.unwrap();
        let filtered = t.store.filter_threads(&cx, &filter, &first).await.unwrap().next.unwrap();
        let items = t.store.load_thread_items(&cx, &thread("a"), &first).await.unwrap();
        let items = items.next.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        let asc = after(&listed).ordered(Order::Asc);
        assert_invalid(t.store.load_threads(&cx, &asc).await, "after");
        for other in [bob(), administrator()] {
            assert_invalid(t.store.load_threads(&other, &after(&listed)).await, "after");
            let answer = t.store.filter_threads(&other, &filter, &after(&filtered)).await;
            assert_invalid(answer, "after");
        }
        for foreign in [&filtered, &items, &"abc".parse().unwrap()] {
            assert_invalid(t.store.load_threads(&cx, &after(foreign)).await, "after");
        }
        let other = ThreadFilter { metadata_contain: Some(json!({"k": 1})), ..filter.clone() };
        assert_invalid(t.store.filter_threads(&cx, &other, &after(&filtered)).await, "after");
        assert_invalid(t.store.filter_threads(&cx, &filter, &after(&listed)).await, "after");
        let asc = after(&filtered).ordered(Order::Asc);
        assert_invalid(t.store.filter_threads(&cx, &filter, &asc).await, "after");
    }

    /// A limit outside 1 to 1000 is `Invalid`, to everything that is paged.
    async fn a_limit_of_conversations_outside_1_to_1000_is_invalid(t: &Chats) {
        let id = saved(t, "thr_1").await.id;
        for limit in [0, 1001, u32::MAX] {
            let (page, cx) = (PageRequest::first(limit), alice());
            assert_invalid(t.store.load_threads(&cx, &page).await, "limit");
            let filter = ThreadFilter::default();
            assert_invalid(t.store.filter_threads(&cx, &filter, &page).await, "limit");
            assert_invalid(t.store.load_thread_items(&cx, &id, &page).await, "limit");
            let search = store_core::chatkit::ItemSearch::everywhere("a");
            assert_invalid(t.store.search_items(&cx, &search, &page).await, "limit");
            assert_invalid(t.store.search_items(&cx, &search.ranked(), &page).await, "limit");
            assert_invalid(t.store.released_files(&page).await, "limit");
        }
    }

    /// A page of large threads ends early, and the walk still finds all.
    async fn a_walk_of_large_threads_finds_all(t: &Chats) {
        let text = "x".repeat(1024 * 1024);
        for number in 0..20 {
            save(t, &alice(), described(&format!("t{number:02}"), json!({ "text": text }))).await;
        }
        let page = t.store.load_threads(&alice(), &PageRequest::first(1000)).await.unwrap();
        assert!((1..=9).contains(&page.items.len()), "{}", page.items.len());
        let newest: Vec<_> = (0..20).rev().map(|number| format!("t{number:02}")).collect();
        assert_eq!(walk(t, &alice(), PageRequest::first(1000)).await, newest);
    }

    /// A thread that was deleted is in no list.
    async fn a_deleted_thread_is_in_no_list(t: &Chats) {
        for name in ["a", "b", "c"] {
            saved(t, name).await;
        }
        t.store.delete_thread(&alice(), &thread("b")).await.unwrap();
        assert_not_found(t.store.load_thread(&alice(), &thread("b")).await);
        assert_eq!(threads_of(t, &alice()).await, ["c", "a"]);
        assert_eq!(threads_of(t, &administrator()).await, ["c", "a"]);
    }
}
