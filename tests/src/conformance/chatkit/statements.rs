//! How many statements an operation sends.

use serde_json::json;
use store_core::chatkit::{ItemSearch, NewThread, ThreadFilter, ThreadPrune};
use store_core::{Order, PageRequest};

use super::racing::at_once;
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    alice, attach, attachment_id, described, everything, file, file_at, file_in, form_of_item,
    item_forms, item_id, message, new_thread, saved, say_many, thread,
};

/// Counts the statements of each step.
struct Count<'a> {
    t: &'a Chats,
    before: u64,
}

impl<'a> Count<'a> {
    fn new(t: &'a Chats) -> Self {
        Self { t, before: t.statements() }
    }

    /// Returns how many statements were sent since the last call.
    fn step(&mut self) -> u64 {
        let (before, after) = (self.before, self.t.statements());
        self.before = after;
        after - before
    }

    /// Asserts that one statement was sent since the last call, on PostgreSQL.
    #[track_caller]
    fn assert_one(&mut self, what: &str) {
        self.assert_at_most(1, what);
    }

    /// Asserts that so many statements were sent since the last call at most, on PostgreSQL.
    #[track_caller]
    fn assert_at_most(&mut self, most: u64, what: &str) {
        let sent = self.step();
        assert!(self.t.place.is_sqlite() || (1..=most).contains(&sent), "{what}: {sent}");
    }
}

