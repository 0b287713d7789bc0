//! Files and attachments that many take at once.

use store_core::Error;
use store_core::chatkit::NewAttachment;

use super::deletion_races::{assert_no_orphans, both};
use super::racing::at_once;
use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{alice, attach, attachment_id, file_at, file_in, released, saved};

behaviours! {
    emits chatkit_file_races_tests from chatkit::file_races;

    /// A path that many take at once belongs to one of them.
    async fn a_path_taken_by_many_belongs_to_one(t: &Chats) {
        for round in 0..5 {
            let path = round.to_string();
            let answers = at_once(t, 8, |number, store| {
                let new = file_at(&format!("{round} {number}"), &path);
                async move { store.save_attachment(&alice(), new).await }
            });
            let mut winners = 0;
            for answer in answers.await {
                match answer {
                    Ok(_) => winners += 1,
                    Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error}"),
                }
            }
            assert_eq!(winners, 1);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_attachments").await, 5);
    }

    /// Of many paths given to one attachment at once, one is kept and the others are released.
    async fn of_many_paths_of_one_attachment_one_is_kept(t: &Chats) {
        let answers = at_once(t, 12, |number, store| async move {
            let new = file_at("atc_1", &number.to_string());
            store.save_attachment(&alice(), new).await.unwrap()
        });
        assert_eq!(answers.await.len(), 12);
        let id = attachment_id("atc_1");
        let kept = t.store.load_attachment(&alice(), &id).await.unwrap().storage_path.unwrap();
        let released = released(t).await;
        assert_eq!(released.len(), 11);
        assert!(!released.contains(&kept));
        assert_no_orphans(t).await;
    }

    /// Two attachments that take each other's paths at once get a `Conflict` at most, and every
    /// path is held by one of them, or released.
    async fn two_attachments_that_take_each_others_paths_end(t: &Chats) {
        for round in 0..10 {
            let (p, q) = (format!("p{round}"), format!("q{round}"));
            let (a, b) = (format!("a{round}"), format!("b{round}"));
            attach(t, file_at(&a, &p)).await;
            attach(t, file_at(&b, &q)).await;
            let (one, other) = both(
                t,
                async |store| store.save_attachment(&alice(), file_at(&a, &q)).await,
                async |store| store.save_attachment(&alice(), file_at(&b, &p)).await,
            )
            .await;
            for answer in [one, other] {
                let error = answer.expect_err("a path that was released cannot be used again");
                assert!(matches!(error, Error::Conflict { .. }), "{error}");
            }
            for (id, path) in [(&a, &p), (&b, &q)] {
                let read = t.store.load_attachment(&alice(), &attachment_id(id)).await.unwrap();
                assert_eq!(read.storage_path.as_ref(), Some(path));
            }
        }
        assert!(released(t).await.is_empty());
    }

    /// An attachment that many threads take at once belongs to one of them.
    async fn an_attachment_taken_by_many_threads_belongs_to_one(t: &Chats) {
        for name in ["0", "1", "2", "3"] {
            saved(t, name).await;
        }
        let answers = at_once(t, 16, |number, store| async move {
            let name = (number % 4).to_string();
            let new = NewAttachment { storage_path: None, ..file_in(&name, "atc_1", "p") };
            (name, store.save_attachment(&alice(), new).await)
        });
        let id = attachment_id("atc_1");
        let answers = answers.await;
        let winner = t.store.load_attachment(&alice(), &id).await.unwrap().thread_id.unwrap();
        for (name, answer) in answers {
            match answer {
                Ok(_) => assert_eq!(name, winner.as_str()),
                Err(error) => {
                    assert!(matches!(error, Error::Conflict { .. }), "{error}");
                    assert_ne!(name, winner.as_str());
                }
            }
        }
    }

    /// A file that is released and forgotten beside a save of its path is one or the other.
    async fn a_path_forgotten_beside_a_save_is_taken_or_free(t: &Chats) {
        for round in 0..10 {
            let path = round.to_string();
            attach(t, file_at("atc_1", &path)).await;
            t.store.delete_attachment(&alice(), &attachment_id("atc_1")).await.unwrap();
            let paths = [path.clone()];
            let (saved, forgotten) = both(
                t,
                async |store| store.save_attachment(&alice(), file_at("atc_2", &path)).await,
                async |store| store.forget_files(&paths).await.unwrap(),
            )
            .await;
            assert_eq!(forgotten, 1);
            let id = attachment_id("atc_2");
            match saved {
                Ok(_) => t.store.delete_attachment(&alice(), &id).await.unwrap(),
                Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error}"),
            }
            t.store.forget_files(&paths).await.unwrap();
            assert_eq!(t.count("SELECT COUNT(*) FROM chatkit_files").await, 0);
        }
    }
}
