//! Owners: what is another's does not exist, and an administrator sees all.

use store_core::chatkit::{ChatContext, ItemSearch, NewAttachment, ThreadPrune, ThreadPruneReport};
use store_core::{Order, PageRequest};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    acting_for, administrator, alice, attach, attachment_id, bob, described, file, file_at,
    file_in, found_by, item_id, items_of, loaded, message, new_thread, released, save, saved, say,
    thread, threads_of, wait_seconds,
};

/// Everything that is stored, as the administrator sees it.
async fn all_rows(t: &Chats) -> Vec<Vec<Vec<String>>> {
    let mut all = Vec::new();
    for (table, key) in [
        ("chatkit_threads", "thread_id"),
        ("chatkit_items", "thread_id, ordinal"),
        ("chatkit_attachments", "attachment_id"),
        ("chatkit_files", "storage_path"),
    ] {
        let columns = match table {
            "chatkit_threads" => "thread_id, owner, title, next_ordinal, updated_at, workflow_id",
            "chatkit_items" => "thread_id, item_id, ordinal, content, created_at",
            "chatkit_attachments" => "attachment_id, owner, name, thread_id, size",
            _ => "storage_path, attachment_id, released_at",
        };
        all.push(t.place.rows(&format!("SELECT {columns} FROM {table} ORDER BY {key}")).await);
    }
    all
}

/// A thread of Alice with items and an attachment, and an attachment without a thread.
async fn belongings(t: &Chats) {
    saved(t, "thr_1").await;
    say(t, "thr_1", ["a", "b"]).await;
    attach(t, file_in("thr_1", "atc_1", "in")).await;
    attach(t, file_at("atc_2", "out")).await;
}