behaviours! {
    emits chatkit_statements_tests from chatkit::statements;

    /// On PostgreSQL a thread is saved by one statement, new or not.
    async fn a_thread_is_saved_by_one_statement(t: &Chats) {
        let full = NewThread {
            allowed_image_domains: Some(vec!["a.example".into()]),
            ..described("thr_1", everything())
        };
        let mut count = Count::new(t);
        for new in [new_thread("thr_1"), full, new_thread("thr_2")] {
            t.store.save_thread(&alice().with_workflow("w"), new).await.unwrap();
            count.assert_one("save_thread");
        }
    }

    /// On PostgreSQL an item is added by one statement, however large.
    async fn an_item_is_added_by_one_statement(t: &Chats) {
        saved(t, "thr_1").await;
        let mut count = Count::new(t);
        for text in [String::new(), "apple ".repeat(100), "x".repeat(3_000_000)] {
            let item = message(&text.len().to_string(), &text);
            t.store.add_thread_item(&alice(), &thread("thr_1"), item).await.unwrap();
            count.assert_one("add_thread_item");
        }
    }

    /// On PostgreSQL the calls of an administrator take one statement more: the owner is looked up.
    async fn an_administrators_writes_take_one_statement_more(t: &Chats) {
        saved(t, "thr_1").await;
        let (cx, id) = (crate::samples::administrator(), thread("thr_1"));
        let mut count = Count::new(t);
        t.store.save_thread(&cx, new_thread("thr_1")).await.unwrap();
        count.assert_at_most(2, "save_thread");
        t.store.add_thread_item(&cx, &id, message("a", "a")).await.unwrap();
        count.assert_at_most(2, "add_thread_item");
        let items = vec![message("b", "b"), message("c", "c")];
        t.store.add_thread_items(&cx, &id, items).await.unwrap();
        count.assert_at_most(2, "add_thread_items");
        t.store.save_item(&cx, &id, message("a", "b")).await.unwrap();
        count.assert_at_most(2, "save_item");
    }

    /// On PostgreSQL items are added by one statement, however many.
    async fn items_are_added_by_one_statement(t: &Chats) {
        saved(t, "thr_1").await;
        let id = thread("thr_1");
        let forms = item_forms("thr_1").into_iter().map(form_of_item).collect::<Vec<_>>();
        let many = (0..1000).map(|number| message(&number.to_string(), "apple")).collect();
        let mut count = Count::new(t);
        for items in [vec![message("a", "a")], forms, many] {
            t.store.add_thread_items(&alice(), &id, items).await.unwrap();
            count.assert_one("add_thread_items");
        }
    }

    /// On PostgreSQL an item is saved by one statement, new or not.
    async fn an_item_is_saved_by_one_statement(t: &Chats) {
        saved(t, "thr_1").await;
        let mut count = Count::new(t);
        for text in ["apple", "pear", ""] {
            let item = message("a", text);
            t.store.save_item(&alice(), &thread("thr_1"), item).await.unwrap();
            count.assert_one("save_item");
        }
    }

    /// On PostgreSQL many that add at once send no more statements than there are items.
    async fn many_adds_at_once_send_no_more_statements(t: &Chats) {
        saved(t, "thr_1").await;
        let before = t.statements();
        let answers = at_once(t, 64, |number, store| async move {
            let item = message(&number.to_string(), "x");
            store.add_thread_item(&alice(), &thread("thr_1"), item).await.unwrap()
        });
        assert_eq!(answers.await.len(), 64);
        if !t.place.is_sqlite() {
            assert!(t.statements() - before <= 64);
        }
    }

    /// Listings are one statement each, whatever their size and wherever the page is.
    async fn listings_are_one_statement(t: &Chats) {
        for number in 0..20 {
            saved(t, &number.to_string()).await;
        }
        say_many(t, "0", 500).await;
        let (id, item) = (thread("0"), item_id("400"));
        let cursor = t.store.cursor_after(&alice(), &id, &item, Order::Asc).await.unwrap();
        let after = PageRequest::first(50).after(cursor);
        let contain = Some(json!({"a": 1}));
        let filter = ThreadFilter { metadata_contain: contain, workflow_id: Some("w".into()) };
        let mut before = t.statements();
        let mut assert_one = |what: &str| {
            let sent = t.statements() - before;
            before += sent;
            assert_eq!(sent, 1, "{what}");
        };
        for page in [PageRequest::first(1), PageRequest::first(1000)] {
            t.store.load_threads(&alice(), &page).await.unwrap();
            assert_one("load_threads");
            t.store.filter_threads(&alice(), &filter, &page).await.unwrap();
            assert_one("filter_threads");
            t.store.load_thread_items(&alice(), &thread("0"), &page).await.unwrap();
            assert_one("load_thread_items");
        }
        t.store.load_thread_items(&alice(), &thread("0"), &after).await.unwrap();
        assert_one("load_thread_items");
        t.store.released_files(&PageRequest::default()).await.unwrap();
        assert_one("released_files");
    }

    /// On PostgreSQL what is loaded is loaded by one statement.
    async fn what_is_loaded_is_loaded_by_one_statement(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 10).await;
        attach(t, file_in("thr_1", "atc_1", "p")).await;
        let (cx, id) = (alice(), thread("thr_1"));
        let mut count = Count::new(t);
        t.store.load_thread(&cx, &id).await.unwrap();
        count.assert_one("load_thread");
        t.store.load_thread(&cx, &thread("unknown")).await.unwrap_err();
        count.assert_one("load_thread of an unknown one");
        t.store.load_item(&cx, &id, &item_id("3")).await.unwrap();
        count.assert_one("load_item");
        t.store.cursor_after(&cx, &id, &item_id("3"), Order::Desc).await.unwrap();
        count.assert_one("cursor_after");
        t.store.load_attachment(&cx, &attachment_id("atc_1")).await.unwrap();
        count.assert_one("load_attachment");
    }

    /// A search is one statement, on SQLite one more if the newest items do not have enough; one
    /// that finds nothing in a thread looks for the thread as well.
    async fn a_search_is_one_statement_if_it_finds_anything(t: &Chats) {
        saved(t, "thr_1").await;
        say_many(t, "thr_1", 200).await;
        let mut count = Count::new(t);
        for ranked in [false, true] {
            for scoped in [false, true] {
                let queries = [("nothing", 1 + u64::from(scoped)), ("7", 1), ("number", 1)];
                for (query, expected) in queries {
                    let search = match scoped {
                        true => ItemSearch::in_thread(thread("thr_1"), query),
                        false => ItemSearch::everywhere(query),
                    };
                    let search = ItemSearch { ranked, ..search };
                    let page = PageRequest::first(1000);
                    t.store.search_items(&alice(), &search, &page).await.unwrap();
                    let walk = u64::from(t.place.is_sqlite());
                    assert!(count.step() <= expected + walk, "{query}");
                }
            }
        }
    }

    /// Deletions take as many statements however much there is.
    async fn deletions_take_as_many_statements_for_much(t: &Chats) {
        let mut counts = Vec::new();
        for (name, items) in [("one", 1), ("many", 500)] {
            saved(t, name).await;
            say_many(t, name, items).await;
            for number in 0..items.min(20) {
                let path = format!("{name}/{number}");
                attach(t, file_in(name, &path, &path)).await;
            }
            let mut count = Count::new(t);
            t.store.delete_thread(&alice(), &thread(name)).await.unwrap();
            counts.push(count.step());
        }
        assert_eq!(counts[0], counts[1]);
    }

    /// What is bad is said without a statement.
    async fn what_is_bad_in_conversations_is_said_without_a_statement(t: &Chats) {
        saved(t, "thr_1").await;
        let (cx, id, page) = (alice(), thread("thr_1"), PageRequest::first(0));
        let before = t.statements();
        let bad = described("thr_1", json!({"a": "\0"}));
        t.store.save_thread(&cx, bad).await.unwrap_err();
        let bad = store_core::chatkit::NewThreadItem::new(
            item_id("a"),
            "task".parse().unwrap(),
            json!({"id": "b"}),
        );
        t.store.add_thread_item(&cx, &id, bad.clone()).await.unwrap_err();
        t.store.save_item(&cx, &id, bad.clone()).await.unwrap_err();
        t.store.add_thread_items(&cx, &id, vec![bad]).await.unwrap_err();
        t.store.save_attachment(&cx, file_at("atc_1", "\n")).await.unwrap_err();
        let large = store_core::chatkit::NewAttachment { size: Some(5_000_001), ..file("atc_1") };
        t.store.save_attachment(&cx, large).await.unwrap_err();
        t.store.load_threads(&cx, &page).await.unwrap_err();
        t.store.filter_threads(&cx, &ThreadFilter::default(), &page).await.unwrap_err();
        t.store.load_thread_items(&cx, &id, &page).await.unwrap_err();
        t.store.released_files(&page).await.unwrap_err();
        let search = ItemSearch::everywhere("-a");
        t.store.search_items(&cx, &search, &PageRequest::default()).await.unwrap_err();
        let prune = ThreadPrune { batch: 0, ..ThreadPrune::default() };
        t.store.prune(&cx, &prune).await.unwrap_err();
        t.store.forget_files(&vec![String::from("a"); 1001]).await.unwrap_err();
        assert_eq!(t.statements(), before);
    }
}
