//! Searching: where, whose, and what was changed or deleted since.

use serde_json::json;
use store_core::PageRequest;
use store_core::chatkit::{ItemSearch, ThreadPrune};

use super::assert_not_found;
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    add, administrator, alice, bob, form_of_item, found, found_by, item_id, items_of, message,
    new_thread, save, saved, say, thread, wait_seconds,
};

/// On SQLite, asks the index whether it holds the words of the table and no others.
async fn assert_index_is_whole(t: &Chats) {
    if t.place.is_sqlite() {
        let check = "INSERT INTO chatkit_item_search (chatkit_item_search, rank) \
                     VALUES ('integrity-check', 1)";
        t.sql(check).await;
    }
}

behaviours! {
    emits chatkit_search_scope_tests from chatkit::search_scope;

    /// A search in a thread finds items of that thread alone.
    async fn a_search_in_a_thread_finds_items_of_that_thread(t: &Chats) {
        for name in ["thr_1", "thr_2", "thr_3"] {
            saved(t, name).await;
        }
        say(t, "thr_1", ["apple"]).await;
        say(t, "thr_2", ["red apple", "pear"]).await;
        let within = async |name: &str, query: &str| {
            found_by(t, &alice(), &ItemSearch::in_thread(thread(name), query)).await
        };
        assert_eq!(within("thr_1", "apple").await, ["apple"]);
        assert_eq!(within("thr_2", "apple").await, ["red apple"]);
        assert!(within("thr_1", "pear").await.is_empty());
        assert!(within("thr_3", "apple").await.is_empty());
        assert_eq!(found(t, "apple").await.len(), 2);
    }

    /// Owners find their own items; an administrator finds all.
    async fn owners_find_their_own_items(t: &Chats) {
        saved(t, "a").await;
        save(t, &bob(), new_thread("b")).await;
        say(t, "a", ["from alice"]).await;
        say(t, "b", ["from bob"]).await;
        let everywhere = ItemSearch::everywhere("from");
        assert_eq!(found_by(t, &alice(), &everywhere).await, ["from alice"]);
        assert_eq!(found_by(t, &bob(), &everywhere).await, ["from bob"]);
        assert_eq!(found_by(t, &administrator(), &everywhere).await, ["from bob", "from alice"]);
        assert_eq!(found_by(t, &bob(), &everywhere.ranked()).await, ["from bob"]);
        let theirs = ItemSearch::in_thread(thread("b"), "from");
        assert_eq!(found_by(t, &administrator(), &theirs).await, ["from bob"]);
    }

    /// The scope of an unknown thread, or of another owner's, is `NotFound`.
    async fn the_scope_of_an_unknown_thread_is_not_found(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["apple"]).await;
        let page = PageRequest::default();
        for (cx, name) in [(alice(), "thr_2"), (bob(), "thr_1"), (administrator(), "thr_2")] {
            for query in ["apple", "nothing"] {
                let search = ItemSearch::in_thread(thread(name), query);
                assert_not_found(t.store.search_items(&cx, &search, &page).await);
                assert_not_found(t.store.search_items(&cx, &search.ranked(), &page).await);
            }
        }
    }

    /// A thread that was made anew by another owner is not found with what it said before.
    async fn a_thread_made_anew_is_not_found_with_its_past(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["past"]).await;
        t.store.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        save(t, &bob(), new_thread("thr_1")).await;
        say(t, "thr_1", ["present"]).await;
        let in_thread = |query: &str| ItemSearch::in_thread(thread("thr_1"), query);
        assert!(found_by(t, &bob(), &in_thread("past")).await.is_empty());
        assert_eq!(found_by(t, &bob(), &in_thread("present")).await, ["present"]);
        assert!(found(t, "present").await.is_empty());
        assert_index_is_whole(t).await;
    }

    /// A saved item is found by its new text, and not by its old one.
    async fn a_saved_item_is_found_by_its_new_text(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["old words", "other"]).await;
        let save = async |item| {
            t.store.save_item(&alice(), &thread("thr_1"), item).await.unwrap();
        };
        save(message("old words", "new words")).await;
        assert_eq!(found(t, "new").await, ["old words"]);
        assert_eq!(found(t, "words").await, ["old words"]);
        assert!(found(t, "old").await.is_empty());
        save(message("old words", "")).await;
        assert!(found(t, "words").await.is_empty());
        save(message("old words", "back again")).await;
        assert_eq!(found(t, "back").await, ["old words"]);
        save(message("added", "by saving")).await;
        assert_eq!(found(t, "saving").await, ["added"]);
        assert_index_is_whole(t).await;
    }

    /// An item that is saved with the same text is still found, once.
    async fn an_item_saved_unchanged_is_found_once(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["a"]).await;
        for _ in 0..3 {
            let item = message("a", "a");
            t.store.save_item(&alice(), &thread("thr_1"), item).await.unwrap();
            assert_eq!(found(t, "a").await, ["a"]);
        }
        assert_index_is_whole(t).await;
    }

    /// An item that becomes hidden is not found any more, and one that becomes visible is.
    async fn an_item_that_becomes_hidden_is_not_found(t: &Chats) {
        saved(t, "thr_1").await;
        let of_type = |item_type: &str| {
            let content = json!([{"type": "output_text", "text": "apple"}]);
            form_of_item(json!({"id": "a", "type": item_type, "content": content}))
        };
        let hidden = ["hidden_context_item", "sdk_hidden_context", "hologram", "end_of_turn"];
        for item_type in hidden {
            for (item_type, count) in [("assistant_message", 1), (item_type, 0)] {
                let item = of_type(item_type);
                t.store.save_item(&alice(), &thread("thr_1"), item).await.unwrap();
                assert_eq!(found(t, "apple").await.len(), count, "{item_type}");
            }
        }
        assert_index_is_whole(t).await;
    }

    /// A deleted item is not found.
    async fn a_deleted_item_is_not_found(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["apple one", "apple two"]).await;
        let gone = item_id("apple one");
        t.store.delete_thread_item(&alice(), &thread("thr_1"), &gone).await.unwrap();
        assert_eq!(found(t, "apple").await, ["apple two"]);
        assert!(found(t, "one").await.is_empty());
        assert_index_is_whole(t).await;
    }

    /// Items of deleted and pruned threads are not found.
    async fn items_of_threads_that_are_gone_are_not_found(t: &Chats) {
        for name in ["deleted", "pruned"] {
            saved(t, name).await;
            say(t, name, ["apple", "pear"]).await;
        }
        wait_seconds(t, 5);
        saved(t, "kept").await;
        say(t, "kept", ["apple pie"]).await;
        t.store.delete_thread(&alice(), &thread("deleted")).await.unwrap();
        assert_eq!(found(t, "apple").await, ["apple pie", "apple"]);
        t.store.prune(&alice(), &ThreadPrune::before(t.clock_now())).await.unwrap();
        assert_eq!(found(t, "apple").await, ["apple pie"]);
        assert!(found_by(t, &administrator(), &ItemSearch::everywhere("pear")).await.is_empty());
        assert_index_is_whole(t).await;
    }

    /// Items of a batch are found, each by its own text.
    async fn items_of_a_batch_are_found(t: &Chats) {
        saved(t, "thr_1").await;
        let items = (0..50).map(|n| message(&n.to_string(), &format!("word{n} common"))).collect();
        t.store.add_thread_items(&alice(), &thread("thr_1"), items).await.unwrap();
        assert_eq!(found(t, "word17").await, ["17"]);
        assert_eq!(found(t, "common").await.len(), 50);
    }

    /// The item that is found is the one that is stored.
    async fn the_item_that_is_found_is_the_one_that_is_stored(t: &Chats) {
        saved(t, "thr_1").await;
        say(t, "thr_1", ["apple"]).await;
        let search = ItemSearch::everywhere("apple");
        for search in [search.clone(), search.ranked()] {
            let page = t.store.search_items(&alice(), &search, &Default::default()).await.unwrap();
            assert_eq!(page.items, items_of(t, "thr_1").await);
        }
    }

    /// The title and the metadata of a thread are no text of its items.
    async fn titles_of_threads_are_not_searched(t: &Chats) {
        let new = store_core::chatkit::NewThread {
            title: Some("apple".into()),
            metadata: json!({"pear": "plum"}),
            ..new_thread("thr_1")
        };
        save(t, &alice(), new).await;
        add(t, "thr_1", message("a", "nut")).await;
        for query in ["apple", "pear", "plum", "alice"] {
            assert!(found(t, query).await.is_empty(), "{query}");
        }
    }
}
