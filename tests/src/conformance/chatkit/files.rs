//! Files of attachments: when they are released, and until when they are listed.

use serde_json::json;
use store_core::chatkit::{NewAttachment, ThreadPrune};
use store_core::{Cursor, Order, PageRequest};

use super::{assert_conflict, assert_invalid};
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    administrator, alice, attach, attachment_id, bob, file, file_at, file_in, new_thread, released,
    save, saved, thread, wait_seconds,
};

async fn delete(t: &Chats, id: &str) {
    let deleted = t.store.delete_attachment(&administrator(), &attachment_id(id)).await;
    deleted.expect("the attachment was there");
}

async fn forget<const N: usize>(t: &Chats, paths: [&str; N]) -> u64 {
    t.store.forget_files(&paths.map(str::to_owned)).await.expect("they are forgotten")
}

behaviours! {
    emits chatkit_files_tests from chatkit::files;

    /// While an attachment needs its file, it is not listed.
    async fn a_file_that_is_needed_is_not_listed(t: &Chats) {
        saved(t, "thr_1").await;
        attach(t, file_in("thr_1", "atc_1", "p")).await;
        attach(t, file_at("atc_2", "q")).await;
        assert!(released(t).await.is_empty());
        let page = t.store.released_files(&PageRequest::default()).await.unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
    }

    /// The file of a deleted attachment is released, with the instant.
    async fn the_file_of_a_deleted_attachment_is_released(t: &Chats) {
        attach(t, file_at("atc_1", "späße 'x' 🎉")).await;
        attach(t, file("atc_2")).await;
        wait_seconds(t, 3);
        delete(t, "atc_1").await;
        delete(t, "atc_2").await;
        let files = t.reopened().await.released_files(&PageRequest::default()).await.unwrap();
        let [file] = &files.items[..] else { panic!("{files:?}") };
        assert_eq!(file.storage_path, "späße 'x' 🎉");
        assert_eq!(file.released_at, t.clock_now());
        assert!(file.released_at > noon());
    }

    /// The files of a deleted thread are released, and no others.
    async fn the_files_of_a_deleted_thread_are_released(t: &Chats) {
        for name in ["thr_1", "thr_2"] {
            saved(t, name).await;
        }
        for (name, id, path) in [("thr_1", "1", "a"), ("thr_2", "2", "b"), ("thr_1", "3", "c")] {
            attach(t, file_in(name, id, path)).await;
        }
        attach(t, NewAttachment { thread_id: Some(thread("thr_1")), ..file("4") }).await;
        attach(t, file_at("5", "d")).await;
        t.store.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        assert_eq!(released(t).await, ["a", "c"]);
    }

    /// The files of pruned threads and attachments are released.
    async fn the_files_of_what_was_pruned_are_released(t: &Chats) {
        saved(t, "thr_1").await;
        attach(t, file_in("thr_1", "1", "in")).await;
        attach(t, file_at("2", "out")).await;
        wait_seconds(t, 10);
        attach(t, file_at("3", "new")).await;
        let request = ThreadPrune::before(t.clock_now());
        t.store.prune(&alice(), &request.clone().dry_run()).await.unwrap();
        assert!(released(t).await.is_empty());
        t.store.prune(&alice(), &request).await.unwrap();
        assert_eq!(released(t).await, ["in", "out"]);
    }

    /// Another path releases the file at the old one.
    async fn another_path_releases_the_old_file(t: &Chats) {
        for path in ["a", "b", "c"] {
            attach(t, file_at("atc_1", path)).await;
            wait_seconds(t, 1);
        }
        assert_eq!(released(t).await, ["a", "b"]);
        delete(t, "atc_1").await;
        assert_eq!(released(t).await, ["a", "b", "c"]);
    }

    /// A path that is listed cannot be used again, not even by the attachment that had it.
    async fn a_listed_path_cannot_be_used_again(t: &Chats) {
        attach(t, file_at("atc_1", "a")).await;
        let before = attach(t, file_at("atc_1", "b")).await;
        for (cx, id) in [(alice(), "atc_1"), (alice(), "atc_2"), (bob(), "atc_3")] {
            assert_conflict(t.store.save_attachment(&cx, file_at(id, "a")).await);
        }
        assert_eq!(released(t).await, ["a"]);
        let read = t.store.load_attachment(&alice(), &before.id).await.unwrap();
        assert_eq!(read, before);
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_attachments").await, 1);
    }

    /// A path that was forgotten can be used again.
    async fn a_forgotten_path_can_be_used_again(t: &Chats) {
        attach(t, file_at("atc_1", "a")).await;
        delete(t, "atc_1").await;
        assert_eq!(forget(t, ["a"]).await, 1);
        let again = attach(t, file_at("atc_1", "a")).await;
        assert_eq!(again.storage_path.as_deref(), Some("a"));
        assert!(released(t).await.is_empty());
    }

    /// Forgetting takes off the list what is named, and counts what was on it.
    async fn forgetting_takes_files_off_the_list(t: &Chats) {
        for path in ["a", "b", "c", "it's"] {
            attach(t, file_at(path, path)).await;
            delete(t, path).await;
        }
        assert_eq!(forget(t, ["b", "unknown", "b", "it's", "A", "%"]).await, 2);
        assert_eq!(released(t).await, ["a", "c"]);
        assert_eq!(forget(t, ["b"]).await, 0);
        assert_eq!(forget(t, []).await, 0);
        assert_eq!(forget(t, ["c", "a"]).await, 2);
        assert!(released(t).await.is_empty());
    }

    /// Files of attachments are not forgotten.
    async fn files_of_attachments_are_not_forgotten(t: &Chats) {
        let before = attach(t, file_at("atc_1", "a")).await;
        assert_eq!(forget(t, ["a"]).await, 0);
        let read = t.store.load_attachment(&alice(), &before.id).await.unwrap();
        assert_eq!(read, before);
        assert_conflict(t.store.save_attachment(&alice(), file_at("atc_2", "a")).await);
    }

    /// A path that no file can have is on no list.
    async fn a_path_that_no_file_can_have_is_on_no_list(t: &Chats) {
        attach(t, file_at("atc_1", "a")).await;
        delete(t, "atc_1").await;
        let long = "x".repeat(5000);
        assert_eq!(forget(t, ["", "\u{1}", "a\n", &long]).await, 0);
        assert_eq!(forget(t, ["a\0", "\0", "a"]).await, 1);
    }

    /// At most 1,000 are forgotten at once.
    async fn at_most_1000_files_are_forgotten_at_once(t: &Chats) {
        attach(t, file_at("atc_1", "7")).await;
        delete(t, "atc_1").await;
        let paths: Vec<String> = (0..1001).map(|number: i32| number.to_string()).collect();
        assert_invalid(t.store.forget_files(&paths).await, "storage_paths");
        assert_eq!(released(t).await, ["7"]);
        assert_eq!(t.store.forget_files(&paths[..1000]).await.unwrap(), 1);
    }

    /// Files are listed in the order of their release; those of one instant by path.
    async fn files_are_listed_in_the_order_of_their_release(t: &Chats) {
        for path in ["c", "a", "ä", "B", "b", "d"] {
            attach(t, file_at(path, path)).await;
        }
        delete(t, "d").await;
        wait_seconds(t, 1);
        for path in ["c", "a", "ä", "B", "b"] {
            delete(t, path).await;
        }
        assert_eq!(released(t).await, ["d", "B", "a", "b", "c", "ä"]);
    }

    /// Files of all owners are listed.
    async fn files_of_all_owners_are_listed(t: &Chats) {
        for (cx, name) in [(alice(), "a"), (bob(), "b")] {
            save(t, &cx, new_thread(name)).await;
            t.store.save_attachment(&cx, file_in(name, name, name)).await.unwrap();
            t.store.delete_thread(&cx, &thread(name)).await.unwrap();
        }
        assert_eq!(released(t).await, ["a", "b"]);
    }

    /// Pages of files follow each other without gap, though the files of a page are forgotten.
    async fn pages_of_files_have_no_gap(t: &Chats) {
        for number in 0..7 {
            let path = number.to_string();
            attach(t, file_at(&path, &path)).await;
            delete(t, &path).await;
            wait_seconds(t, u64::from(number % 2 == 0));
        }
        for forgetting in [false, true] {
            let mut walked = Vec::new();
            let mut request = Some(PageRequest::first(2));
            while let Some(next) = request.take() {
                let page = t.store.released_files(&next).await.unwrap();
                assert!(page.items.len() <= 2);
                let paths: Vec<_> = page.items.into_iter().map(|f| f.storage_path).collect();
                if forgetting {
                    t.store.forget_files(&paths).await.unwrap();
                }
                walked.extend(paths);
                request = page.next.map(|cursor| next.after(cursor));
            }
            assert_eq!(walked, ["0", "1", "2", "3", "4", "5", "6"]);
        }
        assert!(released(t).await.is_empty());
    }

    /// A cursor of another listing, and a damaged one, is `Invalid`.
    async fn a_foreign_cursor_of_files_is_invalid(t: &Chats) {
        for name in ["a", "b"] {
            saved(t, name).await;
            attach(t, file_at(name, name)).await;
            delete(t, name).await;
        }
        let first = PageRequest::first(1);
        let threads = t.store.load_threads(&alice(), &first).await.unwrap().next.unwrap();
        let files = t.store.released_files(&first).await.unwrap().next.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        for foreign in [&threads, &"abc".parse().unwrap()] {
            assert_invalid(t.store.released_files(&after(foreign)).await, "after");
        }
        assert_invalid(t.store.load_threads(&alice(), &after(&files)).await, "after");
        let desc = after(&files).ordered(Order::Desc);
        assert_invalid(t.store.released_files(&desc).await, "after");
    }

    /// An attachment that was refused leaves no file behind.
    async fn an_attachment_that_was_refused_leaves_no_file(t: &Chats) {
        let bad = [
            NewAttachment { size: Some(-1), ..file_at("atc_1", "p") },
            NewAttachment { details: json!([]), ..file_at("atc_1", "p") },
            file_in("unknown", "atc_1", "p"),
        ];
        for bad in bad {
            t.store.save_attachment(&alice(), bad).await.unwrap_err();
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_files").await, 0);
        attach(t, file_at("atc_2", "p")).await;
    }
}