behaviours! {
    emits chatkit_owners_tests from chatkit::owners;

    /// Another owner reads nothing of a thread.
    async fn another_owner_reads_nothing(t: &Chats) {
        belongings(t).await;
        let (id, page) = (thread("thr_1"), PageRequest::default());
        for cx in [bob(), acting_for("Alice"), acting_for("alice "), acting_for("%")] {
            assert_not_found(t.store.load_thread(&cx, &id).await);
            assert_not_found(t.store.load_thread_items(&cx, &id, &page).await);
            assert_not_found(t.store.load_item(&cx, &id, &item_id("a")).await);
            assert_not_found(t.store.cursor_after(&cx, &id, &item_id("a"), Order::Asc).await);
            let search = ItemSearch::in_thread(id.clone(), "a");
            assert_not_found(t.store.search_items(&cx, &search, &page).await);
            assert_not_found(t.store.load_attachment(&cx, &attachment_id("atc_1")).await);
            assert_not_found(t.store.load_attachment(&cx, &attachment_id("atc_2")).await);
            assert!(threads_of(t, &cx).await.is_empty());
            let all = t.store.filter_threads(&cx, &Default::default(), &page).await.unwrap();
            assert!(all.items.is_empty());
            assert!(found_by(t, &cx, &ItemSearch::everywhere("a")).await.is_empty());
        }
    }

    /// Another owner changes nothing of a thread, its items and its attachments.
    async fn another_owner_changes_nothing(t: &Chats) {
        belongings(t).await;
        let before = all_rows(t).await;
        wait_seconds(t, 5);
        let (id, cx, item) = (thread("thr_1"), bob().with_workflow("w"), || message("a", "new"));
        assert_not_found(t.store.save_thread(&cx, new_thread("thr_1")).await);
        assert_not_found(t.store.delete_thread(&cx, &id).await);
        assert_not_found(t.store.add_thread_item(&cx, &id, item()).await);
        assert_not_found(t.store.add_thread_item(&cx, &id, message("c", "c")).await);
        assert_not_found(t.store.add_thread_items(&cx, &id, vec![item()]).await);
        let two = vec![message("c", "c"), message("d", "d")];
        assert_not_found(t.store.add_thread_items(&cx, &id, two).await);
        assert_not_found(t.store.save_item(&cx, &id, item()).await);
        assert_not_found(t.store.save_item(&cx, &id, message("c", "c")).await);
        assert_not_found(t.store.delete_thread_item(&cx, &id, &item_id("a")).await);
        for atc in ["atc_1", "atc_2"] {
            assert_not_found(t.store.delete_attachment(&cx, &attachment_id(atc)).await);
            assert_not_found(t.store.save_attachment(&cx, file(atc)).await);
            assert_not_found(t.store.save_attachment(&cx, file_at(atc, "elsewhere")).await);
        }
        let intruder = NewAttachment { thread_id: Some(id), ..file("atc_3") };
        assert_not_found(t.store.save_attachment(&cx, intruder).await);
        assert_not_found(t.store.load_attachment(&cx, &attachment_id("atc_3")).await);
        assert_eq!(all_rows(t).await, before);
    }

    /// Adding no items to another owner's thread is `NotFound` as well.
    async fn adding_nothing_to_anothers_thread_is_not_found(t: &Chats) {
        saved(t, "thr_1").await;
        let id = thread("thr_1");
        assert_not_found(t.store.add_thread_items(&bob(), &id, vec![]).await);
        assert_not_found(t.store.add_thread_items(&alice(), &thread("unknown"), vec![]).await);
    }

    /// A prune of one owner leaves what is another's.
    async fn a_prune_leaves_what_is_anothers(t: &Chats) {
        belongings(t).await;
        save(t, &bob(), new_thread("thr_bob")).await;
        wait_seconds(t, 5);
        let before = all_rows(t).await;
        let none = ThreadPruneReport::default();
        let everything = ThreadPrune { max_threads: Some(0), ..ThreadPrune::before(t.clock_now()) };
        let report = t.store.prune(&acting_for("carol"), &everything).await.unwrap();
        assert_eq!((report, all_rows(t).await), (none, before));
        let report = t.store.prune(&bob(), &everything).await.unwrap();
        assert_eq!(report, ThreadPruneReport { threads: 1, ..none });
        assert_eq!(threads_of(t, &administrator()).await, ["thr_1"]);
        assert!(released(t).await.is_empty());
    }

    /// A thread belongs to who first saved it, whoever deletes it and saves it again.
    async fn a_thread_belongs_to_who_first_saved_it(t: &Chats) {
        saved(t, "thr_1").await;
        assert_not_found(t.store.save_thread(&bob(), new_thread("thr_1")).await);
        t.store.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        save(t, &bob(), new_thread("thr_1")).await;
        assert_not_found(t.store.load_thread(&alice(), &thread("thr_1")).await);
        assert_not_found(t.store.save_thread(&alice(), new_thread("thr_1")).await);
        assert_eq!(threads_of(t, &bob()).await, ["thr_1"]);
    }

    /// Threads of many owners are in no common list but the administrator's.
    async fn everyone_lists_their_own_threads(t: &Chats) {
        for (owner, name) in [("alice", "a"), ("bob", "b"), ("alice", "c"), ("späße 🎉", "d")]
        {
            save(t, &acting_for(owner), new_thread(name)).await;
        }
        assert_eq!(threads_of(t, &alice()).await, ["c", "a"]);
        assert_eq!(threads_of(t, &bob()).await, ["b"]);
        assert_eq!(threads_of(t, &acting_for("späße 🎉")).await, ["d"]);
        assert_eq!(threads_of(t, &administrator()).await, ["d", "c", "b", "a"]);
    }

    /// An administrator reads what is anyone's.
    async fn an_administrator_reads_all(t: &Chats) {
        belongings(t).await;
        let (id, page, cx) = (thread("thr_1"), PageRequest::default(), administrator());
        assert_eq!(t.store.load_thread(&cx, &id).await.unwrap(), loaded(t, "thr_1").await);
        let items = t.store.load_thread_items(&cx, &id, &page).await.unwrap().items;
        assert_eq!(items, items_of(t, "thr_1").await);
        t.store.load_item(&cx, &id, &item_id("a")).await.unwrap();
        t.store.cursor_after(&cx, &id, &item_id("a"), Order::Desc).await.unwrap();
        for atc in ["atc_1", "atc_2"] {
            t.store.load_attachment(&cx, &attachment_id(atc)).await.unwrap();
        }
        let search = ItemSearch::in_thread(id, "a");
        assert_eq!(found_by(t, &cx, &search).await, ["a"]);
        assert_eq!(found_by(t, &cx, &ItemSearch::everywhere("a")).await, ["a"]);
        let all = t.store.filter_threads(&cx, &Default::default(), &page).await.unwrap();
        assert_eq!(all.items.len(), 1);
    }

    /// An administrator changes what is anyone's, and it stays theirs.
    async fn what_an_administrator_changes_stays_the_owners(t: &Chats) {
        belongings(t).await;
        let (id, cx) = (thread("thr_1"), administrator());
        let new = described("thr_1", serde_json::json!({"by": "admin"}));
        t.store.save_thread(&cx, new).await.unwrap();
        t.store.add_thread_item(&cx, &id, message("c", "gamma")).await.unwrap();
        t.store.save_item(&cx, &id, message("a", "alpha")).await.unwrap();
        t.store.save_item(&cx, &id, message("d", "delta")).await.unwrap();
        t.store.delete_thread_item(&cx, &id, &item_id("b")).await.unwrap();
        t.store.save_attachment(&cx, file("atc_2")).await.unwrap();
        let thread = t.store.load_thread(&alice(), &id).await.unwrap();
        assert_eq!(thread.metadata["by"], "admin");
        for word in ["alpha", "gamma", "delta"] {
            assert_eq!(found_by(t, &alice(), &ItemSearch::everywhere(word)).await.len(), 1);
            assert!(found_by(t, &bob(), &ItemSearch::everywhere(word)).await.is_empty());
        }
        t.store.load_attachment(&alice(), &attachment_id("atc_2")).await.unwrap();
        t.store.delete_thread(&cx, &id).await.unwrap();
        t.store.delete_attachment(&cx, &attachment_id("atc_2")).await.unwrap();
        assert_not_found(t.store.load_thread(&alice(), &id).await);
    }

    /// An administrator cannot put an attachment into another owner's thread.
    async fn an_attachment_cannot_go_to_another_owners_thread(t: &Chats) {
        belongings(t).await;
        save(t, &bob(), new_thread("thr_bob")).await;
        let moved = NewAttachment { thread_id: Some(thread("thr_bob")), ..file("atc_2") };
        assert_not_found(t.store.save_attachment(&administrator(), moved).await);
        let read = t.store.load_attachment(&alice(), &attachment_id("atc_2")).await.unwrap();
        assert_eq!(read.thread_id, None);
    }

    /// An administrator makes nothing that needs an owner.
    async fn an_administrator_makes_nothing_that_needs_an_owner(t: &Chats) {
        saved(t, "thr_1").await;
        let cx = ChatContext::administrator().with_workflow("w");
        assert_invalid(t.store.save_thread(&cx, new_thread("thr_2")).await, "owner");
        assert_invalid(t.store.save_attachment(&cx, file_at("atc_1", "p")).await, "owner");
        let attached = file_in("thr_1", "atc_1", "p");
        assert_invalid(t.store.save_attachment(&cx, attached).await, "owner");
        assert_eq!(threads_of(t, &cx).await, ["thr_1"]);
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_attachments").await, 0);
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_files").await, 0);
    }
}
