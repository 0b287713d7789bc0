//! Attachments: saving, what stays, what conflicts.

use serde_json::json;
use store_core::chatkit::{Attachment, AttachmentType, NewAttachment, Thread};

use super::{assert_conflict, assert_not_found};
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    administrator, alice, attach, attachment_id, bob, everything, file, file_at, file_in, loaded,
    new_thread, save, saved, thread, wait_seconds,
};

/// An attachment with every field that can be given.
fn full() -> NewAttachment {
    NewAttachment {
        id: attachment_id("atc_späße & more 🎉"),
        attachment_type: AttachmentType::Image,
        name: "späße \"quoted\" 🎉.png".into(),
        mime_type: "image/png; charset=\"x\"".into(),
        size: Some(5_000_000),
        details: everything(),
        thread_id: Some(thread("thr_1")),
        storage_path: Some("2026/03/späße 'x' & \"y\" 🎉.png".into()),
    }
}

async fn read(t: &Chats, id: &str) -> Attachment {
    let read = t.store.load_attachment(&alice(), &attachment_id(id)).await;
    read.expect("the attachment is there")
}

behaviours! {
    emits chatkit_attachments_tests from chatkit::attachments;

    /// An attachment that is described by nothing else has nothing else.
    async fn a_bare_attachment_has_nothing_else(t: &Chats) {
        let stored = attach(t, file("atc_1")).await;
        assert_eq!((stored.name.as_str(), stored.mime_type.as_str()), ("a.pdf", "application/pdf"));
        assert_eq!((stored.size, stored.thread_id, stored.storage_path), (None, None, None));
        assert_eq!((stored.details, stored.created_at), (json!({}), noon()));
        assert_eq!(stored.attachment_type, AttachmentType::File);
    }

    /// Every field of an attachment comes back as it was given.
    async fn every_field_of_an_attachment_round_trips(t: &Chats) {
        saved(t, "thr_1").await;
        let stored = attach(t, full()).await;
        assert_eq!(NewAttachment::from(stored.clone()), full());
        assert_eq!(t.store.load_attachment(&alice(), &stored.id).await.unwrap(), stored);
        let reopened = t.reopened().await;
        assert_eq!(reopened.load_attachment(&alice(), &stored.id).await.unwrap(), stored);
    }

    /// An unknown attachment is `NotFound`.
    async fn an_unknown_attachment_is_not_found(t: &Chats) {
        attach(t, file("atc_1")).await;
        for id in ["atc_2", "ATC_1", "atc_1 ", "atc%", "a"] {
            assert_not_found(t.store.load_attachment(&alice(), &attachment_id(id)).await);
            assert_not_found(t.store.delete_attachment(&alice(), &attachment_id(id)).await);
        }
        let other = t.other().await;
        assert_not_found(other.load_attachment(&alice(), &attachment_id("atc_1")).await);
    }

    /// Saving again replaces the kind, the name, the media type and the details.
    async fn saving_an_attachment_again_replaces_what_it_says(t: &Chats) {
        saved(t, "thr_1").await;
        let first = attach(t, full()).await;
        wait_seconds(t, 3);
        let again = attach(t, file(first.id.as_str())).await;
        assert_eq!(again.attachment_type, AttachmentType::File);
        assert_eq!((again.name.as_str(), again.mime_type.as_str()), ("a.pdf", "application/pdf"));
        assert_eq!((again.details.clone(), again.created_at), (json!({}), noon()));
        assert_eq!(read(t, first.id.as_str()).await, again);
    }

    /// A size, a thread and a path that are not given stay.
    async fn a_size_a_thread_and_a_path_that_are_not_given_stay(t: &Chats) {
        saved(t, "thr_1").await;
        let first = attach(t, full()).await;
        let again = attach(t, file(first.id.as_str())).await;
        assert_eq!((again.size, &again.thread_id), (first.size, &first.thread_id));
        assert_eq!(again.storage_path, first.storage_path);
        assert!(crate::samples::released(t).await.is_empty());
    }

    /// A size, a thread and a path can be given later.
    async fn a_size_a_thread_and_a_path_can_be_given_later(t: &Chats) {
        saved(t, "thr_1").await;
        attach(t, file("atc_1")).await;
        let sized = attach(t, NewAttachment { size: Some(0), ..file("atc_1") }).await;
        assert_eq!((sized.size, sized.thread_id), (Some(0), None));
        let placed = attach(t, file_at("atc_1", "p")).await;
        assert_eq!((placed.size, placed.storage_path.as_deref()), (Some(0), Some("p")));
        let whole = attach(t, file_in("thr_1", "atc_1", "p")).await;
        assert_eq!(whole.thread_id, Some(thread("thr_1")));
        assert_eq!(read(t, "atc_1").await, whole);
    }

    /// A size that is given replaces the one that was.
    async fn a_size_that_is_given_replaces_the_other(t: &Chats) {
        for size in [Some(7), Some(0), Some(5_000_000)] {
            let stored = attach(t, NewAttachment { size, ..file("atc_1") }).await;
            assert_eq!(stored.size, size);
        }
    }

    /// An attachment that belongs to a thread cannot go to another one; nothing changes.
    async fn an_attachment_cannot_go_to_another_thread(t: &Chats) {
        for name in ["thr_1", "thr_2"] {
            saved(t, name).await;
        }
        let before = attach(t, file_in("thr_1", "atc_1", "p")).await;
        let moved = NewAttachment { name: "moved".into(), ..file_in("thr_2", "atc_1", "q") };
        assert_conflict(t.store.save_attachment(&alice(), moved.clone()).await);
        assert_conflict(t.store.save_attachment(&administrator(), moved).await);
        assert_eq!(read(t, "atc_1").await, before);
        assert!(crate::samples::released(t).await.is_empty());
        attach(t, file_at("atc_2", "q")).await;
    }

    /// An attachment of an unknown thread is `NotFound`, and not stored.
    async fn an_attachment_of_an_unknown_thread_is_not_found(t: &Chats) {
        save(t, &bob(), new_thread("thr_bob")).await;
        let before = attach(t, file("atc_1")).await;
        for name in ["unknown", "thr_bob"] {
            for id in ["atc_1", "atc_2"] {
                let new = file_in(name, id, "p");
                assert_not_found(t.store.save_attachment(&alice(), new).await);
            }
        }
        assert_eq!(read(t, "atc_1").await, before);
        assert_not_found(t.store.load_attachment(&alice(), &attachment_id("atc_2")).await);
        attach(t, file_at("atc_3", "p")).await;
    }

    /// No two attachments share a file, whoever they belong to.
    async fn no_two_attachments_share_a_file(t: &Chats) {
        attach(t, file_at("atc_1", "p")).await;
        let before = attach(t, file_at("atc_2", "q")).await;
        for (cx, id) in [(alice(), "atc_2"), (alice(), "atc_3"), (bob(), "atc_4")] {
            assert_conflict(t.store.save_attachment(&cx, file_at(id, "p")).await);
        }
        assert_eq!(read(t, "atc_2").await, before);
        for id in ["atc_3", "atc_4"] {
            let id = attachment_id(id);
            assert_not_found(t.store.load_attachment(&administrator(), &id).await);
        }
        assert!(crate::samples::released(t).await.is_empty());
    }

    /// An attachment that is saved again with its own path keeps it.
    async fn an_attachment_keeps_its_own_path(t: &Chats) {
        let before = attach(t, file_at("atc_1", "p")).await;
        assert_eq!(attach(t, file_at("atc_1", "p")).await, before);
        assert!(crate::samples::released(t).await.is_empty());
    }

    /// Paths are compared byte by byte.
    async fn paths_are_compared_byte_by_byte(t: &Chats) {
        let paths = ["a", "A", "ä", "a\u{308}", "a ", "./a", "a/", "%", "_", "a'"];
        for (number, path) in paths.into_iter().enumerate() {
            attach(t, file_at(&number.to_string(), path)).await;
        }
        for (number, path) in paths.into_iter().enumerate() {
            assert_eq!(read(t, &number.to_string()).await.storage_path.as_deref(), Some(path));
        }
    }

    /// A deleted attachment is gone, and its id can be used again by anyone.
    async fn a_deleted_attachment_is_gone(t: &Chats) {
        saved(t, "thr_1").await;
        attach(t, file_in("thr_1", "atc_1", "p")).await;
        attach(t, file("atc_2")).await;
        for id in ["atc_1", "atc_2"] {
            let id = attachment_id(id);
            t.store.delete_attachment(&alice(), &id).await.unwrap();
            assert_not_found(t.store.load_attachment(&alice(), &id).await);
            assert_not_found(t.store.delete_attachment(&alice(), &id).await);
        }
        wait_seconds(t, 3);
        let again = t.store.save_attachment(&bob(), file("atc_1")).await.unwrap();
        assert_eq!((again.thread_id, again.storage_path), (None, None));
        assert_eq!(again.created_at, t.clock_now());
    }

    /// Attachments do not touch their thread.
    async fn attachments_do_not_touch_their_thread(t: &Chats) {
        let before: Thread = saved(t, "thr_1").await;
        wait_seconds(t, 3);
        attach(t, file_in("thr_1", "atc_1", "p")).await;
        t.store.delete_attachment(&alice(), &attachment_id("atc_1")).await.unwrap();
        assert_eq!(loaded(t, "thr_1").await, before);
    }

    /// Ids of attachments are one space, over threads and owners.
    async fn ids_of_attachments_are_one_space(t: &Chats) {
        saved(t, "thr_1").await;
        save(t, &bob(), new_thread("thr_bob")).await;
        let before = attach(t, file_in("thr_1", "atc_1", "p")).await;
        let theirs = NewAttachment { thread_id: Some(thread("thr_bob")), ..file("atc_1") };
        assert_not_found(t.store.save_attachment(&bob(), theirs).await);
        assert_eq!(read(t, "atc_1").await, before);
    }
}
