//! Bad attachments, and the longest that are good.

use serde_json::json;
use store_core::chatkit::NewAttachment;
use store_core::{AttachmentId, ItemId, OwnerId, ThreadId};

use super::assert_invalid;
use super::input::{bad_json, bad_names, nested};
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{
    add, alice, attach, attachment_id, file, file_at, item_id, items_of, message, new_thread, save,
    thread,
};

behaviours! {
    emits chatkit_attachment_input_tests from chatkit::attachment_input;

    /// A bad field of an attachment is `Invalid`, names it, and nothing is stored.
    async fn a_bad_attachment_stores_nothing(t: &Chats) {
        let before = attach(t, file_at("atc_1", "p")).await;
        let base = || file("atc_1");
        let mut bad = Vec::new();
        for name in bad_names(1024) {
            bad.push((NewAttachment { name: name.clone(), ..base() }, "name"));
            bad.push((NewAttachment { storage_path: Some(name), ..base() }, "storage_path"));
        }
        for mime_type in bad_names(255) {
            bad.push((NewAttachment { mime_type, ..base() }, "mime_type"));
        }
        for size in [-1, i64::MIN, 5_000_001, i64::MAX] {
            bad.push((NewAttachment { size: Some(size), ..base() }, "size"));
        }
        for details in bad_json() {
            bad.push((NewAttachment { details, ..base() }, "details"));
        }
        for (bad, field) in bad {
            assert_invalid(t.store.save_attachment(&alice(), bad.clone()).await, field);
            let new = NewAttachment { id: attachment_id("atc_2"), ..bad };
            assert_invalid(t.store.save_attachment(&alice(), new).await, field);
        }
        assert_eq!(t.store.load_attachment(&alice(), &before.id).await.unwrap(), before);
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_attachments").await, 1);
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_files").await, 1);
    }

    /// What just fits in an attachment is kept.
    async fn what_just_fits_in_an_attachment_is_kept(t: &Chats) {
        let longest = [("n".repeat(1024), "m".repeat(255)), ("ä".repeat(512), " ".into())];
        for (name, mime_type) in longest {
            let new = NewAttachment {
                name: name.clone(),
                mime_type,
                size: Some(5_000_000),
                details: json!({ "a": nested(99) }),
                storage_path: Some(name.clone()),
                ..file(&name[..254])
            };
            assert_eq!(NewAttachment::from(attach(t, new.clone()).await), new);
        }
    }

    /// Ids have 1 to 255 bytes without control characters; the longest are kept.
    async fn the_longest_ids_are_kept(t: &Chats) {
        for bad in bad_names(255) {
            assert!(ThreadId::new(bad.clone()).is_err(), "{bad:?}");
            assert!(ItemId::new(bad.clone()).is_err(), "{bad:?}");
            assert!(AttachmentId::new(bad.clone()).is_err(), "{bad:?}");
            assert!(OwnerId::new(bad).is_err());
        }
        for longest in ["x".repeat(255), format!("{}x", "ä".repeat(127))] {
            let cx = crate::samples::acting_for(&longest);
            save(t, &cx, new_thread(&longest)).await;
            add(t, &longest, message(&longest, "apple")).await;
            let new = NewAttachment { thread_id: Some(thread(&longest)), ..file(&longest) };
            t.store.save_attachment(&cx, new).await.unwrap();
            let id = thread(&longest);
            let item = t.store.load_item(&cx, &id, &item_id(&longest)).await.unwrap();
            assert_eq!(items_of(t, &longest).await, [item]);
            t.store.load_attachment(&cx, &attachment_id(&longest)).await.unwrap();
            let search = store_core::chatkit::ItemSearch::in_thread(id.clone(), "apple");
            assert_eq!(crate::samples::found_by(t, &cx, &search).await, [longest.as_str()]);
            t.store.delete_thread(&cx, &id).await.unwrap();
        }
    }
}
