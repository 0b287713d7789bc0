//! Searching: order, pages, ranking, and much text.

use std::time::Duration;

use store_core::chatkit::{ItemSearch, NewThreadItem};
use store_core::{Cursor, Order, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    add, administrator, alice, at, bob, found_by, item_ids, message, new_thread, save, saved, say,
    say_many, thread, wait_seconds,
};

/// Tells which items, by their number, meet a query.
type Meets = fn(usize) -> bool;

/// The threads and ids that a search finds, page by page.
async fn walk(t: &Chats, search: &ItemSearch, limit: u32) -> Vec<String> {
    let mut all = Vec::new();
    let mut request = Some(PageRequest::first(limit));
    while let Some(next) = request.take() {
        let page = t.store.search_items(&alice(), search, &next).await.expect("it is searched");
        assert!(page.items.len() <= limit as usize);
        all.extend(page.items.iter().map(|item| format!("{} {}", item.thread_id, item.id)));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

behaviours! {
    emits chatkit_search_pages_tests from chatkit::search_pages;

    /// The newest item comes first; of one instant, the greatest thread and place.
    async fn the_newest_item_is_found_first(t: &Chats) {
        for name in ["b", "a", "ä", "B"] {
            saved(t, name).await;
        }
        for (name, id, instant) in [
            ("a", "0", "12:00:00"), ("b", "1", "12:00:00"), ("a", "2", "12:00:00"),
            ("B", "3", "12:00:00"), ("ä", "4", "12:00:00"), ("a", "5", "11:00:00"),
            ("b", "6", "13:00:00"), ("a", "7", "12:00:00.000001"),
        ] {
            let created_at = Some(at(&format!("2026-03-02T{instant}Z")));
            add(t, name, NewThreadItem { created_at, ..message(id, "apple") }).await;
        }
        let expected = ["b 6", "a 7", "ä 4", "b 1", "a 2", "a 0", "B 3", "a 5"];
        for limit in [1, 2, 3, 8, 9] {
            assert_eq!(walk(t, &ItemSearch::everywhere("apple"), limit).await, expected);
        }
        let within = ItemSearch::in_thread(thread("a"), "apple");
        for limit in [1, 3, 4] {
            assert_eq!(walk(t, &within, limit).await, ["a 7", "a 2", "a 0", "a 5"]);
        }
    }

    /// Pages of what is found have no gap, whatever lies between.
    async fn pages_of_found_items_have_no_gap(t: &Chats) {
        saved(t, "thr_1").await;
        save(t, &bob(), new_thread("thr_2")).await;
        for number in 0..40 {
            let text = if number % 3 == 0 { "apple" } else { "pear" };
            for name in ["thr_1", "thr_2"] {
                add(t, name, message(&format!("{number:02}"), text)).await;
            }
            wait_seconds(t, u64::from(number % 7 == 0));
        }
        let newest = (0..40).rev().filter(|number| number % 3 == 0);
        let expected: Vec<_> = newest.map(|number| format!("thr_1 {number:02}")).collect();
        for limit in [1, 2, 5, 13, 14, 15, 1000] {
            assert_eq!(walk(t, &ItemSearch::everywhere("apple"), limit).await, expected);
        }
    }

    /// Adds and deletes between two pages make no other item come twice or not at all.
    async fn changes_between_pages_leave_the_rest(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 6).await;
        let search = ItemSearch::everywhere("number");
        let first = PageRequest::first(3);
        let page = t.store.search_items(&alice(), &search, &first).await.unwrap();
        assert_eq!(item_ids(&page.items), ["5", "4", "3"]);
        say(t, "thr_1", ["a new number"]).await;
        for gone in ["3", "1"] {
            let gone = crate::samples::item_id(gone);
            t.store.delete_thread_item(&alice(), &thread("thr_1"), &gone).await.unwrap();
        }
        let next = first.after(page.next.unwrap());
        let page = t.store.search_items(&alice(), &search, &next).await.unwrap();
        assert_eq!((item_ids(&page.items), page.next), (vec!["2", "0"], None));
    }

    /// A cursor of another search or listing, and a damaged one, is `Invalid`.
    async fn a_foreign_cursor_of_a_search_is_invalid(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 3).await;
        let first = PageRequest::first(1);
        let search = ItemSearch::everywhere("number");
        let ours = t.store.search_items(&alice(), &search, &first).await.unwrap().next.unwrap();
        let items = t.store.load_thread_items(&alice(), &thread("thr_1"), &first).await.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        let others = [
            ItemSearch::everywhere("1"),
            ItemSearch::everywhere("number 1"),
            ItemSearch::in_thread(thread("thr_1"), "number"),
        ];
        for other in others {
            assert_invalid(t.store.search_items(&alice(), &other, &after(&ours)).await, "after");
        }
        for foreign in [items.next.unwrap(), "abc".parse().unwrap()] {
            let answer = t.store.search_items(&alice(), &search, &after(&foreign)).await;
            assert_invalid(answer, "after");
        }
        for cx in [bob(), administrator()] {
            assert_invalid(t.store.search_items(&cx, &search, &after(&ours)).await, "after");
        }
    }

    /// The order `Asc` is `Invalid`, and `Desc` is what comes anyway.
    async fn a_search_has_one_direction(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 3).await;
        let search = ItemSearch::everywhere("number");
        for search in [search.clone(), search.clone().ranked()] {
            let asc = PageRequest::default().ordered(Order::Asc);
            assert_invalid(t.store.search_items(&alice(), &search, &asc).await, "order");
        }
        let desc = PageRequest::default().ordered(Order::Desc);
        let page = t.store.search_items(&alice(), &search, &desc).await.unwrap();
        assert_eq!(item_ids(&page.items), ["2", "1", "0"]);
    }

    /// A ranked search finds what the other one finds.
    async fn a_ranked_search_finds_the_same(t: &Chats) {
        for name in ["thr_1", "thr_2"] {
            saved(t, name).await;
            for number in 0..20_usize {
                let text = format!("{} pear {}", "apple ".repeat(number % 4), "x ".repeat(number));
                add(t, name, message(&number.to_string(), &text)).await;
            }
        }
        for query in ["apple", "apple pear", "\"apple pear\"", "pear -apple", "x apple -\"x x\""] {
            for search in
                [ItemSearch::everywhere(query), ItemSearch::in_thread(thread("thr_1"), query)]
            {
                let mut plain = found_by(t, &alice(), &search).await;
                let mut ranked = found_by(t, &alice(), &search.ranked()).await;
                assert!(!plain.is_empty(), "{query}");
                plain.sort_unstable();
                ranked.sort_unstable();
                assert_eq!(ranked, plain, "{query}");
            }
        }
    }

    /// A ranked search puts the item that says it most often first.
    async fn a_ranked_search_puts_the_best_first(t: &Chats) {
        saved(t, "thr_1").await;
        let filler = "filler ".repeat(50);
        for (id, times) in [("some", 5), ("most", 40), ("one", 1)] {
            let text = format!("{}{filler}", "apple ".repeat(times));
            add(t, "thr_1", message(id, &text)).await;
        }
        let search = ItemSearch::everywhere("apple");
        assert_eq!(found_by(t, &alice(), &search).await, ["one", "most", "some"]);
        assert_eq!(found_by(t, &alice(), &search.ranked()).await, ["most", "some", "one"]);
    }

    /// A ranked search has one page, of the best.
    async fn a_ranked_search_has_one_page(t: &Chats) {
        saved(t, "thr_1").await;
        for (id, times) in [("best", 30), ("good", 10), ("poor", 1)] {
            let text = format!("{}{}", "apple ".repeat(times), "x ".repeat(50));
            add(t, "thr_1", message(id, &text)).await;
        }
        let search = ItemSearch::everywhere("apple").ranked();
        let page = t.store.search_items(&alice(), &search, &PageRequest::first(2)).await.unwrap();
        assert_eq!((item_ids(&page.items), page.next), (vec!["best", "good"], None));
    }

    /// Of words that many have, and of those that few have, pages have no gap, however much there
    /// is: what is found among the newest, and what lies far behind them.
    async fn pages_of_common_and_rare_words_have_no_gap(t: &Chats) {
        let text = |number: usize| {
            let of = |every: usize, word| if number.is_multiple_of(every) { word } else { "" };
            let large = if number == 2_200 { "x".repeat(2 * 1024 * 1024) } else { String::new() };
            let (seventh, rare) = (of(7, "a seventh word"), of(900, "rare"));
            // The newest do not have this one.
            let early = if number < 1_000 { "early" } else { "" };
            format!("common {seventh} word {rare} {early} {large}")
        };
        for name in ["thr_0", "thr_1", "thr_2"] {
            save(t, &alice(), new_thread(name)).await;
            for begin in [0, 800, 1_600] {
                let here = |number: &usize| name == format!("thr_{}", number % 3);
                let numbers = (begin..begin + 800).filter(here);
                let item = |number: usize| {
                    let id = format!("{number:04}");
                    let at = noon().plus(Duration::from_secs(number as u64)).expect("an instant");
                    NewThreadItem { created_at: Some(at), ..message(&id, &text(number)) }
                };
                let items = numbers.map(item).collect();
                t.store.add_thread_items(&alice(), &thread(name), items).await.unwrap();
            }
        }
        let meets: [(&str, Meets); 8] = [
            ("common", |_| true),
            ("seventh", |number| number.is_multiple_of(7)),
            ("\"seventh word\"", |number| number.is_multiple_of(7)),
            ("common -seventh", |number| !number.is_multiple_of(7)),
            ("word -\"seventh word\"", |number| !number.is_multiple_of(7)),
            ("rare", |number| number.is_multiple_of(900)),
            ("early", |number| number < 1_000),
            ("\"common word\" seventh", |_| false),
        ];
        for (query, meets) in meets {
            let found = |number: &usize| meets(*number);
            let all = (0..2_400).rev().filter(found).map(|n| format!("thr_{} {n:04}", n % 3));
            let all: Vec<String> = all.collect();
            let one: Vec<_> = all.iter().filter(|hit| hit.starts_with("thr_1")).cloned().collect();
            for limit in [20, 333, 1000] {
                assert_eq!(walk(t, &ItemSearch::everywhere(query), limit).await, all, "{query}");
                let within = ItemSearch::in_thread(thread("thr_1"), query);
                assert_eq!(walk(t, &within, limit).await, one, "{query}");
            }
        }
    }

    /// A page of large items ends early, and the walk still finds all.
    async fn a_walk_of_large_found_items_finds_all(t: &Chats) {
        saved(t, "thr_1").await;
        let text = format!("apple {}", "x".repeat(1024 * 1024));
        for number in 0..12 {
            add(t, "thr_1", message(&format!("{number:02}"), &text)).await;
        }
        let search = ItemSearch::everywhere("apple");
        let first = PageRequest::first(1000);
        let page = t.store.search_items(&alice(), &search, &first).await.unwrap();
        assert!((1..=9).contains(&page.items.len()), "{}", page.items.len());
        let expected: Vec<_> = (0..12).rev().map(|number| format!("thr_1 {number:02}")).collect();
        assert_eq!(walk(t, &search, 1000).await, expected);
    }
}
