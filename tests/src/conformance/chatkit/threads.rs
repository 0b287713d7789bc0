//! Threads: saving, loading, what is kept and what is replaced.

use serde_json::json;
use store_core::chatkit::{NewThread, ThreadStatus};

use super::assert_not_found;
use crate::behaviours;
use crate::fixture::{Chats, noon};
use crate::samples::{
    add, administrator, alice, at, described, everything, file_in, item_ids, items_of, loaded,
    message, new_thread, ordinals, save, saved, say, thread, wait_seconds,
};

/// A thread with every field that can be given.
fn full() -> NewThread {
    NewThread {
        id: thread("thr_späße & more 🎉"),
        title: Some("Späße: \"quotes\", 日本語\n\tand a tab".into()),
        status: ThreadStatus::Locked { reason: Some("Zu \"viel\" 🎉".into()) },
        metadata: everything(),
        allowed_image_domains: Some(vec![
            "a.example".into(),
            "bücher.example".into(),
            "it's".into(),
        ]),
        workflow_id: Some("wf späße".into()),
        created_at: Some(at("2025-12-31T23:59:59.999999Z")),
        extra: everything(),
    }
}

behaviours! {
    emits chatkit_threads_tests from chatkit::threads;

    /// A thread with nothing but its id is active, empty, and begins now.
    async fn a_bare_thread_is_active_and_begins_now(t: &Chats) {
        let thread = saved(t, "thr_1").await;
        assert_eq!(thread.id.as_str(), "thr_1");
        assert_eq!((thread.title, thread.status), (None, ThreadStatus::Active));
        assert_eq!((thread.metadata, thread.extra), (json!({}), json!({})));
        assert_eq!((thread.allowed_image_domains, thread.workflow_id), (None, None));
        assert_eq!((thread.created_at, thread.updated_at), (noon(), noon()));
    }

    /// Every field of a thread comes back as it was given.
    async fn every_field_of_a_thread_round_trips(t: &Chats) {
        let stored = save(t, &alice(), full()).await;
        assert_eq!(NewThread::from(stored.clone()), full());
        assert_eq!(stored.updated_at, noon());
        assert_eq!(t.store.load_thread(&alice(), &stored.id).await.unwrap(), stored);
        let reopened = t.reopened().await;
        assert_eq!(reopened.load_thread(&alice(), &stored.id).await.unwrap(), stored);
    }

    /// A thread that was never saved is `NotFound`.
    async fn an_unknown_thread_is_not_found(t: &Chats) {
        saved(t, "thr_1").await;
        for name in ["thr_2", "thr_", "thr_11", "THR_1", "thr%", "thr_1 "] {
            assert_not_found(t.store.load_thread(&alice(), &thread(name)).await);
            assert_not_found(t.store.delete_thread(&alice(), &thread(name)).await);
        }
    }

    /// Saving again replaces what the thread says, with nothing where nothing is given.
    async fn saving_again_replaces_what_the_thread_says(t: &Chats) {
        let first = save(t, &alice(), full()).await;
        let bare = save(t, &alice(), NewThread::new(first.id.clone())).await;
        assert_eq!((bare.title.clone(), bare.status.clone()), (None, ThreadStatus::Active));
        assert_eq!((bare.metadata.clone(), bare.extra.clone()), (json!({}), json!({})));
        assert_eq!(bare.allowed_image_domains, None);
        assert_eq!(t.store.load_thread(&alice(), &first.id).await.unwrap(), bare);
        let again = save(t, &alice(), full()).await;
        assert_eq!(again, first);
    }

    /// The instant of creation stays, whatever a later save says.
    async fn saving_again_keeps_the_instant_of_creation(t: &Chats) {
        let began = at("2026-01-01T00:00:00.000001Z");
        save(t, &alice(), NewThread { created_at: Some(began), ..new_thread("thr_1") }).await;
        let (before, after) = (at("2020-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z"));
        for created_at in [None, Some(before), Some(after)] {
            let thread = save(t, &alice(), NewThread { created_at, ..new_thread("thr_1") }).await;
            assert_eq!(thread.created_at, began);
        }
        assert_eq!(loaded(t, "thr_1").await.created_at, began);
    }

    /// Saving touches the thread, and no other.
    async fn saving_touches_the_thread(t: &Chats) {
        saved(t, "thr_1").await;
        let other = saved(t, "thr_2").await;
        wait_seconds(t, 60);
        let thread = saved(t, "thr_1").await;
        assert_eq!((thread.created_at, thread.updated_at), (noon(), at("2026-03-02T12:01:00Z")));
        assert_eq!(loaded(t, "thr_2").await, other);
    }

    /// Items, their places, and attachments stay when the thread is saved again.
    async fn saving_again_keeps_items_and_attachments(t: &Chats) {
        saved(t, "thr_1").await;
        let items = say(t, "thr_1", ["a", "b"]).await;
        let file = t.store.save_attachment(&alice(), file_in("thr_1", "atc_1", "p")).await.unwrap();
        saved(t, "thr_1").await;
        assert_eq!(items_of(t, "thr_1").await, items);
        assert_eq!(t.store.load_attachment(&alice(), &file.id).await.unwrap(), file);
        add(t, "thr_1", message("c", "c")).await;
        assert_eq!(ordinals(&items_of(t, "thr_1").await), [0, 1, 2]);
    }

    /// Every status comes back, with its reason or without, and can be changed to any other.
    async fn every_status_round_trips(t: &Chats) {
        let reasons = [None, Some(String::new()), Some("späße \"q\" 🎉\n".to_owned())];
        for reason in reasons {
            let all = [
                ThreadStatus::Locked { reason: reason.clone() },
                ThreadStatus::Active,
                ThreadStatus::Closed { reason },
            ];
            for status in all {
                let new = NewThread { status: status.clone(), ..new_thread("thr_1") };
                assert_eq!(save(t, &alice(), new).await.status, status);
                assert_eq!(loaded(t, "thr_1").await.status, status);
            }
        }
    }

    /// No domains and an empty list of domains are two things.
    async fn no_domains_are_not_an_empty_list(t: &Chats) {
        for domains in [Some(vec![]), None, Some(vec!["b".to_owned(), "a".into(), "b".into()])] {
            let new = NewThread { allowed_image_domains: domains.clone(), ..new_thread("thr_1") };
            assert_eq!(save(t, &alice(), new).await.allowed_image_domains, domains);
            assert_eq!(loaded(t, "thr_1").await.allowed_image_domains, domains);
        }
    }

    /// No title and an empty title are two things.
    async fn no_title_is_not_an_empty_title(t: &Chats) {
        for title in [Some(String::new()), None, Some("NULL".to_owned())] {
            let new = NewThread { title: title.clone(), ..new_thread("thr_1") };
            assert_eq!(save(t, &alice(), new).await.title, title);
            assert_eq!(loaded(t, "thr_1").await.title, title);
        }
    }

    /// A deleted thread is gone with its items and attachments.
    async fn a_deleted_thread_is_gone_with_all_that_was_in_it(t: &Chats) {
        saved(t, "thr_1").await;
        saved(t, "thr_2").await;
        say(t, "thr_1", ["a", "b"]).await;
        say(t, "thr_2", ["a"]).await;
        for (name, id) in [("thr_1", "atc_1"), ("thr_1", "atc_2"), ("thr_2", "atc_3")] {
            t.store.save_attachment(&alice(), file_in(name, id, id)).await.unwrap();
        }
        t.store.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        assert_not_found(t.store.load_thread(&alice(), &thread("thr_1")).await);
        assert_not_found(t.store.delete_thread(&alice(), &thread("thr_1")).await);
        assert_eq!(item_ids(&items_of(t, "thr_2").await), ["a"]);
        for (table, left) in [("threads", 1), ("items", 1), ("attachments", 1), ("files", 3)] {
            let count = t.count(&format!("SELECT COUNT(*) FROM chatkit_{table}")).await;
            assert_eq!(count, left, "{table}");
        }
    }

    /// A thread that is saved after it was deleted begins anew, with places from 0.
    async fn a_thread_saved_after_its_deletion_begins_anew(t: &Chats) {
        save(t, &alice().with_workflow("w"), described("thr_1", json!({"a": 1}))).await;
        say(t, "thr_1", ["a", "b"]).await;
        t.store.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        wait_seconds(t, 5);
        let again = saved(t, "thr_1").await;
        assert_eq!(again.created_at, at("2026-03-02T12:00:05Z"));
        assert_eq!((again.workflow_id, again.metadata), (None, json!({})));
        assert!(items_of(t, "thr_1").await.is_empty());
        assert_eq!(ordinals(&say(t, "thr_1", ["a", "b"]).await), [0, 1]);
    }

    /// Ids are compared byte by byte.
    async fn ids_of_threads_are_compared_byte_by_byte(t: &Chats) {
        let names = ["a", "A", "ä", "a\u{308}", "a ", " a", "a'", "a%", "a_", "\"a\"", "日本 🎉"];
        for name in names {
            let new = NewThread { title: Some(format!("<{name}>")), ..new_thread(name) };
            save(t, &alice(), new).await;
        }
        for name in names {
            assert_eq!(loaded(t, name).await.title, Some(format!("<{name}>")));
        }
    }

    /// Instants keep their microseconds, from the first year to the last.
    async fn instants_of_threads_keep_their_microseconds(t: &Chats) {
        let instants = [
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "2026-03-02T12:00:00.000001Z",
            "9999-12-31T23:59:59.999999Z",
        ];
        for (number, text) in instants.into_iter().enumerate() {
            let name = number.to_string();
            save(t, &alice(), NewThread { created_at: Some(at(text)), ..new_thread(&name) }).await;
            assert_eq!(loaded(t, &name).await.created_at, at(text));
        }
    }

    /// Two databases do not see each other's threads.
    async fn two_databases_do_not_see_each_others_threads(t: &Chats) {
        let other = t.other().await;
        saved(t, "thr_1").await;
        assert_not_found(other.load_thread(&alice(), &thread("thr_1")).await);
        let page = other.load_threads(&administrator(), &Default::default()).await.unwrap();
        assert!(page.items.is_empty());
        other.save_thread(&alice(), new_thread("thr_1")).await.unwrap();
        other.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        loaded(t, "thr_1").await;
    }

    /// What a save returns is what is stored, though the clock went back.
    async fn a_save_returns_what_is_stored_though_the_clock_went_back(t: &Chats) {
        saved(t, "thr_1").await;
        t.clock.set(at("2026-03-02T11:00:00Z"));
        let thread = saved(t, "thr_1").await;
        assert_eq!(loaded(t, "thr_1").await, thread);
        assert!(thread.updated_at >= thread.created_at);
        let item = add(t, "thr_1", message("a", "a")).await;
        assert_eq!(items_of(t, "thr_1").await, [item]);
    }

    /// A row that cannot be read is `Corrupt`, not left out.
    async fn an_unreadable_thread_is_corrupt(t: &Chats) {
        saved(t, "thr_1").await;
        t.sql("UPDATE chatkit_threads SET allowed_image_domains = '[5]'").await;
        let id = thread("thr_1");
        let read = [
            t.store.load_thread(&alice(), &id).await.map(drop),
            t.store.load_threads(&alice(), &Default::default()).await.map(drop),
        ];
        for answer in read {
            let error = answer.unwrap_err();
            assert!(matches!(error, store_core::Error::Corrupt { .. }), "{error}");
        }
    }

    /// The store makes ids of 128 bits that say what they are, none twice.
    async fn the_store_makes_ids_that_say_what_they_are(t: &Chats) {
        use store_core::chatkit::ItemType;
        let thread_id = t.store.generate_thread_id().unwrap();
        assert!(thread_id.as_str().starts_with("thr_") && thread_id.as_str().len() == 26);
        assert_ne!(t.store.generate_thread_id().unwrap(), thread_id);
        assert!(t.store.generate_attachment_id().unwrap().as_str().starts_with("atc_"));
        let prefixes = [
            (ItemType::ClientToolCall, "tc_"),
            (ItemType::Workflow, "wf_"),
            (ItemType::Task, "tsk_"),
            (ItemType::SdkHiddenContext, "shcx_"),
            (ItemType::HiddenContextItem, "msg_"),
            ("hologram".parse().unwrap(), "msg_"),
        ];
        for (item_type, prefix) in prefixes {
            let id = t.store.generate_item_id(&item_type).unwrap();
            assert!(id.as_str().starts_with(prefix), "{id}");
        }
    }

    /// A store tells that its database is well.
    async fn the_store_of_conversations_is_healthy(t: &Chats) {
        assert!(t.store.health().await.is_ready());
    }
}
